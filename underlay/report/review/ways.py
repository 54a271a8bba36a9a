"""What a change of the site does to the ways of pods and to the address plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from underlay.model import Site
from underlay.plan.paths import Pair, Solution, solve
from underlay.plan.ranges import Range, ranges


@dataclass(frozen=True)
class Moved:
    """What differs between two sites."""

    ways: Sequence[tuple[str, str, str]]
    """A class of node pairs, its way before and after."""
    gone: Sequence[Range]
    come: Sequence[Range]


def moved(before: Site, after: Site) -> Moved:
    """Return what differs in ways and ranges."""
    old, new = ({one.network: one for one in ranges(site)} for site in (before, after))
    return Moved(
        ways=_ways(solve(before), solve(after)),
        gone=[one for network, one in old.items() if network not in new],
        come=[one for network, one in new.items() if network not in old],
    )


def _ways(before: Solution, after: Solution) -> list[tuple[str, str, str]]:
    """Return the classes whose way differs; one that is new, of racks that were there, was like others before."""
    old, new = _told(before), _told(after)
    size = {rack.name: rack.nodes for rack in before.whole.racks}
    found = [(str(pair), old[pair], way) for pair, way in new.items() if pair in old and old[pair] != way]
    for pair, way in new.items():
        wanted = 2 if pair.source == pair.target else 1
        if pair not in old and min(size.get(pair.source, 0), size.get(pair.target, 0)) >= wanted:
            found.append((str(pair), "as others of its kind", way))
    return found


def _told(solution: Solution) -> dict[Pair, str]:
    """Return the way of each class in both directions."""
    both = [*solution.pairs, *(Pair(pair.target, pair.source) for pair in solution.pairs)]
    return {pair: str(solution.way(pair)) for pair in both}
