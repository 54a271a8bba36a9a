"""Where each router sends pod traffic for the racks of others: the neighbours that BGP chooses, told by rack."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from itertools import pairwise
from typing import NamedTuple

from underlay.model import Router, Site
from underlay.plan.once import per_site
from underlay.plan.paths import Fabric, fabric_of, table
from underlay.plan.reach import bits, reach, union

Hops = tuple[IPv4Address, ...]


class Way(NamedTuple):
    """Next hops, each as good as the others, and the racks to which they lead."""

    hops: Hops
    racks: tuple[str, ...]
    """Empty for the last way: all racks that no other way names."""


def ways(site: Site, router: Router) -> tuple[Way, ...]:
    """Return the ways from a router to the racks that are not its own; the widest comes last and names no rack."""
    toward: dict[int, list[IPv4Address]] = {}
    for peer in router.neighbors:
        if racks := _toward(site)[router.name].get(peer.name):
            toward.setdefault(racks, []).append(peer.remote)
    own = {rack.name for rack, _ in site.links_of(router.name)}
    remote = union(1 << bit for bit, rack in enumerate(site.racks) if rack.name not in own)
    *named, rest = sorted(_groups(toward, remote), key=lambda group: (group[1].bit_count(), group[0]))
    names = [rack.name for rack in site.racks]
    return (*(Way(hops, tuple(names[bit] for bit in bits(racks))) for hops, racks in named), Way(rest[0], ()))


@per_site
def _toward(site: Site) -> dict[str, dict[str, int]]:
    """Return for each router the neighbours that are next hops, with the racks that each leads to as bits."""
    fabric = fabric_of(site)
    return _by_steps(site) if fabric.plain else _by_path(site, fabric)


def _by_path(site: Site, fabric: Fabric) -> dict[str, dict[str, int]]:
    """Return what BGP finds where numbers appear twice: some routes are dropped, and some sessions add no step."""
    found: dict[str, dict[str, int]] = {router.name: {} for router in site.routers}
    bit = {rack.name: 1 << number for number, rack in enumerate(site.racks)}
    for rack, routes in table(fabric).items():
        for router, route in routes.items():
            for peer in route.via:
                found[router][peer] = found[router].get(peer, 0) | bit[rack]
    return found


def _by_steps(site: Site) -> dict[str, dict[str, int]]:
    """Return the same where every session adds a step and no route is dropped: whoever is one step nearer."""
    known, near = reach(site), _near_racks(site)
    return {
        name: {known.names[there]: _nearer(near, here, there) for there in bits(known.next_to[here])}
        for here, name in enumerate(known.names)
    }


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
