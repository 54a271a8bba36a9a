"""Which routers exchange routes."""

from __future__ import annotations

from underlay.model import Site
from underlay.plan.once import per_site


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
