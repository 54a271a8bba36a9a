"""Filters of FRR and VRP, which are alike: maps of clauses that permit or deny what lists of prefixes match."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from underlay.plan.ends.end import EVERYTHING, UNKNOWN, Entries

Lists = Mapping[str, Sequence[tuple[int, str]]]
"""Name → entries, each with its place."""


class Clause(NamedTuple):
    """One entry of a map."""

    number: int
    permits: bool
    matches: tuple[str, ...]


def passed(clauses: Iterable[Clause], lists: Lists) -> Entries | None:
    """Return what a map lets pass; None where a clause or an entry is not understood."""
    found: set[str] = set()
    for clause in sorted(clauses):
        entries = [one for name in clause.matches for _, one in sorted(lists.get(name, []))]
        if UNKNOWN in (*clause.matches, *entries):
            return None
        found.update(entries if clause.permits else _turned(entries))
        if clause.permits and not clause.matches:
            found.update(EVERYTHING)
    return tuple(sorted(found))


def _turned(entries: Iterable[str]) -> list[str]:
    """Return what a clause that denies does to the entries that it matches; what it does not match goes on."""
    return [f"!{one}" for one in entries if not one.startswith("!")]
