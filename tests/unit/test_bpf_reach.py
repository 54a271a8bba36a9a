"""What the node's program asks beyond pods: HTTP, a service's address, another node, Cilium's maps of services."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bpf import probe, reach, responder, service

HOME = "127.0.0.1"


@pytest.fixture
def far_end() -> Iterator[int]:
    servers = responder.serve(0, HOME)
    yield servers[0].server_address[1]
    for server in servers:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def saying(*answers: bytes) -> Iterator[int]:
    """Answer one connection after the other with these bytes."""
    with socket.create_server((HOME, 0)) as server:

        def serve() -> None:
            for answer in answers:
                with server.accept()[0] as caller:
                    caller.recv(4096)
                    caller.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


@pytest.fixture
def closed() -> int:
    with socket.create_server((HOME, 0)) as server:
        return int(server.getsockname()[1])


def test_a_get_is_answered_at_once_with_its_status_and_the_address_seen(far_end: int) -> None:
    found = probe.http(HOME, far_end)
    assert found == {"sent": found["sent"], "received": found["sent"], "source": HOME, "by": HOME, "status": 200}


def test_a_head_in_parts_is_one_request(far_end: int) -> None:
    with socket.create_connection((HOME, far_end), 5) as call:
        for part in (b"GE", b"T / HTTP/1.1\r\nHost: x\r\n", b"\r\n"):
            call.sendall(part)
        assert call.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP 503"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "not a responder's answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n[]", "not a responder's answer"),
        (b"SSH-2.0-OpenSSH\r\n", "not an answer of HTTP"),
        (b"HTTP/1.1\r\n\r\n", "not an answer of HTTP"),
        (b"", "not an answer of HTTP"),
    ],
)
def test_another_answer_is_told_as_what_it_is(said: bytes, error: str) -> None:
    with saying(said) as port:
        assert probe.http(HOME, port)["error"] == error


def test_a_service_is_asked_by_all_three_and_only_once_where_it_answers(far_end: int) -> None:
    found = reach.service(HOME, far_end, far_end)
    assert [found[kind]["asked"] for kind in ("tcp", "udp", "http")] == [1, 1, 1]
    assert all(found[kind]["received"] == found[kind]["sent"] for kind in ("tcp", "udp", "http"))


def test_a_failed_exchange_is_tried_again_and_at_most_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "PAUSE", 0.0)
    answers: Iterator[dict[str, Any]] = iter([{"error": "EHOSTUNREACH"}, {"received": 1}])
    assert reach.again(lambda: next(answers)) == {"received": 1, "asked": 2}
    assert reach.again(lambda: {"error": "EHOSTUNREACH"}) == {"error": "EHOSTUNREACH", "asked": 3}


def test_a_node_is_reached_where_it_listens_and_where_it_refuses_by_itself(far_end: int, closed: int) -> None:
    open_, shut = reach.node("n2", HOME, far_end), reach.node("n2", HOME, closed)
    assert (open_["node"], open_["tcp"]["received"], open_["closed"]) == ("n2", 1, False)
    assert (shut["tcp"]["received"], shut["closed"]) == (1, True)
    assert "ping" not in shut


def test_a_refusal_by_the_network_is_none_by_the_node(monkeypatch: pytest.MonkeyPatch, closed: int) -> None:
    told = {"error": "ECONNREFUSED", "origin": 2, "icmp": [3, 3], "from": "192.0.2.1"}
    monkeypatch.setattr(probe, "network_error", lambda _: told)
    monkeypatch.setattr(probe, "ping", lambda *_: {"sent": 2, "received": 2})
    found = reach.node("n2", HOME, closed)
    assert (found["tcp"], found["ping"]) == ({"sent": 1, **told}, {"sent": 2, "received": 2})


class Table:
    """A pinned table's entries."""

    def __init__(self, entries: dict[bytes, bytes]) -> None:
        self.entries = entries

    def get(self, key: bytes) -> bytes | None:
        """Return an entry."""
        return self.entries.get(key)


def facts(monkeypatch: pytest.MonkeyPatch, tables: dict[str, dict[bytes, bytes]]) -> Any:
    @contextlib.contextmanager
    def pinned(path: Path, *_: int) -> Iterator[Table]:
        if path.name not in tables:
            raise FileNotFoundError(errno.ENOENT, "no such table")
        yield Table(tables[path.name])

    monkeypatch.setattr(service, "pinned", pinned)
    return service.facts("10.96.7.7", service.ports({"port": 4271, "web_port": 80}))


def backend(address: str) -> bytes:
    return service.BACKEND.pack(socket.inet_aton(address), b"\x10\xaf", 6, 0, 0, 0, 0)


def test_the_pods_behind_each_port_come_from_ciliums_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {
        service.key("10.96.7.7", 4271, 6): service.SERVICE.pack(0, 2, 1, 0, 0, 0),
        service.key("10.96.7.7", 4271, 6, 1): service.SERVICE.pack(11, 0, 1, 0, 0, 0),
        service.key("10.96.7.7", 4271, 6, 2): service.SERVICE.pack(12, 0, 1, 0, 0, 0),
        service.key("10.96.7.7", 4271, service.ANY): service.SERVICE.pack(0, 1, 1, 0, 0, 0),
    }
    backends = {service.IDENTITY.pack(11): backend("10.244.1.5")}
    found = facts(monkeypatch, {service.SERVICES: entries, service.BACKENDS: backends})
    assert found["ports"]["tcp"] == {"count": 2, "pods": ["10.244.1.5", "no backend 12"]}
    assert found["ports"]["udp"] == {"count": 1, "pods": ["no slot"]}
    assert found["ports"]["http"] is None


def test_without_maps_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert facts(monkeypatch, {}) == {"kept": False, "ports": {}}
