"""Questions to a DNS server of this test: answers, refusals, silence, and datagrams that are no answers."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bpf import names

NAME = "kubernetes.default.svc.cluster.local"
Answer = Callable[[bytes], bytes | None]


@contextmanager
def server(*answers: Answer) -> Iterator[int]:
    """Answer each question by the next function; None is silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)

        def serve() -> None:
            for answer in answers:
                data, asker = sock.recvfrom(4096)
                if (said := answer(data)) is not None:
                    sock.sendto(said, asker)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        thread.join(10)


def said(data: bytes, code: int = 0, records: bytes = b"", count: int = 0) -> bytes:
    return data[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0) + data[12:] + records


def record(kind: int, content: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 5, len(content)) + content


def good(data: bytes) -> bytes:
    return said(data, records=record(1, bytes([10, 96, 0, 1])), count=1)


def ask(*answers: Answer) -> dict[str, Any]:
    with server(*answers) as port:
        return names.resolve("127.0.0.1", NAME, port)


def test_the_question_carries_the_name_label_by_label() -> None:
    assert names.question(b"ab", "a.bcd.") == b"ab\x01\0\0\x01\0\0\0\0\0\0\x01a\x03bcd\0\0\x01\0\x01"


def test_an_answer_is_told_with_its_time() -> None:
    found = ask(good)
    assert (found["answers"], found["error"], found["asked"]) == (["10.96.0.1"], None, 1)
    assert 0 < found["ms"] < 1200


def test_silence_is_asked_again_from_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "PATIENCE", 1.0)
    found = ask(lambda _: None, lambda _: None, good)
    assert (found["answers"], found["error"], found["asked"]) == (["10.96.0.1"], None, 3)
    found = ask(lambda _: None, lambda _: None, lambda _: None)
    assert (found["answers"], found["error"], found["asked"]) == ([], "ETIMEDOUT", 3)


def test_a_refusal_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "TRIES", 1)
    assert ask(lambda data: said(data, 3))["error"] == "NXDOMAIN"
    assert ask(lambda data: said(data, 9))["error"] == "code 9"
    monkeypatch.setattr(names, "PATIENCE", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert names.resolve("127.0.0.1", NAME, port)["error"] == "ECONNREFUSED"


def test_other_records_are_passed_over() -> None:
    alias = record(5, b"\x01x\0")
    spelt = record(1, bytes([10, 0, 0, 2]), name=b"\x01x\x01y\xc0\x0c")
    assert ask(lambda data: said(data, records=alias + spelt, count=2))["answers"] == ["10.0.0.2"]


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: b"",
        lambda data: data[:5],
        lambda data: said(data, count=1),
        lambda data: said(data, records=record(1, b"\1\2\3\4"), count=7),
        lambda data: b"xx" + good(data)[2:],
        lambda data: said(data, records=b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 5, 4), count=1),
    ],
    ids=["empty", "short", "no record", "too few", "another's", "cut"],
)
def test_nonsense_is_no_answer(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "TRIES", 1)
    found = ask(answer)
    assert found["answers"] == []
    assert found["error"]
