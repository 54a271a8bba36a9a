"""Racks, routers, nodes and the filters between them as they are declared."""

from __future__ import annotations

from enum import StrEnum
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


class Rack(Model):
    """A layer-2 segment of nodes behind one router."""

    name: Name
    subnet: Network
    gateway: Address
    """The router's address in the subnet: the nodes' default gateway and BGP peer."""
    router: Name


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
