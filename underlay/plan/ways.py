"""Where each router sends pod traffic for the racks of others: the neighbours on a shortest way, told by rack."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from itertools import pairwise
from typing import NamedTuple

from underlay.model import Router, Site
from underlay.plan.once import per_site
from underlay.plan.reach import bits, reach, union

Hops = tuple[IPv4Address, ...]


class Way(NamedTuple):
    """Next hops, each as good as the others, and the racks to which they lead."""

    hops: Hops
    racks: tuple[str, ...]
    """Empty for the last way: all racks that no other way names."""


def ways(site: Site, router: Router) -> tuple[Way, ...]:
    """Return the ways from a router to the racks that are not its own; the widest comes last and names no rack."""
    known, near = reach(site), _near(site)
    here = known.number[router.name]
    own = near[0][here]
    toward: dict[int, list[IPv4Address]] = {}
    for peer in router.neighbors:
        there = known.number.get(peer.name)
        if there is not None and known.next_to[here] >> there & 1:
            toward.setdefault(_nearer(near, here, there), []).append(peer.remote)
    remote = (1 << len(site.racks)) - 1 & ~own
    *named, rest = sorted(_groups(toward, remote), key=lambda group: (group[1].bit_count(), group[0]))
    names = [rack.name for rack in site.racks]
    return (*(Way(hops, tuple(names[bit] for bit in bits(racks))) for hops, racks in named), Way(rest[0], ()))


def _near_racks(site: Site) -> list[list[int]]:
    """Return by number of steps and router the racks that are no further away."""
    known = reach(site)
    bit = {rack.name: 1 << number for number, rack in enumerate(site.racks)}
    levels = [[union(bit[rack.name] for rack, _ in site.links_of(name)) for name in known.names]]
    while len(levels) == 1 or levels[-1] != levels[-2]:
        last = levels[-1]
        spread = [own | union(last[other] for other in bits(known.next_to[at])) for at, own in enumerate(last)]
        levels.append(spread)
    return levels


_near = per_site(_near_racks)


def _nearer(near: list[list[int]], here: int, there: int) -> int:
    """Return the racks to which a neighbour is one step nearer."""
    return union(before[there] & after[here] & ~before[here] for before, after in pairwise(near))


def _groups(toward: dict[int, list[IPv4Address]], remote: int) -> Iterable[tuple[Hops, int]]:
    """Return each set of next hops with the racks that it serves, those of no next hop included."""
    served = union(iter(toward))
    if sum(racks.bit_count() for racks in toward) == served.bit_count():
        groups = {tuple(sorted(hops)): racks for racks, hops in toward.items() if racks}
    else:
        groups = _split(toward)
    unserved: dict[Hops, int] = {(): remote & ~served} if remote & ~served or not groups else {}
    return (unserved | groups).items()


def _split(toward: dict[int, list[IPv4Address]]) -> dict[Hops, int]:
    """Tell racks apart that some neighbours lead to and others do not."""
    hops: dict[int, Hops] = {}
    for racks, addresses in toward.items():
        for bit in bits(racks):
            hops[bit] = (*hops.get(bit, ()), *addresses)
    groups: dict[Hops, int] = {}
    for bit, found in hops.items():
        together = tuple(sorted(found))
        groups[together] = groups.get(together, 0) | 1 << bit
    return groups
