"""What the platform does at each node's port: security groups, and the check of source and destination addresses."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from lab.hardware import Cable, Hardware
from underlay.model import Node, Site, Uplink
from underlay.plan.acl import nft_match
from underlay.plan.security import table

SIDES = {"from": ("iifname", "daddr", "egress", "saddr"), "to": ("oifname", "saddr", "ingress", "daddr")}
"""Seen from the port: which packets, the other side's address, the group's direction, the node's own address."""
HOOKS = {"forward": ("from", "to"), "input": ("from",), "output": ("to",)}


def rules(hardware: Hardware, bridge_owner: str) -> str:
    """Return the packet filter of the machine that has a rack's bridge; empty where no node is plugged into it."""
    nodes = {node.name: node for node in hardware.site.nodes}
    ports = [cable for cable in hardware.cables if cable.far == bridge_owner and cable.bridge and cable.owner in nodes]
    if not ports:
        return ""
    chains = [line for cable in ports for line in _chains(hardware.site, nodes[cable.owner], cable)]
    return "\n".join(["table bridge platform {", *chains, *_hooks(ports), "}", ""])


def _chains(site: Site, node: Node, cable: Cable) -> Iterator[str]:
    uplink = next(uplink for uplink in node.uplinks if uplink.name == cable.port)
    for side in SIDES:
        yield f"chain {_chain(side, cable)} {{"
        yield from _checked(side, uplink, uplink.address or node.address)
        yield from _allowed(site, node, side)
        yield "}"


def _checked(side: str, uplink: Uplink, address: IPv4Address) -> Iterator[str]:
    yield "ether type arp accept"
    if uplink.source_destination_check == "enabled":
        yield f"ip {SIDES[side][3]} != {address} counter drop"


def _allowed(site: Site, node: Node, side: str) -> Iterator[str]:
    """Yield the group's lines; a node without a group is not filtered."""
    _, other, direction, _ = SIDES[side]
    groups = {group.name for group in site.security_groups if node.name in group.nodes}
    for line in table(site) if groups else ():
        if line.group in groups and line.direction == direction:
            yield f"{nft_match(line, other)} accept"
    yield "counter drop" if groups else "accept"


def _hooks(ports: list[Cable]) -> Iterator[str]:
    for hook, sides in HOOKS.items():
        yield f"chain {hook} {{"
        yield f"type filter hook {hook} priority 0; policy accept;"
        for cable in ports:
            for side in sides:
                yield f'{SIDES[side][0]} "{cable.far_port}" jump {_chain(side, cable)}'
        yield "}"


def _chain(side: str, cable: Cable) -> str:
    return f"{side}_{cable.far_port}".replace("-", "_")
