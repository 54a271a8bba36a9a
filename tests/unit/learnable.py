"""What a router may learn from a neighbour, found a second time: by walking from router to router."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from ipaddress import IPv4Network

from underlay.model import Neighbor, Router, Site
from underlay.plan.paths import adjacency

Adjacency = Mapping[str, frozenset[str]]


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
