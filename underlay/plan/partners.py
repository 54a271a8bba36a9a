"""Which nodes probe each other: everybody in a small site; in a large one as few as cover all nodes, racks and ways.

Beside that, each node's own network probes the pod of one other node, and is reached from the pod of one: a round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, zip_longest

ALL_UP_TO = 16
"""Nodes of a site in which everybody probes everybody: probes grow with the square of the number of nodes."""

Racks = dict[str, list[str]]


def partners(nodes: Sequence[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return each node's partners by name, from names and racks; partners probe each other, in both directions.

    In a large site: two neighbours in the own rack, one node of the next rack, and a pair for each two racks.
    """
    names = [name for name, _ in nodes]
    found: dict[str, set[str]] = {name: set() for name in names}
    few = chain(_few(_racks(nodes)), around(nodes).items())
    for one, other in combinations(names, 2) if len(names) <= ALL_UP_TO else few:
        found[one].add(other)
        found[other].add(one)
    return {name: tuple(sorted(others - {name})) for name, others in found.items()}


def around(nodes: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the following node of each, in a round through all of them that changes the rack where it can."""
    rows = _racks(nodes).values()
    order = [name for column in zip_longest(*rows) for name in column if name is not None]
    return dict(zip(order, order[1:] + order[:1], strict=True)) if len(order) > 1 else {}


def _racks(nodes: Sequence[tuple[str, str]]) -> Racks:
    racks: Racks = {}
    for name, rack in nodes:
        racks.setdefault(rack, []).append(name)
    return racks


def _few(racks: Racks) -> Iterator[tuple[str, str]]:
    """Yield a ring within each rack, a link from each node to the next rack, and a pair for each two racks."""
    rows = list(racks.values())
    for at, row in enumerate(rows):
        following = rows[(at + 1) % len(rows)]
        yield from zip(row, row[1:] + row[:1], strict=True)
        yield from ((name, following[number % len(following)]) for number, name in enumerate(row))
    for (at, row), (number, other) in combinations(enumerate(rows), 2):
        yield row[number % len(row)], other[at % len(other)]
