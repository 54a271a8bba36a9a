"""What of a site decides about paths: racks, their routers, sessions between routers, autonomous system numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from underlay.model import SHARED_GATEWAY, Egress, Rack, Site
from underlay.plan.paths.sessions import adjacency


@dataclass(frozen=True)
class Group:
    """The nodes of one rack: all of them have the same ways."""

    name: str
    egress: Egress
    routers: tuple[str, ...]
    nodes: int
    direct: bool
    """True: nodes of one segment send to each other without a router."""
    homes: frozenset[str]
    """Routers whose segment holds the address that other nodes' direct routes lead to."""

    @property
    def shared(self) -> bool:
        """Tell whether the segment is a switch's, so that it outlives each router."""
        return self.egress in SHARED_GATEWAY

    @property
    def redundant(self) -> bool:
        """Tell whether the declaration promises to survive the loss of a router."""
        return len(self.routers) > 1


@dataclass(frozen=True)
class Fabric:
    """Routers with their sessions, and the racks behind them that have nodes."""

    cluster_asn: int
    asns: Mapping[str, int]
    peers: Mapping[str, tuple[str, ...]]
    """For each router those with which it exchanges routes: both sides declare the session."""
    racks: tuple[Group, ...]
    like: Mapping[str, int] = field(default_factory=dict)
    """How many racks one stands for, itself included, where only some of those that are alike are kept."""
    kind: Mapping[str, str] = field(default_factory=dict)
    """The first of the racks that are alike, for each rack of which there are others."""

    @cached_property
    def behind(self) -> dict[str, tuple[Group, ...]]:
        """Return for each router the racks that it serves."""
        found: dict[str, list[Group]] = {name: [] for name in self.asns}
        for rack in self.racks:
            for router in rack.routers:
                found[router].append(rack)
        return {name: tuple(racks) for name, racks in found.items()}

    @cached_property
    def index(self) -> dict[str, int]:
        """Return each rack's place."""
        return {rack.name: number for number, rack in enumerate(self.racks)}

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Return for each rack the first that is like it."""
        return {rack.name: self.kind.get(rack.name, rack.name) for rack in self.racks}

    @cached_property
    def counts(self) -> Counter[int]:
        """Return how many routers have each number."""
        return Counter(self.asns.values())

    @cached_property
    def plain(self) -> bool:
        """Tell whether no number appears twice, so that no router ever drops a route for the path that it came by."""
        numbers = {*self.asns.values(), self.cluster_asn}
        return len(numbers) == len(self.asns) + 1


def fabric_of(site: Site) -> Fabric:
    """Return what of a site decides about paths; links to routers that do not exist are left out."""
    return Fabric(
        cluster_asn=site.bgp.asn,
        asns={router.name: router.asn for router in site.routers},
        peers={name: tuple(sorted(peers)) for name, peers in adjacency(site).items()},
        racks=tuple(_groups(site).values()),
    )


def _groups(site: Site) -> dict[str, Group]:
    return {rack.name: _group(site, rack) for rack in site.racks if site.nodes_of(rack.name)}


def _group(site: Site, rack: Rack) -> Group:
    links = [link for link in rack.links if link.router in site.router_names]
    nodes = site.nodes_of(rack.name)
    return Group(
        name=rack.name,
        egress=rack.egress,
        routers=tuple(dict.fromkeys(link.router for link in links)),
        nodes=len(nodes),
        direct=site.cilium.direct_node_routes,
        homes=frozenset(link.router for link in links if any(node.address in link.subnet for node in nodes)),
    )
