"""What a node says of its agent's policies: read from a socket, bounded, and with time for pods that lag behind."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bpf import policies

LABELS = [
    {"key": "io.cilium.k8s.policy.derived-from", "value": "NetworkPolicy", "source": "k8s"},
    {"key": "io.cilium.k8s.policy.name", "value": "underlay-web", "source": "k8s"},
    {"key": "io.cilium.k8s.policy.namespace", "value": "shop", "source": "k8s"},
]
OTHER = ["k8s:io.cilium.k8s.policy.name=theirs"]
POLICY = {"revision": 7, "policy": json.dumps([{"Labels": LABELS}, {"Labels": LABELS}, {"Labels": OTHER}])}


def endpoint(revision: int = 7) -> dict[str, Any]:
    """Return an endpoint as the agent lists it."""
    return {
        "id": 982,
        "status": {
            "external-identifiers": {"cni-attachment-id": "a:eth0"},
            "networking": {"addressing": [{"ipv4": "10.244.1.20"}]},
            "policy": {"realized": {"policy-revision": revision, "policy-enabled": "both"}},
            "identity": {"labels": ["k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop", "k8s:io.cilium.k8s.x=y"]},
            "state": "ready",
        },
    }


def answer(path: str, revisions: list[int]) -> bytes:
    """Return what an agent says; its pod's revision is each time the next one."""
    if path == "/v1/policy":
        return json.dumps(POLICY).encode()
    revision = revisions.pop(0) if len(revisions) > 1 else revisions[0]
    return json.dumps([{"status": {"state": "ready"}}, endpoint(revision)]).encode()


@contextmanager
def agent(path: Path, say: Callable[[str], bytes], head: str = "HTTP/1.0 200 OK") -> Iterator[None]:
    """Listen in an agent's place."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        while True:
            try:
                call, _ = server.accept()
            except OSError:
                return
            with call:
                asked = call.recv(1000).decode().split()[1]
                call.sendall(head.encode() + b"\r\n\r\n" + say(asked))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def test_policies_and_pods_are_told_by_name(tmp_path: Path) -> None:
    with agent(tmp_path / "s", lambda path: answer(path, [7])):
        told = policies.facts(tmp_path / "s")
    assert told == {
        "revision": 7,
        "policies": ["NetworkPolicy shop/underlay-web"],
        "pods": [
            {
                "namespace": "shop",
                "name": "endpoint-982",
                "address": "10.244.1.20",
                "state": "ready",
                "revision": 7,
                "enabled": "both",
                "labels": {"app": "web"},
            }
        ],
    }


def test_a_pod_that_lags_behind_gets_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "AGAIN", 0.01)
    revisions = [5, 6, 7]
    with agent(tmp_path / "s", lambda path: answer(path, revisions)):
        told = policies.facts(tmp_path / "s")
    assert told
    assert told["pods"][0]["revision"] == 7


def test_a_pod_that_stays_behind_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "LATE", 0.05)
    monkeypatch.setattr(policies, "AGAIN", 0.01)
    with agent(tmp_path / "s", lambda path: answer(path, [6])):
        told = policies.facts(tmp_path / "s")
    assert told
    assert told["pods"][0]["revision"] == 6


def test_an_agent_without_policies_holds_none(tmp_path: Path) -> None:
    none = {"/v1/policy": {"revision": 1, "policy": "null"}, "/v1/endpoint": []}
    with agent(tmp_path / "s", lambda path: json.dumps(none[path]).encode()):
        assert policies.facts(tmp_path / "s") == {"revision": 1, "policies": [], "pods": []}


def test_no_agent_is_nothing_and_a_refusal_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert policies.facts(tmp_path / "none") is None
    with (
        agent(tmp_path / "s", lambda _: b"{}", "HTTP/1.0 503 busy"),
        pytest.raises(OSError, match="503"),
    ):
        policies.facts(tmp_path / "s")
    monkeypatch.setattr(policies, "LONGEST", 10)
    with agent(tmp_path / "t", lambda path: answer(path, [7])), pytest.raises(OSError, match="bytes"):
        policies.facts(tmp_path / "t")
