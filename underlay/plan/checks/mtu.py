"""Rules about packet sizes: Cilium gives every pod of a node the smallest MTU of the node's uplinks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from underlay.model import Node, Rack
from underlay.plan.checks.registry import Declaration, Problem, rule

SECOND = {"name": "eth1", "source_destination_check": "disabled"}


@rule(
    "mtu-differs-in-segment",
    bad={"nodes.3.uplinks.0.mtu": 9000},
    good={"nodes.2.uplinks.0.mtu": 1500, "nodes.3.uplinks.0.mtu": 1500},
)
def nodes_of_a_segment_agree_on_packet_size(declaration: Declaration) -> Iterator[Problem]:
    """No router stands between them that could answer: a packet that is too large for the other one is lost."""
    members: dict[str, list[tuple[int, Node]]] = {}
    for index, node, rack in declaration.placed():
        members.setdefault(rack.name, []).append((index, node))
    for rack in declaration.site.racks:
        for subnet in rack.subnets:
            sizes = {index: size for index, node in members.get(rack.name, ()) if (size := _size(node, rack, subnet))}
            usual = _usual(sizes.values())
            for index, size in sizes.items():
                if size != usual:
                    expected = f"{usual}, as most nodes of {subnet} ({rack.name})"
                    yield Problem(f"site.nodes.{index}.uplinks", f"{size} bytes", expected)


def _size(node: Node, rack: Rack, subnet: IPv4Network) -> int | None:
    """Return the smallest MTU of a node's uplinks in a segment; None when it has none there."""
    alone = len(rack.subnets) == 1
    sizes = [uplink.mtu for uplink in node.uplinks if alone or (uplink.address and uplink.address in subnet)]
    return min(sizes, default=None)


def _usual(sizes: Iterable[int]) -> int:
    """Return the size that most have, of several the smallest; 0 of none."""
    counts = Counter(sizes)
    return min(counts, key=lambda size: (-counts[size], size), default=0)


@rule(
    "mtu-differs-on-node",
    severity="warning",
    bad={f"nodes.{index}.uplinks.1": {**SECOND, "mtu": 9000} for index in (2, 3)},
    good={f"nodes.{index}.uplinks.1": {**SECOND, "mtu": 1500} for index in (2, 3)},
)
def uplinks_of_a_node_agree_on_packet_size(declaration: Declaration) -> Iterator[Problem]:
    """One small uplink makes the packets of all pods of the node small."""
    for index, node in enumerate(declaration.site.nodes):
        if len({uplink.mtu for uplink in node.uplinks}) > 1:
            found = ", ".join(f"{uplink.name} {uplink.mtu}" for uplink in node.uplinks)
            yield Problem(f"site.nodes.{index}.uplinks", f"{found} bytes", "the same on every uplink of a node")


@rule(
    "mtu-differs-between-racks",
    severity="warning",
    bad={"nodes.2.uplinks.0.mtu": 9000, "nodes.3.uplinks.0.mtu": 9000},
    good={f"nodes.{index}.uplinks.0.mtu": 9000 for index in range(4)},
)
def racks_agree_on_packet_size(declaration: Declaration) -> Iterator[Problem]:
    """Large packets between these racks need a router's answer (path MTU discovery); filters often drop that answer."""
    sizes: dict[str, int] = {}
    for _, node, rack in declaration.placed():
        for uplink in node.uplinks:
            sizes[rack.name] = min(uplink.mtu, sizes.get(rack.name, uplink.mtu))
    usual = _usual(sizes.values())
    for index, rack in enumerate(declaration.site.racks):
        if sizes.get(rack.name, usual) != usual:
            expected = f"{usual}, as in most racks"
            yield Problem(f"site.racks.{index}", f"uplinks of {sizes[rack.name]} bytes in {rack.name}", expected)
