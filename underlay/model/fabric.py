"""Racks, routers, nodes and the filters between them as they are declared."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from underlay.model.base import Address, Asn, Model, Mtu, Name, Network, Port


class Management(Model):
    """Where SSH reaches a machine; its host key is pinned in `hostKeys`."""

    address: Address
    user: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
    port: Port = 22


class Platform(StrEnum):
    """The routing software of a router."""

    FRR = "frr"
    BIRD = "bird"


class Neighbor(Model):
    """A BGP session of a router with something that is not a node: another router, or a peer outside."""

    name: Name
    asn: Asn
    local: Address
    remote: Address
    accepts: tuple[Network, ...] = ()
    """Prefixes taken from this neighbour beside what the site itself declares."""


class Router(Model):
    """A top-of-rack router."""

    name: Name
    platform: Platform
    asn: Asn
    managed: bool
    """True: configured over SSH; False: a file for the network team is rendered."""
    management: Management | None = None
    neighbors: tuple[Neighbor, ...] = ()
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


class Link(Model):
    """A router's place in a rack."""

    router: Name
    subnet: Network
    """The layer-2 segment."""
    address: Address
    """The router's own address in the segment: BGP peer of the nodes, and next hop unless the gateway is shared."""


class Rack(Model):
    """Nodes behind the same routers."""

    name: Name
    egress: Egress
    links: Annotated[tuple[Link, ...], Field(min_length=1)]
    gateway: Address | None = None
    """The shared gateway address of `anycast-gateway` and `vrrp`; the other mechanisms use the routers' own."""

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
        raise ValueError(f"{name} is no interface that carries pod traffic")
    return name


class Uplink(Model):
    """A network interface that carries pod traffic."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,15}$"), AfterValidator(_interface)]
    mtu: Mtu
    address: Address | None = None
    """Needed where a rack has several segments; else the node's own address is the uplink's."""
    source_destination_check: Literal["disabled", "enabled"]
    """The platform's anti-spoofing check; pods' addresses pass only where it is disabled."""


class Node(Model):
    """A machine of the cluster."""

    name: Name
    role: Literal["control-plane", "worker"]
    rack: Name
    address: Address
    """The node's address in the fabric: kubelet's node IP and BGP source."""
    management: Management
    uplinks: tuple[Uplink, ...]

    def address_in(self, subnet: IPv4Network) -> IPv4Address | None:
        """Return the node's address in a segment; None when it has none there."""
        own = (*(uplink.address for uplink in self.uplinks), self.address)
        return next((address for address in own if address and address in subnet), None)


class Allow(Model):
    """One rule of a security group."""

    direction: Literal["ingress", "egress"]
    network: Network
    protocol: Literal["any", "tcp", "udp", "icmp"]


class SecurityGroup(Model):
    """The platform's packet filter around a group of nodes."""

    name: Name
    nodes: tuple[Name, ...]
    allow: tuple[Allow, ...]
