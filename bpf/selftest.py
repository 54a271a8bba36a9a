"""Proof that the programs read this kernel rightly: one packet of known content, and what must be counted for it."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Sequence
from typing import Any

from bpf.events import POD, UNNAMED, Events, own_namespace

LOOPBACK = 1
"""Interface number of `lo`, in every network namespace."""
NEEDED = ("sent", "received", "routed", "dropped")
"""What happens to a datagram to a closed port of the own machine."""
PATIENCE = 1.0
"""Seconds until the kernel has to have counted it; it takes microseconds."""


def run(events: Events) -> dict[str, Any]:
    """Send a datagram between two random loopback addresses and return what was counted, and what is wrong."""
    source, target = (f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{low}" for low in (11, 12))
    needed = [point for point in NEEDED if point in events.selection.points]
    events.watch([source, target], POD)
    try:
        _send(source, target)
        rows = _wait(events, (source, target), needed)
    finally:
        events.forget([source, target])
    wrong = judge(rows, own_namespace(), needed)
    return {"source": source, "target": target, "wrong": wrong, "seen": rows}


def judge(rows: list[dict[str, Any]], namespace: int, needed: Sequence[str] = NEEDED) -> list[str]:
    """Return one sentence for each thing that the counters of the datagram should say and do not."""
    wrong = [f"no event {point!r} for the self-test's datagram" for point in needed if not _of(rows, point)]
    for row in rows:
        expected = {"netns": namespace, "ifindex": LOOPBACK, "protocol": socket.IPPROTO_UDP, "form": "bare"}
        wrong += [
            f"event {row['point']!r}: found {name} {row[name]}; expected {value}"
            for name, value in expected.items()
            if row[name] != value
        ]
    named = "dropped" not in needed or any(_is_named(row) for row in _of(rows, "dropped"))
    return wrong if named or wrong else ["the drop at a closed port is not named as one"]


def level(result: dict[str, Any], events: Events) -> str:
    """Return how much the kernel's account is worth: all of it, a part, or nothing."""
    if result["wrong"] or not events.selection.points:
        return "none"
    whole = set(NEEDED) <= set(events.selection.points) and events.selection.reasons
    return "full" if whole else "partial"


def _is_named(row: dict[str, Any]) -> bool:
    """Say whether a drop tells that no socket was there: by its reason, or by its place on kernels without reasons."""
    return "SOCKET" in row["reason"] or (row["reason"] == UNNAMED and "udp" in row["function"])


def _send(source: str, target: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(b"underlay self-test", (target, 9))


def _wait(events: Events, flow: tuple[str, str], needed: Sequence[str]) -> list[dict[str, Any]]:
    deadline = time.monotonic() + PATIENCE
    while True:
        rows = [row for row in events.counters() if (row["source"], row["target"]) == flow]
        if time.monotonic() > deadline or all(_of(rows, point) for point in needed):
            return rows
        time.sleep(0.01)


def _of(rows: list[dict[str, Any]], point: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["point"] == point]
