"""Both ends of every session as they follow from the site, worked out without any configuration text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from underlay.model import Node, Router, Site
from underlay.plan.bgp import address_at, router_id_pool
from underlay.plan.ends.end import SOON, UNICAST, End, Entries, entry
from underlay.plan.learned import Entry
from underlay.plan.routers import HOST, PARTS, PODS, Filters, Peer, filters, node_prefixes

NO_PASSWORD = "none"  # noqa: S105 - says that there is none
AFTERWARDS: dict[str, object] = {"again": SOON, "further": (), "stays": False}
"""What holds for every session of a router that has ended."""


class Session(NamedTuple):
    """A session of a router with a node or another neighbour, as each end should be."""

    router: str
    address: str
    """The router's own."""
    peer: str
    remote: str
    """The peer's."""
    near: End
    """The router's end; a password is None, because the plan does not know it."""
    far: End
    """The peer's end."""
    is_node: bool


def planned(site: Site) -> list[Session]:
    """Return every session of every router; between two routers of the site there is one entry for each."""
    plan = _Plan(site)
    return [session for router in site.routers for session in (*plan.nodes(router), *plan.neighbors(router))]


class _Plan:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.pooled = router_id_pool(site) is not None
        self.filters = {router.name: filters(site, router) for router in site.routers}

    def nodes(self, router: Router) -> Iterator[Session]:
        """Yield the sessions with nodes; all of them are alike but for who speaks."""
        near, alike = self._towards_nodes(router), self._of_nodes(router)
        for rack, link in self.site.links_of(router.name):
            for node in self.site.nodes_of(rack.name):
                remote = str(address_at(link, node))
                far = alike.model_copy(update={"address": remote, "router_id": self._identity(node)})
                yield Session(router.name, str(link.address), node.name, remote, near, far, True)

    def _identity(self, node: Node) -> str | None:
        """Return a node's declared router id; None where Cilium gives one away that no declaration knows."""
        return str(node.router_id) if node.router_id else None if self.pooled else ""

    def neighbors(self, router: Router) -> Iterator[Session]:
        """Yield the sessions with other routers and with neighbours outside."""
        for peer in self.filters[router.name].peers:
            other = peer.declared
            far = (
                self._back(router, peer)
                if other.name in self.site.router_names
                else End(asn=other.asn, peer_asn=router.asn)
            )
            near = self._between(router, peer)
            yield Session(router.name, str(other.local), other.name, str(other.remote), near, far, False)

    def _towards_nodes(self, router: Router) -> End:
        found = self.filters[router.name]
        return self._end(
            asn=router.asn,
            peer_asn=self.site.bgp.asn,
            graceful=self.site.bgp.graceful_restart is not None,
            takes=_joined(_entries(self.site, router, found), found.from_nodes),
            tells=(),
            limit=node_prefixes(self.site),
            keeps=restart.restart if (restart := self.site.bgp.graceful_restart) else None,
            **AFTERWARDS,
        )

    def _of_nodes(self, router: Router) -> End:
        services = ("LoadBalancerIP",) if self.site.addresses.load_balancers else ()
        return self._end(
            asn=self.site.bgp.asn,
            peer_asn=router.asn,
            graceful=self.site.bgp.graceful_restart is not None,
            tells=(*services, "PodCIDR"),
        )

    def _back(self, router: Router, peer: Peer) -> End:
        """Return the other router's end."""
        other = self.site.router(peer.declared.name)
        back = [one for one in self.filters[other.name].peers if one.declared.remote == peer.declared.local]
        return self._between(other, back[0]) if back else End(asn=peer.declared.asn, peer_asn=router.asn)

    def _between(self, router: Router, peer: Peer) -> End:
        sets = _entries(self.site, router, self.filters[router.name])
        refused = [f"!{one}" for one in _joined(sets, peer.refused)]
        return self._end(
            asn=router.asn,
            peer_asn=peer.declared.asn,
            password=NO_PASSWORD,
            takes=_joined(sets, peer.imports),
            tells=tuple(sorted({*refused, *_joined(sets, peer.exports)})),
            limit=peer.limit,
            retry=self.site.bgp.timers.connect_retry,
            passive=False,
            **AFTERWARDS,
        )

    def _end(self, **facts: object) -> End:
        timers = self.site.bgp.timers
        common = {"hold": timers.hold, "keepalive": timers.keepalive, "hops": 1, "shut": False, "families": UNICAST}
        return End.model_validate({**common, **facts})


def _joined(sets: dict[str, Entries], names: Iterable[str]) -> Entries:
    return tuple(sorted({one for name in names for one in sets[name]}))


def _entries(site: Site, router: Router, found: Filters) -> dict[str, Entries]:
    """Return each prefix set of a router in words, the pods' and that of aggregates' parts included."""
    pods = site.addresses.pods
    parts = tuple(entry(whole, whole.prefixlen + 1, HOST) for whole in router.aggregates)
    named = {name: _words(entries) for name, entries in found.sets.items()}
    return {PODS: tuple(entry(pool, pods.mask, pods.mask) for pool in pods.pools), PARTS: parts, **named}


def _words(entries: Iterable[Entry]) -> Entries:
    return tuple(entry(network, length, length) for network, length in entries)
