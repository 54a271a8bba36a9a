"""Racks, routers, nodes and the filters between them as they are declared."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from underlay.model.access import User
from underlay.model.base import Address, Asn, Model, Mtu, Name, Network, NodeName, Port


class Management(Model):
    """Where SSH reaches a machine; its host key is pinned in `hostKeys`."""

    address: Address
    """Where SSH connects to."""
    user: User
    """Root, or a user that may become root by sudo without a password."""
    port: Port = 22
    """TCP port of SSH."""


class Platform(StrEnum):
    """The routing software of a router."""

    FRR = "frr"
    BIRD = "bird"
    VRP = "vrp"
    """Huawei's; rendered for the network team, never applied."""


class Neighbor(Model):
    """A BGP session of a router with something that is not a node: another router, or a peer outside."""

    name: Name
    """The router's name, or what messages call the peer outside."""
    asn: Asn
    """The neighbour's autonomous system number."""
    local: Address
    """This router's address of the session, in one of `addresses.fabric`."""
    remote: Address
    """The neighbour's address of the session."""
    accepts: tuple[Network, ...] = ()
    """Prefixes taken from this neighbour beside what the site declares; 0.0.0.0/0: its default route alone."""


class Router(Model):
    """A top-of-rack router."""

    name: Name
    """The router's name, unique among nodes and routers."""
    platform: Platform
    """The software whose configuration is written."""
    asn: Asn
    """The router's autonomous system number; others may have it too where no route that is needed gets lost by that."""
    managed: bool
    """True: configured over SSH; False: a file for the network team is rendered."""
    management: Management | None = None
    """Needed where `managed` is true."""
    neighbors: tuple[Neighbor, ...] = ()
    """Sessions beside those with the nodes of its racks, which follow from the racks."""
    dynamic_nodes: bool = False
    """True: any node in the router's racks' segments that has the password, none by name (FRR, BIRD)."""
    aggregates: tuple[Network, ...] = ()
    """Announced to neighbours outside the site in place of their parts; the router discards what no part takes."""


class Egress(StrEnum):
    """How a node leaves its rack, and so what it survives; BGP only advertises, it programs no route of a node."""

    SINGLE = "single"
    """One router, one next hop."""
    ECMP_LINK_STATE = "ecmp-link-state"
    """A segment and an uplink to each router; a next hop leaves when its link goes down."""
    ANYCAST_GATEWAY = "anycast-gateway"
    """One segment; all routers answer for the same gateway address at once."""
    VRRP = "vrrp"
    """One segment; the gateway address moves to another router when its holder is silent (RFC 9568)."""


SHARED_GATEWAY = frozenset({Egress.ANYCAST_GATEWAY, Egress.VRRP})
"""Mechanisms with one segment, several routers, and an address that belongs to none of them alone."""


class Routes(StrEnum):
    """Who gives nodes their routes by the rack's routers, and who keeps them over a restart."""

    NODE = "node"
    """The node's own configuration, as an operating system's default route; its presence is checked."""
    STACK = "stack"
    """This program: a route to all that the fabric carries, and a file for the node's network service."""


class Link(Model):
    """A router's place in a rack."""

    router: Name
    """Name of a router."""
    subnet: Network
    """The layer-2 segment."""
    address: Address
    """The router's own address in the segment: BGP peer of the nodes, and next hop unless the gateway is shared."""


class Rack(Model):
    """Nodes behind the same routers."""

    name: Name
    """The rack's name."""
    egress: Egress
    """How its nodes leave the rack."""
    links: Annotated[tuple[Link, ...], Field(min_length=1)]
    """Its routers: one for `single`, two or more for every other way."""
    gateway: Address | None = None
    """The shared gateway address of `anycast-gateway` and `vrrp`; the other mechanisms use the routers' own."""
    routes: Routes = Routes.NODE
    """Who gives its nodes their routes by these gateways: the `node` itself, or the `stack`."""
    bastion: Name | None = None
    """The jump host before its nodes and routers; left out: the site's."""

    @cached_property
    def subnets(self) -> tuple[IPv4Network, ...]:
        """Return each segment once, in the order of the links."""
        return tuple(dict.fromkeys(link.subnet for link in self.links))

    @cached_property
    def gateways(self) -> tuple[IPv4Address, ...]:
        """Return the next hops of a node."""
        shared = self.gateway if self.egress in SHARED_GATEWAY else None
        return (shared,) if shared else tuple(link.address for link in self.links)


NO_INTERFACE = frozenset({"all", "default", "lo", ".", ".."})
"""Names that the kernel's settings use for something else."""


def _interface(name: str) -> str:
    if name in NO_INTERFACE:
        raise ValueError("the name of an interface that carries pod traffic")
    return name


class Uplink(Model):
    """A network interface that carries pod traffic."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,15}$"), AfterValidator(_interface)]
    """The interface's name on the node, 1 to 15 characters."""
    mtu: Mtu
    """Bytes of an IP packet that the interface, and every switch behind it, carries."""
    address: Address | None = None
    """Needed where a rack has several segments; else the node's own address is the uplink's."""
    source_destination_check: Literal["disabled", "enabled"]
    """The platform's anti-spoofing check; pods' addresses pass only where it is disabled."""
    check_switched_by: Literal["team", "adapter"] = "team"
    """Who switches that check off: people who own the platform, or the site's `port_adapter`."""


class Node(Model):
    """A machine of the cluster."""

    name: NodeName
    """The node's name in Kubernetes: its host name, with its domain where `kubectl get nodes` shows one."""
    role: Literal["control-plane", "worker"]
    """One to three nodes are `control-plane`."""
    rack: Name
    """Name of the rack that it stands in."""
    address: Address
    """The node's address in the fabric: kubelet's node IP and BGP source."""
    management: Management
    """Where SSH reaches the node."""
    uplinks: tuple[Uplink, ...]
    """The interfaces that carry pods; in a rack with several segments one in each of them."""
    router_id: Address | None = None
    """BGP identifier (RFC 6286), written like an address; left out: `address`, which is unique already."""

    def address_in(self, subnet: IPv4Network) -> IPv4Address | None:
        """Return the node's address in a segment; None when it has none there."""
        own = (*(uplink.address for uplink in self.uplinks), self.address)
        return next((address for address in own if address and address in subnet), None)


class Allow(Model):
    """One rule of a security group."""

    direction: Literal["ingress", "egress"]
    """Seen from the node."""
    network: Network
    """The other side's addresses."""
    protocol: Literal["any", "tcp", "udp", "icmp"]
    """Pods need `any`: what they speak is theirs to choose."""


class SecurityGroup(Model):
    """The platform's packet filter around a group of nodes."""

    name: Name
    """The group's name on the platform."""
    nodes: tuple[NodeName, ...]
    """Names of its nodes; where there are groups, every node is in one."""
    allow: tuple[Allow, ...]
    """What passes; everything else is dropped."""
    applied_by: Literal["team", "adapter"] = "team"
    """Who applies the group's rules to its nodes' ports: people who own the platform, or the site's `port_adapter`."""
