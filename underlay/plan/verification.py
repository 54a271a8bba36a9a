"""What a healthy underlay looks like in the kernel, in Cilium and at the routers: the expectations of the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from pydantic import Field

from underlay.model import Capture, Engine, HostRouting, Model, Node, Platform, Router, Site
from underlay.model import Link as RackLink
from underlay.model.base import Address, Asn, Mtu, Name, Network, NodeName, Port
from underlay.plan.bgp import address_at
from underlay.plan.chart.released import ExpectedRelease, planned_release
from underlay.plan.chart.rendered import wanted
from underlay.plan.far_ends import RESPONDER_NAMESPACE, RESPONDER_PORT, ExpectedName, ExpectedService
from underlay.plan.intrusion.capture import engine_nodes
from underlay.plan.learned import covering
from underlay.plan.partners import around, partners
from underlay.plan.ways import ways

SECONDS = 60
"""Time limit of one verification, in seconds."""
EVIDENCE = "UNDERLAY_EVIDENCE"
"""The environment's variable that names the directory of a verification's proof."""


class Link(Model):
    """An uplink as it has to be."""

    name: str
    mtu: Mtu


class ExpectedPeer(Model):
    """A router with which a node has to hold a session."""

    router: Name
    asn: Asn
    address: Address


class ExpectedCapture(Model):
    """An intrusion detection engine as it has to be on a node."""

    point: Capture
    engine: Engine


class ExpectedNode(Model):
    """A node as it has to be."""

    name: NodeName
    rack: Name
    address: Address
    gateways: tuple[Address, ...]
    """Next hops towards pods of other racks, and of its own without direct routes; each packet takes one of them."""
    peers: tuple[ExpectedPeer, ...]
    uplinks: tuple[Link, ...]
    capture: ExpectedCapture | None = None
    """None: no engine reads the node's packets."""

    def peer(self, router: str) -> ExpectedPeer | None:
        """Return how the node reaches a router of its rack; None for any other router."""
        return next((peer for peer in self.peers if peer.router == router), None)


class ExpectedSession(Model):
    """A BGP session that a router has to hold."""

    peer: NodeName
    address: Address
    asn: Asn
    router_id: Address | None = None
    """None: none is declared, so any will do."""


class ExpectedWay(Model):
    """Where a router sends what is for pods of other routers' racks."""

    hops: tuple[Address, ...]
    racks: tuple[Name, ...]
    """Empty: every rack that no other way names, and that is not the router's own."""


class ExpectedRouter(Model):
    """A router as it has to be; `Expected.next_hops` says where its routes to a node's pods lead."""

    name: Name
    platform: Platform
    asn: Asn
    managed: bool
    sessions: tuple[ExpectedSession, ...]
    next_hops: Mapping[NodeName, tuple[Address, ...]]
    """Towards its own nodes, by name."""
    ways: tuple[ExpectedWay, ...] = ()
    """Towards everybody else's."""
    aggregates: tuple[Network, ...] = ()
    """What it tells neighbours outside in place of parts; it discards what no part takes."""
    accepts: tuple[Network, ...] = ()
    """What it may learn of networks that cover the pod pool."""


class Expected(Model):
    """Everything that the verdict compares the evidence with."""

    cluster: Name
    namespace: str = RESPONDER_NAMESPACE
    port: Port = RESPONDER_PORT
    pool: Network
    mask: int
    host_routing: HostRouting
    direct: bool = False
    """Whether nodes of one rack send to each other's pods without a router."""
    mtu: int = 0
    """Bytes of a pod's packet at most, where the site says so; 0: as much as the uplinks carry."""
    asn: Asn
    hold: int = 0
    """Hold time of every session in seconds; 0: any."""
    dns: ExpectedName | None = None
    """None in the input of an older program: nobody asks."""
    options: Mapping[str, str] = Field(default={})
    """What each agent has to be started with; empty in the input of an older program: nobody asks."""
    release: ExpectedRelease | None = None
    """None in the input of an older program: nobody asks what Helm was told."""
    service: ExpectedService | None = None
    """None in the input of an older program: nobody asks, nor is HTTP spoken."""
    load_balancers: tuple[Network, ...] | None = None
    """Networks of services' addresses; None in the input of an older program: nobody asks."""
    nodes: tuple[ExpectedNode, ...]
    routers: tuple[ExpectedRouter, ...]

    def router(self, name: str) -> ExpectedRouter:
        """Return the router of that name; KeyError when there is none."""
        return self._routers[name]

    def next_hops(self, router: str, node: str) -> tuple[Address, ...]:
        """Return where a router sends what is for a node's pods; several share the load, none: it has no way."""
        plan = self.router(router)
        own, rack = plan.next_hops.get(node), self._nodes[node].rack if node in self._nodes else ""
        if own is not None or not rack:
            return own or ()
        return next((way.hops for way in plan.ways if rack in way.racks or not way.racks), ())

    def packet(self, node: ExpectedNode) -> int:
        """Return the bytes of the largest packet of a node's pods."""
        sizes = [*(link.mtu for link in node.uplinks), *([self.mtu] if self.mtu else [])]
        return min(sizes, default=0)

    def is_direct(self, node: str, other: str) -> bool:
        """Say whether pods of two nodes reach each other without a router."""
        return self.direct and self._nodes[node].rack == self._nodes[other].rack

    def node_hops(self, node: str, other: str) -> tuple[Address, ...]:
        """Return where a node sends what is for another node's pods."""
        return (self._nodes[other].address,) if self.is_direct(node, other) else self._nodes[node].gateways

    def partners(self, name: str) -> tuple[str, ...]:
        """Return the nodes whose probe pods a node probes, and that probe its own."""
        return self._partners.get(name, ())

    def echoing(self, router: str) -> dict[str, str]:
        """Return the nodes whose pods a router asks for an echo, those of its own racks, and the address it asks from.

        Links between routers are no network that anybody else has to know, so further pods could not answer.
        """
        return {node.name: str(peer.address) for node in self.nodes if (peer := node.peer(router))}

    def following(self, name: str) -> str | None:
        """Return the node whose pod a node itself probes, and which its pod reaches for; None without another."""
        return self._around.get(name)

    @cached_property
    def _around(self) -> dict[str, str]:
        return around([(node.name, node.rack) for node in self.nodes])

    @cached_property
    def _partners(self) -> dict[str, tuple[str, ...]]:
        return partners([(node.name, node.rack) for node in self.nodes])

    @cached_property
    def _nodes(self) -> dict[str, ExpectedNode]:
        return {node.name: node for node in self.nodes}

    def knows(self, name: str) -> bool:
        """Tell whether a name is a node's or a router's of the site."""
        return name in self._nodes or name in self._routers

    @cached_property
    def _routers(self) -> dict[str, ExpectedRouter]:
        return {router.name: router for router in self.routers}


