"""Rules about racks, nodes and routers: names lead somewhere, addresses are where they belong, pods find a way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from underlay.model import Rack
from underlay.plan.checks.registry import Declaration, Problem, rule

POINT_TO_POINT = 31
"""Prefix length from which on every address is one of a host (RFC 3021)."""


@rule(
    "name-not-unique",
    bad={
        "routers.0.neighbors.2": {
            "name": "client",
            "asn": 65200,
            "local": "172.30.255.4",
            "remote": "172.30.255.5",
        }
    },
    good={
        "routers.0.neighbors.2": {
            "name": "client-2",
            "asn": 65200,
            "local": "172.30.255.4",
            "remote": "172.30.255.5",
        }
    },
)
def names_are_unique(declaration: Declaration) -> Iterator[Problem]:
    """Names are keys: of host keys, resources and sessions."""
    site = declaration.site
    machines = [*(node.name for node in site.nodes), *(router.name for router in site.routers)]
    kinds = {
        "nodes and routers": machines,
        "racks": [rack.name for rack in site.racks],
        "bastions": [bastion.name for bastion in site.ssh.bastions],
        "security groups": [group.name for group in site.security_groups],
        "other clusters": [site.cluster.name, *(other.name for other in site.addresses.other_clusters)],
    }
    for router in site.routers:
        kinds[f"neighbors of router {router.name}"] = [neighbor.name for neighbor in router.neighbors]
    for kind, names in kinds.items():
        for name, count in Counter(names).items():
            if count > 1:
                yield Problem(f"site, {kind}", f"{count} times the name {name}", "each name once")


@rule(
    "address-not-unique",
    bad={"nodes.3.address": "172.30.2.11"},
    good={"nodes.3.address": "172.30.2.12"},
)
def addresses_are_unique(declaration: Declaration) -> Iterator[Problem]:
    """Two owners of one address answer in turn; one machine may use an address for two purposes."""
    owners: dict[IPv4Address, dict[str, str]] = {}
    for address, owner, where in owned(declaration):
        owners.setdefault(address, {}).setdefault(owner, where)
    for address, places in owners.items():
        if len(places) > 1:
            first, *others = places.values()
            yield Problem(first, f"{address}, as in {', '.join(others)}", "an address of its own")


def owned(declaration: Declaration) -> Iterator[tuple[IPv4Address, str, str]]:
    """Yield every address that a machine, a rack or a neighbour has, with its owner and the key that says so."""
    site = declaration.site
    for index, node in enumerate(site.nodes):
        yield node.address, node.name, f"site.nodes.{index}.address"
        yield node.management.address, node.name, f"site.nodes.{index}.management.address"
        for number, uplink in enumerate(node.uplinks):
            if uplink.address:
                yield uplink.address, node.name, f"site.nodes.{index}.uplinks.{number}.address"
    for where, link in declaration.links():
        yield link.address, link.router, f"{where}.address"
    for index, rack in enumerate(site.racks):
        if rack.gateway:
            yield rack.gateway, f"the shared gateway of {rack.name}", f"site.racks.{index}.gateway"
    for index, router in enumerate(site.routers):
        if router.management:
            yield router.management.address, router.name, f"site.routers.{index}.management.address"
    for where, router, number in declaration.sessions():
        neighbor = router.neighbors[number]
        yield neighbor.local, router.name, f"{where}.local"
        yield neighbor.remote, neighbor.name, f"{where}.remote"


@rule(
    "rack-unknown",
    bad={"nodes.3.rack": "rack-z"},
    good={"nodes.3.rack": "rack-b"},
)
def racks_of_nodes_exist(declaration: Declaration) -> Iterator[Problem]:
    """A node's rack says its routers and gateways."""
    names = declaration.site.rack_names
    for index, node in enumerate(declaration.site.nodes):
        if node.rack not in names:
            yield Problem(f"site.nodes.{index}.rack", node.rack, f"one of {', '.join(sorted(names))}")


@rule(
    "router-unknown",
    bad={"racks.1.links.0.router": "tor-z"},
    good={"racks.1.links.0.router": "tor-b"},
)
def routers_of_racks_exist(declaration: Declaration) -> Iterator[Problem]:
    """A rack's routers carry its pods."""
    names = declaration.site.router_names
    for where, link in declaration.links():
        if link.router not in names:
            yield Problem(f"{where}.router", link.router, f"one of {', '.join(sorted(names))}")


