"""Routers as bits of one number: whom a router reaches is found for hundreds of them in a few operations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import or_

from underlay.model import Site
from underlay.plan.once import per_site
from underlay.plan.paths import adjacency


class Reach:
    """The routers of a site by number, each with those that it exchanges routes with as a set of bits."""

    def __init__(self, site: Site) -> None:
        links = adjacency(site)
        self.names = tuple(links)
        self.number = {name: number for number, name in enumerate(self.names)}
        self.next_to = [union(1 << self.number[other] for other in links[name]) for name in self.names]
        self._parts: dict[int, int] = {}
        for start in range(len(self.names)):
            if start not in self._parts:
                found = self._flood(start, (1 << len(self.names)) - 1)
                self._parts.update(dict.fromkeys(bits(found), found))

    def part(self, start: int) -> int:
        """Return every router that exchanges routes with one, over however many others; itself included."""
        return self._parts[start]

    def beyond(self, start: int, without: int) -> int:
        """Return what a router reaches, itself included, while one of its neighbours is left out."""
        return self._flood(start, self._parts[start] & ~(1 << without))

    def _flood(self, start: int, within: int) -> int:
        seen = edge = 1 << start
        while edge and seen != within:  # a fabric of leaves and spines is seen whole after two steps
            lowest = edge & -edge
            fresh = self.next_to[lowest.bit_length() - 1] & within & ~seen
            seen |= fresh
            edge = (edge ^ lowest) | fresh
        return seen


reach = per_site(Reach)


def union(sets: Iterator[int]) -> int:
    """Return the bits that are set in any of the sets."""
    return reduce(or_, sets, 0)


def bits(found: int) -> Iterator[int]:
    """Yield the numbers of the bits that are set, from the lowest."""
    while found:
        lowest = found & -found
        yield lowest.bit_length() - 1
        found ^= lowest