def expectations(site: Site) -> Expected:
    """Return what follows from the site for the verdict."""
    return Expected(
        cluster=site.cluster.name,
        pool=site.addresses.pods.native,
        mask=site.addresses.pods.mask,
        host_routing=site.cilium.host_routing,
        direct=site.cilium.direct_node_routes,
        mtu=site.cilium.mtu or 0,
        asn=site.bgp.asn,
        hold=site.bgp.timers.hold,
        load_balancers=site.addresses.load_balancers,
        dns=ExpectedName(
            server=site.dns,
            name=f"kubernetes.default.svc.{site.cluster.dns.domain}",
            address=site.addresses.services[1],
        ),
        options=wanted(site),
        release=planned_release(site),
        service=ExpectedService(replaced=site.cilium.kube_proxy_replacement),
        nodes=tuple(_node(site, node) for node in site.nodes),
        routers=tuple(_router(site, router) for router in site.routers),
    )


def verification_facts(
    site: Site, *, host_keys: Mapping[str, str], seconds: int = SECONDS, waivers: Sequence[Mapping[str, str]] = ()
) -> dict[str, Any]:
    """Return what `underlay verify` needs, without its secrets: the stack shows this to everybody.

    Waivers of what nodes find go along, because a look for drift asks the nodes again.
    """
    return {
        "schema": 1,
        "site": site.model_dump(mode="json"),
        "expected": expectations(site).model_dump(mode="json"),
        "ssh": {"host_keys": dict(host_keys)},
        "waivers": [*waivers],
        "seconds": seconds,
    }


def with_secrets(
    facts: Mapping[str, Any], *, ssh_key: str, kubeconfig: str, bastion_key: str | None = None
) -> dict[str, Any]:
    """Return the input of `underlay verify`: the facts, and the secrets that open machines and cluster."""
    bastion = {"bastion_key": bastion_key} if bastion_key else {}
    return {**facts, "ssh": {**facts["ssh"], "key": ssh_key, **bastion}, "kubeconfig": kubeconfig}


def _node(site: Site, node: Node) -> ExpectedNode:
    rack = site.rack(node.rack)
    return ExpectedNode(
        name=node.name,
        rack=node.rack,
        address=node.address,
        gateways=rack.gateways,
        peers=tuple(
            ExpectedPeer(router=link.router, asn=site.router(link.router).asn, address=link.address)
            for link in rack.links
        ),
        uplinks=tuple(Link(name=uplink.name, mtu=uplink.mtu) for uplink in node.uplinks),
        capture=_capture(site, node),
    )


def _capture(site: Site, node: Node) -> ExpectedCapture | None:
    declared = site.intrusion_detection
    if declared is None or node not in engine_nodes(site, declared):
        return None
    return ExpectedCapture(point=declared.capture, engine=declared.engine)


def _router(site: Site, router: Router) -> ExpectedRouter:
    nodes = [(node, link) for rack, link in site.links_of(router.name) for node in site.nodes_of(rack.name)]
    sessions = [
        ExpectedSession(peer=node.name, address=address_at(link, node), asn=site.bgp.asn, router_id=node.router_id)
        for node, link in nodes
    ]
    others = [ExpectedSession(peer=peer.name, address=peer.remote, asn=peer.asn) for peer in router.neighbors]
    return ExpectedRouter(
        name=router.name,
        platform=router.platform,
        asn=router.asn,
        managed=router.managed and router.management is not None,
        sessions=(*sessions, *others),
        next_hops=_own(nodes),
        ways=tuple(ExpectedWay(hops=way.hops, racks=way.racks) for way in ways(site, router)),
        aggregates=router.aggregates,
        accepts=covering(site, router),
    )


def _own(nodes: Iterable[tuple[Node, RackLink]]) -> dict[str, tuple[Address, ...]]:
    """Return the next hops to a router's own nodes: their addresses in the segments that it shares with them."""
    found: dict[str, tuple[Address, ...]] = {}
    for node, link in nodes:
        address = node.address_in(link.subnet)
        found[node.name] = (*found.get(node.name, ()), *([address] if address else []))
    return found
