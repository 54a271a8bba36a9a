"""The keys that a chart knows: Helm itself ignores a misspelt one without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

Tree = Any
"""A mapping of keys to trees, OPEN where any key is taken, CLOSED where a value stands."""
OPEN, CLOSED = "*", 0

MINORS = ("1.19", "1.20")
"""Minor versions of Cilium whose charts are known."""


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value with its path; an empty mapping is a value."""
    for key, below in values.items():
        if isinstance(below, Mapping) and below:
            yield from leaves(below, (*path, key))
        else:
            yield (*path, key), below


def unknown(tree: Tree, values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each key that the tree does not know, as far as the first unknown word."""
    seen = set()
    for path, _ in leaves(values):
        known = _depth(tree, path)
        if known < len(path) and path[: known + 1] not in seen:
            seen.add(path[: known + 1])
            yield path[: known + 1]


def suggestion(tree: Tree, path: tuple[str, ...]) -> str:
    """Return the known key that is most like an unknown one: beside it, or of the same name elsewhere."""
    *above, last = path
    place = tree
    for word in above:
        place = place[word]
    if isinstance(place, Mapping) and (close := get_close_matches(last, place, n=1, cutoff=0.7)):
        return ".".join([*above, close[0]])
    elsewhere = [".".join(found) for found in _places(tree) if found[-1] == last]
    return min(elsewhere, key=len, default="")


def _depth(tree: Tree, path: tuple[str, ...]) -> int:
    """Return how many words of a path the tree knows."""
    place = tree
    for depth, word in enumerate(path):
        if place == OPEN:
            return len(path)
        if not isinstance(place, Mapping) or word not in place:
            return depth
        place = place[word]
    return len(path)


def _places(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, below in tree.items() if isinstance(tree, Mapping) else ():
        yield (*path, key)
        yield from _places(below, (*path, key))
