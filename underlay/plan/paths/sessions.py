"""Which routers exchange routes, and what each of them may learn from which neighbour."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from ipaddress import IPv4Network

from underlay.model import Neighbor, Router, Site
from underlay.plan.once import per_site

Adjacency = Mapping[str, frozenset[str]]


def mirrors(router: Router, neighbor: Neighbor, other: Router) -> bool:
    """Tell whether the other router declares the same session from its side."""
    return any(
        back.name == router.name
        and (back.local, back.remote) == (neighbor.remote, neighbor.local)
        and (back.asn, neighbor.asn) == (router.asn, other.asn)
        for back in other.neighbors
    )


@per_site
def adjacency(site: Site) -> dict[str, frozenset[str]]:
    """Return for each router the routers with which it exchanges routes: both sides declare the session."""
    asn = {router.name: router.asn for router in site.routers}
    declared = {
        (router.name, peer.name, peer.local, peer.remote, router.asn, peer.asn)
        for router in site.routers
        for peer in router.neighbors
    }
    return {
        router.name: frozenset(
            peer.name
            for peer in router.neighbors
            if peer.asn == asn.get(peer.name)
            and (peer.name, router.name, peer.remote, peer.local, peer.asn, router.asn) in declared
        )
        for router in site.routers
    }


def beyond(links: Adjacency, start: str, *, without: str = "") -> frozenset[str]:
    """Return every router that can be reached from a router, itself included, while one of them is left out."""
    seen, edge = {start}, deque([start])
    while edge:
        fresh = links.get(edge.popleft(), frozenset()) - seen - {without}
        seen |= fresh
        edge.extend(fresh)
    return frozenset(seen)


def learnable(site: Site, router: Router, neighbor: Neighbor) -> tuple[IPv4Network, ...]:
    """Return what a router may learn from a neighbour beside pod networks, in the order of the addresses."""
    links = adjacency(site)
    if neighbor.name not in links[router.name]:
        return tuple(sorted(neighbor.accepts))
    far = beyond(links, neighbor.name, without=router.name)
    racks = {link.subnet for name in far for _, link in site.links_of(name)}
    outside = {network for name in far for peer in site.router(name).neighbors for network in peer.accepts}
    return tuple(sorted({*neighbor.accepts, *racks, *outside}))
