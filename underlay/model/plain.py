"""Whether a declaration is plain data of a sane size: what is not could keep every later step busy for ever.

YAML can name one list a thousand times inside another, nest without end and hold itself; the engine's own reader
refuses some of that, other readers none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from underlay.finding import Finding, Refused, shown

DEEPEST = 32
"""Levels of lists and mappings; a site has six."""
MOST = 500_000
"""Values; a site of 5,000 nodes, which is Kubernetes' limit, has about 120,000."""
LONGEST = 4096
"""Characters of one text or key: the longest path that the kernel takes."""
LARGEST = 2**63
TOLD = 100
"""Findings of this kind that are told; a declaration with more is something else altogether."""

Way = tuple[Any, ...]
"""The way to a value from inside out: its key, and the way to what holds it."""


class Problem(NamedTuple):
    """What is wrong with one value."""

    found: str
    expected: str
    fix: str = ""


TOO_MUCH = Problem(
    "more values than a site has",
    f"at most {MOST:,} values in at most {DEEPEST} levels",
    "Look for YAML anchors (&, *) that repeat each other.",
)


def require_plain(declared: object, root: str, rule: str) -> None:
    """Refuse what is no plain data, or too much of it; Refused names each place below a root key by one rule."""
    problems = islice(_unfit(declared, root), TOLD)
    found = [Finding(rule, _path(way), *problem) for way, problem in problems]
    if found:
        raise Refused(found)


def _unfit(declared: object, root: str) -> Iterator[tuple[Way, Problem]]:
    """Look at every value once, the first one first, with no more in hand than the way to it."""
    waiting: list[tuple[Iterator[tuple[Any, object]], Way]] = [(iter([(root, declared)]), ())]
    count = 0
    while waiting:
        items, way = waiting[-1]
        for key, value in items:
            count += 1
            if count > MOST or len(waiting) > DEEPEST + 1:
                yield (root, ()), TOO_MUCH
                return
            inside = isinstance(value, dict | list | tuple)
            if problem := _keys(value) if inside else _scalar(value):
                yield (key, way), problem
            elif inside:
                waiting.append((_items(value), (key, way)))
                break
        else:
            waiting.pop()


def _items(value: object) -> Iterator[tuple[Any, object]]:
    return (
        iter(value.items()) if isinstance(value, dict) else enumerate(value if isinstance(value, list | tuple) else ())
    )


def _keys(value: object) -> Problem | None:
    for key in value if isinstance(value, dict) else ():
        if not isinstance(key, str):
            return Problem(f"the key {shown(key)}", "texts as keys", "Write the key in quotes.")
        if problem := _scalar(key):
            return problem._replace(found=f"a key: {problem.found}")
    return None


def _scalar(value: object) -> Problem | None:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | float | date):
        return None
    if not isinstance(value, int):
        return Problem(f"a value of type {type(value).__name__}", "a text, number, boolean, list or mapping")
    found = f"a number of {value.bit_length():,} bits"
    return None if -LARGEST <= value < LARGEST else Problem(found, "a number of at most 64 bits")


def _text(text: str) -> Problem | None:
    if len(text) > LONGEST:
        return Problem(f"a text of {len(text):,} characters", f"at most {LONGEST:,} characters")
    whole = text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
    return None if whole else Problem(shown(text), "whole characters, not halves of one")


def _path(way: Way) -> str:
    parts: list[str] = []
    while way:
        key, way = way
        parts.append(str(key))
    return ".".join(reversed(parts))
