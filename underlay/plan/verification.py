"""What a healthy underlay looks like in the kernel, in Cilium and at the routers: the expectations of the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from underlay.model import HostRouting, Model, Node, Platform, Router, Site
from underlay.model.base import Address, Asn, Mtu, Name, Network, Port
from underlay.plan.paths import learnable

RESPONDER_PORT = 4271
"""TCP and UDP port of the responders; its own, so that no host network service is met by accident."""
RESPONDER_NAMESPACE = "underlay-probe"
"""Kubernetes namespace, and `app` label, of the responder pods."""
SECONDS = 60
"""Time limit of one verification, in seconds."""


class Link(Model):
    """An uplink as it has to be."""

    name: str
    mtu: Mtu


class ExpectedPeer(Model):
    """A router with which a node has to hold a session."""

    router: Name
    asn: Asn
    address: Address


class ExpectedNode(Model):
    """A node as it has to be."""

    name: Name
    address: Address
    gateways: tuple[Address, ...]
    """Next hops towards pods of other nodes; each packet takes one of them."""
    peers: tuple[ExpectedPeer, ...]
    uplinks: tuple[Link, ...]

    @property
    def gateway(self) -> Address:
        """Return the first next hop."""
        return self.gateways[0]

    @property
    def router(self) -> Name:
        """Return the first router of the rack."""
        return self.peers[0].router

    @property
    def router_asn(self) -> Asn:
        """Return the number of the rack's first router."""
        return self.peers[0].asn


class ExpectedSession(Model):
    """A BGP session that a router has to hold."""

    peer: Name
    address: Address
    asn: Asn


class ExpectedRouter(Model):
    """A router as it has to be; `next_hops` leads to each node's pods by name of the node."""

    name: Name
    platform: Platform
    asn: Asn
    managed: bool
    sessions: tuple[ExpectedSession, ...]
    next_hops: Mapping[Name, tuple[Address, ...]]
    """Several where routers share the load; one of them at least has to be used."""
    accepts: tuple[Network, ...] = ()
    """What it may learn beside pod networks."""


class Expected(Model):
    """Everything that the verdict compares the evidence with."""

    cluster: Name
    namespace: str = RESPONDER_NAMESPACE
    port: Port = RESPONDER_PORT
    pool: Network
    mask: int
    host_routing: HostRouting
    asn: Asn
    nodes: tuple[ExpectedNode, ...]
    routers: tuple[ExpectedRouter, ...]

    def node(self, name: str) -> ExpectedNode:
        """Return the node of that name; KeyError when there is none."""
        return {node.name: node for node in self.nodes}[name]

    def router(self, name: str) -> ExpectedRouter:
        """Return the router of that name; KeyError when there is none."""
        return {router.name: router for router in self.routers}[name]


def expectations(site: Site) -> Expected:
    """Return what follows from the site for the verdict."""
    return Expected(
        cluster=site.cluster.name,
        pool=site.addresses.pods.native,
        mask=site.addresses.pods.mask,
        host_routing=site.cilium.host_routing,
        asn=site.bgp.asn,
        nodes=tuple(_node(site, node) for node in site.nodes),
        routers=tuple(_router(site, router) for router in site.routers),
    )


def verification_input(
    site: Site, *, ssh_key: str, host_keys: Mapping[str, str], kubeconfig: str, seconds: int = SECONDS
) -> dict[str, Any]:
    """Return the input of `underlay verify`; it holds secrets."""
    return {
        "schema": 1,
        "site": site.model_dump(mode="json"),
        "expected": expectations(site).model_dump(mode="json"),
        "ssh": {"key": ssh_key, "host_keys": dict(host_keys)},
        "kubeconfig": kubeconfig,
        "seconds": seconds,
    }


def responder_source() -> str:
    """Return the text of the responder: a python3 program, run as `python3 FILE PORT`."""
    return (Path(__file__).parents[2] / "bpf" / "responder.py").read_text()


def _node(site: Site, node: Node) -> ExpectedNode:
    rack = site.rack(node.rack)
    return ExpectedNode(
        name=node.name,
        address=node.address,
        gateways=rack.gateways,
        peers=tuple(
            ExpectedPeer(router=link.router, asn=site.router(link.router).asn, address=link.address)
            for link in rack.links
        ),
        uplinks=tuple(Link(name=uplink.name, mtu=uplink.mtu) for uplink in node.uplinks),
    )


def _router(site: Site, router: Router) -> ExpectedRouter:
    nodes = [(node, link) for rack, link in site.links_of(router.name) for node in site.nodes_of(rack.name)]
    sessions = [
        ExpectedSession(peer=node.name, address=node.address_in(link.subnet) or node.address, asn=site.bgp.asn)
        for node, link in nodes
    ]
    others = [ExpectedSession(peer=peer.name, address=peer.remote, asn=peer.asn) for peer in router.neighbors]
    return ExpectedRouter(
        name=router.name,
        platform=router.platform,
        asn=router.asn,
        managed=router.managed and router.management is not None,
        sessions=(*sessions, *others),
        next_hops={node.name: _next_hops(site, router, node) for node in site.nodes},
        accepts=tuple(sorted({found for peer in router.neighbors for found in learnable(site, router, peer)})),
    )


def _next_hops(site: Site, router: Router, node: Node) -> tuple[Address, ...]:
    """Return the node itself at its own router, elsewhere every neighbour on a shortest way."""
    links = site.rack(node.rack).links
    own = [node.address_in(link.subnet) for link in links if link.router == router.name]
    if own:
        return tuple(address for address in own if address)
    distance = _distances(site, [link.router for link in links])
    here = distance.get(router.name, 0)
    return tuple(peer.remote for peer in router.neighbors if distance.get(peer.name, here) < here)


def _distances(site: Site, goals: list[str]) -> dict[str, int]:
    """Return each router's number of hops to the nearest of some of them."""
    routers = {router.name: router for router in site.routers}
    distance, edge = dict.fromkeys(goals, 0), list(goals)
    while edge:
        name = edge.pop(0)
        for peer in routers[name].neighbors:
            if peer.name in routers and peer.name not in distance:
                distance[peer.name] = distance[name] + 1
                edge.append(peer.name)
    return distance
