"""Which lines of an FRR configuration are ours, once `write memory` has taken the marks around them away."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from underlay.remote.frr_lines import Entry, Path, entries, located

NAMED = re.compile(r"ip prefix-list UNDERLAY-|neighbor UNDERLAY-")
CONTEXT = "route-map UNDERLAY-"
NAMELESS = re.compile(r"network |bgp (bestpath as-path multipath-relax$|graceful-restart stalepath-time )")
"""Lines of ours without a name: taken for ours where every neighbour of the same BGP is ours."""
TIED = re.compile(r"neighbor (\S+) (?:peer-group|route-map) UNDERLAY-")
"""A neighbour that is ours by what it uses."""


def named(known: Iterable[Entry]) -> dict[Entry, None]:
    """Return the lines that are ours by their names alone, with each context that holds nothing else."""
    lines = list(known)
    neighbors = {(path[:1], found[1]) for path, line in lines if (found := TIED.match(line))}
    ours = {
        (path, line): None
        for path, line in lines
        if NAMED.match(line) or "".join(path[:1]).startswith(CONTEXT) or (path[:1], _neighbor(line)) in neighbors
    }
    shared = {path[:1] for path, line in lines if _neighbor(line) and (path, line) not in ours}
    alone = {path[:1] for path, line in ours if _neighbor(line)} - shared
    ours |= {(path, line): None for path, line in lines if path[:1] in alone and NAMELESS.match(line)}
    return ours | {(path, line): None for path, line in lines if not line and path in _emptied(lines, ours)}


def without(text: str, ours: Iterable[Entry], theirs: Container[Entry] = ()) -> str:
    """Return a text without these lines, without all that it says of their neighbours, and without emptied contexts.

    What somebody else had written before ours came (`theirs`) stays.
    """
    gone = dict.fromkeys(ours)
    neighbors = {(path[:1], _neighbor(line)) for path, line in gone if _neighbor(line)}
    lines = list(entries(text))
    gone |= {(path, line): None for path, line in lines if (path[:1], _neighbor(line)) in neighbors}
    gone = {entry: None for entry in gone if entry not in theirs}
    emptied = _emptied(lines, gone)
    return "".join(
        raw
        for raw, path, line in located(text)
        if not (line and (path, line) in gone) and not any(path[:length] in emptied for length in range(1, 3))
    )


def _neighbor(line: str) -> str:
    return line.split()[1] if line.startswith("neighbor ") else ""


def _emptied(lines: list[Entry], ours: dict[Entry, None]) -> set[Path]:
    """Return the contexts in which something of ours stands and nothing of anybody else."""
    touched = {path[:length] for path, _ in ours for length in range(1, len(path) + 1)}
    others = {
        path[:length] for path, line in lines if line and (path, line) not in ours for length in range(1, len(path) + 1)
    }
    return touched - others
