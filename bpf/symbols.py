"""The names of the kernel's functions by address, from its own list."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

LIST = Path("/proc/kallsyms")
CODE = frozenset("tTwW")
"""Letters of functions in the list."""


def functions(addresses: Iterable[int], path: Path = LIST) -> dict[int, str]:
    """Return the function around each address; the address itself where the kernel hides its symbols."""
    wanted = sorted(set(addresses))
    below = [(0, "")] * len(wanted)
    for start, name in _symbols(path) if wanted else ():
        at = bisect_left(wanted, start)
        if at < len(wanted) and below[at][0] < start:
            below[at] = (start, name)
    found, last = {}, (0, "")
    for address, candidate in zip(wanted, below):  # noqa: B905 - nodes may have Python 3.9
        last = max(last, candidate)
        found[address] = last[1] or hex(address)
    return found


def _symbols(path: Path) -> Iterable[tuple[int, str]]:
    """Yield start and name of each function; the list is in no order, and its addresses are 0 where they are hidden."""
    if not path.exists():
        return
    with path.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            start, kind, name = line.split(maxsplit=3)[:3]
            if kind in CODE:
                yield int(start, 16), name
