"""Commands on machines: the right machine, a constant program, and an end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import PolicyConfigSchema, ResourceValidationArgs, Severity

from ..marks import REDACTED, is_secret, shown
from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, violation

REMOTE, ANY = "command:remote:", "command:"
STEPS = ("create", "update", "delete")
LONGEST = 2000
"""Letters of a command: a start of a program fits, a program with its data does not."""
ENDS_BY_ITSELF = ("python3 -m underlay [a-z-]+( --json)?",)

KEYS = About(
    name="host-keys-are-pinned",
    description="A remote command knows the key of the machine that it means, and of every machine between.",
    remediation="Set connection.hostKey (and connection.proxy.hostKey) to the machine's own public key, taken from the "
    "machine and not from the network; without it, any machine that answers is believed.",
    severity=Severity.CRITICAL,
)
DATA = About(
    name="commands-hold-no-data",
    description="The text of a command is a constant program; data travels on standard input.",
    remediation="Write data as JSON into `stdin` and read it there: a failed command prints its text, and a value in "
    "it is a word of the shell.",
    severity=Severity.HIGH,
    config=PolicyConfigSchema(
        properties={
            "longest": {"type": "integer", "minimum": 1, "default": LONGEST},
            "addresses": {"type": "array", "items": {"type": "string"}, "default": ["127.0.0.1", "0.0.0.0"]},  # noqa: S104 - texts that are no data
        }
    ),
)
LIMIT = About(
    name="commands-have-time-limits",
    description="Every command ends, also where its machine hangs.",
    remediation="Begin the command with `timeout -k 5 SECONDS`, give the resource custom timeouts, or name a program "
    "that ends by itself in `endsByItself` of the pack's configuration.",
    severity=Severity.MEDIUM,
    config=PolicyConfigSchema(
        properties={"endsByItself": {"type": "array", "items": {"type": "string"}, "default": list(ENDS_BY_ITSELF)}}
    ),
)

HOST_KEY = re.compile(r"(ssh-(ed25519|rsa)|ecdsa-sha2-\S+|sk-\S+) \S{40,}")
ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")
CREDENTIAL = re.compile(r"(?i)(password|passwd|token|secret|api[_-]?key)\s*[=:]\s*\S|-----BEGIN ")
TIMEOUT = re.compile(r"^\s*(sudo (-\S+ )*(sh -c ['\"])?)?timeout (-\S+ (\d\S* )?)*\d+")


def host_keys(args: ResourceValidationArgs) -> Judgement:
    """Judge the connection of a remote command or copy."""
    if not args.resource_type.startswith(REMOTE):
        return not_applicable("no remote command")
    connection = args.props.get("connection")
    if connection == REDACTED:
        return not_applicable("the connection is redacted in a saved state; preview judges it")
    wrong = [place for place, machine in _machines(connection or {}) if not HOST_KEY.match(_key(machine))]
    return violation(f"{', '.join(wrong)} is missing or no public key. {KEYS.remediation}") if wrong else PASSED


def data(args: ResourceValidationArgs) -> Judgement:
    """Judge the text of each step of a command."""
    if not args.resource_type.startswith(ANY):
        return not_applicable("no command")
    longest = int(float(args.get_config().get("longest") or LONGEST))
    allowed = set(args.get_config().get("addresses") or ("127.0.0.1", "0.0.0.0"))  # noqa: S104 - texts that are no data
    wrong = [f"{step} {problem}" for step, text in _texts(args.props) for problem in _data(text, longest, allowed)]
    return violation(f"{'; '.join(wrong)}. {DATA.remediation}") if wrong else PASSED


def limit(args: ResourceValidationArgs) -> Judgement:
    """Judge whether each step of a command ends."""
    if not args.resource_type.startswith(ANY):
        return not_applicable("no command")
    programs = list(args.get_config().get("endsByItself") or ENDS_BY_ITSELF)
    given = args.opts.custom_timeouts
    seconds = dict(zip(STEPS, (given.create_seconds, given.update_seconds, given.delete_seconds), strict=True))
    wrong = [
        step
        for step, text in _texts(args.props)
        if not (
            TIMEOUT.match(text) or seconds[step] or any(re.fullmatch(program, text.strip()) for program in programs)
        )
    ]
    return violation(f"{', '.join(wrong)} may run for ever. {LIMIT.remediation}") if wrong else PASSED


def _machines(connection: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "connection.hostKey", connection
    if proxy := connection.get("proxy"):
        yield "connection.proxy.hostKey", proxy


def _key(machine: Mapping[str, Any]) -> str:
    return str(machine.get("hostKey") or "")


def _texts(props: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for step in STEPS:
        if (text := props.get(step)) is not None:
            yield step, text


def _data(text: str, longest: int, allowed: set[str]) -> Iterator[str]:
    if is_secret(text):
        yield "holds a secret"
        return
    if len(text) > longest:
        yield f"has {len(text)} letters, expected {longest} at most"
    if CREDENTIAL.search(text):
        yield "holds a credential"
    if found := [address for address in ADDRESS.findall(text) if address not in allowed]:
        yield f"holds {shown(found[0])}"


POLICIES = [resource_policy(KEYS, host_keys), resource_policy(DATA, data), resource_policy(LIMIT, limit)]