@rule(
    "node-address-outside-rack",
    bad={"nodes.3.address": "172.30.1.99"},
    good={"nodes.3.address": "172.30.2.99"},
)
def nodes_are_in_their_racks(declaration: Declaration) -> Iterator[Problem]:
    """The router is reached on the rack's own segment."""
    for index, node, rack in declaration.placed():
        if not any(node.address in subnet for subnet in rack.subnets):
            expected = f"an address in {' or '.join(map(str, rack.subnets))} ({rack.name})"
            yield Problem(f"site.nodes.{index}.address", node.address, expected)


@rule(
    "gateway-outside-rack",
    bad={"racks.1.links.0.address": "172.30.3.1"},
    good={"racks.1.links.0.address": "172.30.2.1"},
)
def gateways_are_in_their_racks(declaration: Declaration) -> Iterator[Problem]:
    """Nodes reach the gateway without another router, or not at all."""
    for where, address, subnet in _hops(declaration):
        if address not in subnet:
            yield Problem(where, address, f"an address in {subnet}")


@rule(
    "node-address-not-a-host",
    bad={"nodes.3.address": "172.30.2.255"},
    good={"nodes.3.address": "172.30.2.254"},
)
def nodes_have_host_addresses(declaration: Declaration) -> Iterator[Problem]:
    """The first and last address of a segment stand for all of it."""
    for where, address, rack in _own(declaration):
        for subnet in rack.subnets:
            if address in not_hosts(subnet):
                yield Problem(where, address, f"an address of a host in {subnet}")


def _own(declaration: Declaration) -> Iterator[tuple[str, IPv4Address, Rack]]:
    """Yield place, address and rack of each node's addresses in its rack, the node's own first and no other twice."""
    for index, node, rack in declaration.placed():
        yield f"site.nodes.{index}.address", node.address, rack
        for number, uplink in enumerate(node.uplinks):
            if uplink.address and uplink.address != node.address:
                yield f"site.nodes.{index}.uplinks.{number}.address", uplink.address, rack


@rule(
    "gateway-not-a-host",
    bad={"racks.1.links.0.address": "172.30.2.0"},
    good={"racks.1.links.0.address": "172.30.2.1"},
)
def gateways_have_host_addresses(declaration: Declaration) -> Iterator[Problem]:
    """A router does not answer by the address of the whole segment."""
    for where, address, subnet in _hops(declaration):
        if address in not_hosts(subnet):
            yield Problem(where, address, f"an address of a host in {subnet}")


def _hops(declaration: Declaration) -> Iterator[tuple[str, IPv4Address, IPv4Network]]:
    """Yield place, address and segment of each router's own address in a rack, and of each shared gateway."""
    for where, link in declaration.links():
        yield f"{where}.address", link.address, link.subnet
    for index, rack in enumerate(declaration.site.racks):
        if rack.gateway:
            yield f"site.racks.{index}.gateway", rack.gateway, rack.links[0].subnet


def not_hosts(subnet: IPv4Network) -> tuple[IPv4Address, ...]:
    """Return the addresses of a segment that stand for all of it."""
    return (subnet.network_address, subnet.broadcast_address) if subnet.prefixlen < POINT_TO_POINT else ()


@rule(
    "uplink-missing",
    bad={"nodes.3.uplinks": []},
    good={"nodes.3.uplinks": [{"name": "eth0", "mtu": 1500, "source_destination_check": "disabled"}]},
)
def nodes_have_uplinks(declaration: Declaration) -> Iterator[Problem]:
    """Without an uplink no packet of a pod leaves the node."""
    for index, node in enumerate(declaration.site.nodes):
        if not node.uplinks:
            yield Problem(f"site.nodes.{index}.uplinks", "none", "the interface that carries pod traffic")


@rule(
    "link-address-outside-fabric",
    bad={"routers.0.neighbors.1.local": "172.31.0.2"},
    good={"routers.0.neighbors.1.local": "172.30.255.2"},
)
def links_are_in_the_fabric(declaration: Declaration) -> Iterator[Problem]:
    """What is not declared cannot be kept apart from pods and services."""
    fabric = declaration.site.addresses.fabric
    for where, router, number in declaration.sessions():
        local = router.neighbors[number].local
        if not any(local in network for network in fabric):
            yield Problem(f"{where}.local", local, "an address in one of site.addresses.fabric", "Declare the range.")
