"""Cilium's drop counters: entries of all source lines and processors add up, and only what is new is told."""

from __future__ import annotations

from pathlib import Path

from bpf.metrics import KEY, VALUE, processors, since, totals


def entry(reason: int, direction: int, line: int, *counts: int) -> tuple[bytes, bytes]:
    return KEY.pack(reason, direction, line, 1), b"".join(VALUE.pack(count, 0) for count in counts)


def test_lines_and_processors_add_up_and_forwarded_packets_are_left_out() -> None:
    found = totals([entry(133, 1, 10, 2, 3), entry(133, 1, 20, 1, 0), entry(133, 2, 10, 4, 0), entry(0, 1, 5, 9, 9)])
    assert found == {(133, 1): 6, (133, 2): 4}


def test_only_new_drops_are_told() -> None:
    new = since({(133, 1): 6, (181, 2): 1}, {(133, 1): 8, (181, 2): 1, (169, 2): 3})
    assert new == [
        {"reason": 133, "direction": "ingress", "count": 2},
        {"reason": 169, "direction": "egress", "count": 3},
    ]


def test_possible_processors_are_counted(tmp_path: Path) -> None:
    for text, count in (("0\n", 1), ("0-7\n", 8), ("0-1,4-5\n", 6)):
        (tmp_path / "possible").write_text(text)
        assert processors(tmp_path / "possible") == count
