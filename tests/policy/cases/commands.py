"""Cases of the rules about commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy.strict import Answer
from policy.testing import UNKNOWN, Resource, secret
from tests.policy.cases.case import (
    CLUSTER,
    LOCAL,
    NOT_APPLICABLE,
    PASS,
    REMOTE,
    UNDETERMINED,
    VIOLATION,
    Case,
    one,
)
from tests.unit.plan_sites import KEY

KEYS, DATA, LIMIT = "host-keys-are-pinned", "commands-hold-no-data", "commands-have-time-limits"
HOST = {"host": "192.0.2.1", "hostKey": KEY}

CONNECTIONS: tuple[tuple[str, object, Answer], ...] = (
    ("a pinned key", HOST, PASS),
    ("a key with a comment", {**HOST, "hostKey": f"{KEY} root@node"}, PASS),
    ("no key", {"host": "192.0.2.1"}, VIOLATION),
    ("an empty key", {**HOST, "hostKey": ""}, VIOLATION),
    ("a fingerprint", {**HOST, "hostKey": "SHA256:abc"}, VIOLATION),
    ("a proxy without a key", {**HOST, "proxy": {"host": "192.0.2.2"}}, VIOLATION),
    ("a proxy with its key", {**HOST, "proxy": HOST}, PASS),
    ("an unknown key", {**HOST, "hostKey": UNKNOWN}, UNDETERMINED),
    ("no connection", None, VIOLATION),
)

TEXTS: tuple[tuple[str, object, Answer], ...] = (
    ("a constant program", "timeout 60 python3 -", PASS),
    ("an address of itself", "curl http://127.0.0.1:9879/healthz", PASS),
    ("a version", "apt-get install x=1.2.3", PASS),
    ("a secret", secret("echo sesame"), VIOLATION),
    ("an address", "ip route add 10.1.0.0/16 via 192.0.2.1", VIOLATION),
    ("a password", "mysql --password=x", VIOLATION),
    ("a key", "echo '-----BEGIN CERTIFICATE-----'", VIOLATION),
    ("a program with its data", "echo " + "x" * 3000, VIOLATION),
    ("an output of another resource", UNKNOWN, UNDETERMINED),
)

LIMITS: tuple[tuple[str, dict[str, Any], float, dict[str, Any], Answer], ...] = (
    ("a timeout", {"create": "timeout 60 python3 -"}, 0, {}, PASS),
    ("a timeout with its kill", {"create": "timeout -k 5 60 python3 -", "delete": "timeout 5 rm x"}, 0, {}, PASS),
    ("a timeout below sudo", {"create": "sudo -n timeout -k 5 60 python3 -"}, 0, {}, PASS),
    ("a timeout in sudo's shell", {"create": "sudo -n sh -c 'timeout -k 5 60 python3 -'"}, 0, {}, PASS),
    ("none in sudo's shell", {"create": "sudo -n sh -c 'python3 -; timeout 5 true'"}, 0, {}, VIOLATION),
    ("none", {"create": "python3 -"}, 0, {}, VIOLATION),
    ("none in another step", {"create": "timeout 60 true", "delete": "rm -r /x"}, 0, {}, VIOLATION),
    ("a timeout in the middle", {"create": "sleep 100; timeout 60 true"}, 0, {}, VIOLATION),
    ("a custom timeout", {"create": "python3 -"}, 60, {}, PASS),
    ("a program that ends", {"create": "python3 -m underlay verify --json"}, 0, {}, PASS),
    ("more behind a program that ends", {"create": "python3 -m underlay verify; sleep 9"}, 0, {}, VIOLATION),
    ("a configured program", {"create": "make-it"}, 0, {"endsByItself": ["make-it"]}, PASS),
    (
        "a program that is not configured",
        {"create": "python3 -m underlay verify"},
        0,
        {"endsByItself": ["x"]},
        VIOLATION,
    ),
)


def cases() -> Iterator[Case]:
    """Yield every case."""
    for title, connection, expected in CONNECTIONS:
        props = {"create": "x"} if connection is None else {"create": "x", "connection": connection}
        yield one(KEYS, title, expected, Resource(REMOTE, props))
    yield one(KEYS, "a copy without a key", VIOLATION, Resource("command:remote:CopyToRemote", {"connection": {}}))
    yield one(KEYS, "a redacted connection", NOT_APPLICABLE, Resource(REMOTE, {"connection": "[secret]"}))
    yield one(KEYS, "a command outside the targets of an update", NOT_APPLICABLE, Resource(REMOTE, {}))
    yield one(KEYS, "a local command", NOT_APPLICABLE, Resource(LOCAL, {"create": "x"}))
    for title, text, answer in TEXTS:
        yield one(DATA, title, answer, Resource(LOCAL, {"create": text}))
    yield one(DATA, "data on standard input", PASS, Resource(LOCAL, {"create": "x", "stdin": "10.1.2.3"}))
    yield one(DATA, "a lower limit", VIOLATION, Resource(LOCAL, {"delete": "0123456789"}), {"longest": 5})
    allowed = Resource(LOCAL, {"create": "ping 192.0.2.1"})
    yield one(DATA, "an address that is allowed", PASS, allowed, {"addresses": ["192.0.2.1"]})
    yield one(DATA, "no command", NOT_APPLICABLE, Resource(CLUSTER, {}))
    for title, props, seconds, config, expected in LIMITS:
        yield one(LIMIT, title, expected, Resource(LOCAL, props, seconds=seconds), config)
    yield one(LIMIT, "no command", NOT_APPLICABLE, Resource(CLUSTER, {}))
