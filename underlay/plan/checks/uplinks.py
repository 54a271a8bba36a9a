"""Rules about nodes' uplinks: one in each segment of the rack, each with its own address there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address

from underlay.plan.checks.registry import REMOVED, Declaration, Example, Problem, rule


def _uplinks(*addresses: str) -> list[dict[str, object]]:
    common: dict[str, object] = {"mtu": 1500, "source_destination_check": "disabled"}
    return [{"name": f"eth{number}", **common, "address": address} for number, address in enumerate(addresses)]


DUAL: Example = {
    "racks.1": {
        "name": "rack-b",
        "egress": "ecmp-link-state",
        "links": [
            {"router": "tor-b", "subnet": "172.30.2.0/24", "address": "172.30.2.1"},
            {"router": "tor-a", "subnet": "172.30.3.0/24", "address": "172.30.3.1"},
        ],
    },
    "nodes.2.uplinks": _uplinks("172.30.2.11", "172.30.3.11"),
    "nodes.3.uplinks": _uplinks("172.30.2.12", "172.30.3.12"),
}
"""The example that is right: a rack with a segment to each of two routers, and an uplink in each."""


@rule("uplinks-fewer-than-segments", bad={**DUAL, "nodes.3.uplinks.1": REMOVED}, good=DUAL)
def nodes_reach_every_segment(declaration: Declaration) -> Iterator[Problem]:
    """A node without an uplink to one of its routers loses everything with the other one."""
    for index, node, rack in declaration.placed():
        if 0 < len(node.uplinks) < len(rack.subnets):
            found = f"{len(node.uplinks)} on {node.name}"
            expected = f"{len(rack.subnets)}: one in each segment of {rack.name}"
            yield Problem(f"site.nodes.{index}.uplinks", found, expected)


@rule("uplink-address-missing", bad={**DUAL, "nodes.3.uplinks.1.address": REMOVED}, good=DUAL)
def uplinks_of_several_segments_have_addresses(declaration: Declaration) -> Iterator[Problem]:
    """Only an address says which segment an uplink is in, and what the router there calls the node."""
    for index, node, rack in declaration.placed():
        for number, uplink in enumerate(node.uplinks):
            if len(rack.subnets) > 1 and not uplink.address:
                where = f"site.nodes.{index}.uplinks.{number}.address"
                segments = " or ".join(map(str, rack.subnets))
                yield Problem(where, "nothing", f"the address of {node.name} in {segments}")


@rule(
    "uplink-address-outside-rack",
    bad={**DUAL, "nodes.3.uplinks.1.address": "172.30.4.12"},
    good=DUAL,
)
def uplinks_are_in_their_racks(declaration: Declaration) -> Iterator[Problem]:
    """A router reaches a node only by an address of the segment that they share."""
    for index, node, rack in declaration.placed():
        for number, uplink in enumerate(node.uplinks):
            if uplink.address and not any(uplink.address in subnet for subnet in rack.subnets):
                where = f"site.nodes.{index}.uplinks.{number}.address"
                segments = " or ".join(map(str, rack.subnets))
                yield Problem(where, uplink.address, f"an address in {segments} ({rack.name})")


@rule("uplinks-in-one-segment", bad={**DUAL, "nodes.3.uplinks.1.address": "172.30.2.13"}, good=DUAL)
def uplinks_are_in_different_segments(declaration: Declaration) -> Iterator[Problem]:
    """The kernel answers for both addresses on either interface, and sends by one of them only."""
    for index, node, rack in declaration.placed():
        for subnet in rack.subnets:
            inside = [uplink for uplink in node.uplinks if uplink.address and uplink.address in subnet]
            if len(inside) > 1:
                found = f"{', '.join(f'{one.name} {one.address}' for one in inside)}, all in {subnet}"
                yield Problem(f"site.nodes.{index}.uplinks", found, "each uplink in a segment of its own")


@rule(
    "node-address-on-no-uplink",
    bad={"nodes.3.uplinks.0.address": "172.30.2.13"},
    good={"nodes.3.uplinks.0.address": "172.30.2.12"},
)
def node_addresses_are_on_an_uplink(declaration: Declaration) -> Iterator[Problem]:
    """Cilium routes by the interface that holds the node's address; an address elsewhere takes another way."""
    for index, node, rack in declaration.placed():
        own: list[IPv4Address | None] = [uplink.address for uplink in node.uplinks]
        inside = any(node.address in subnet for subnet in rack.subnets)
        if own and all(own) and node.address not in own and inside:
            expected = f"one of the uplinks' addresses: {', '.join(map(str, own))}"
            yield Problem(f"site.nodes.{index}.address", node.address, expected)


@rule(
    "uplink-not-unique",
    bad={"nodes.3.uplinks.1": {"name": "eth0", "mtu": 1500, "source_destination_check": "disabled"}},
    good={"nodes.3.uplinks.1": {"name": "eth1", "mtu": 1500, "source_destination_check": "disabled"}},
)
def uplinks_are_named_once(declaration: Declaration) -> Iterator[Problem]:
    """An interface has one MTU and one check."""
    for index, node in enumerate(declaration.site.nodes):
        for name, count in Counter(uplink.name for uplink in node.uplinks).items():
            if count > 1:
                yield Problem(f"site.nodes.{index}.uplinks", f"{count} times {name}", "each interface once")
