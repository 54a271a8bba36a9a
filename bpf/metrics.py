"""Cilium's own counters of dropped packets, from its pinned map: how many, why, and in which direction."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from bpf.syscall import pinned

PIN = Path("/sys/fs/bpf/tc/globals/cilium_metrics")
POSSIBLE = Path("/sys/devices/system/cpu/possible")
KEY, VALUE = struct.Struct("<BBHB3x"), struct.Struct("<QQ")
"""Reason, direction, line and file; packets and bytes, once for each processor (bpf/lib/metrics.h)."""
FIRST_DROP = 130
"""Smaller reasons are packets that went on."""
DIRECTIONS = {1: "ingress", 2: "egress"}

Totals = dict[tuple[int, int], int]
"""Packets by reason and direction."""


def read(pin: Path = PIN) -> Totals:
    """Return the packets that Cilium has dropped since it counts; OSError where its map cannot be read."""
    with pinned(pin, KEY.size, VALUE.size, processors()) as table:
        return totals(table.items())


def totals(items: list[tuple[bytes, bytes]]) -> Totals:
    """Return the drops among the map's entries: lines of source and processors added up."""
    found: Totals = {}
    for key, value in items:
        reason, direction, _, _ = KEY.unpack(key)
        if reason >= FIRST_DROP:
            place = (reason, direction & 3)
            found[place] = found.get(place, 0) + sum(count for count, _ in VALUE.iter_unpack(value))
    return found


def since(before: Totals, after: Totals) -> list[dict[str, Any]]:
    """Return what was dropped between two readings."""
    return [
        {"reason": reason, "direction": DIRECTIONS.get(direction, str(direction)), "count": count - before.get(key, 0)}
        for key, count in sorted(after.items())
        for reason, direction in [key]
        if count > before.get(key, 0)
    ]


def processors(possible: Path = POSSIBLE) -> int:
    """Return how many processors the kernel keeps values for."""
    return 1 + int(possible.read_text().strip().replace(",", "-").rpartition("-")[2])
