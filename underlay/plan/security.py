"""What the platform's packet filters have to let through: a table for each security group, with a reason a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from underlay.model import Node, SecurityGroup, Site, Uplink

DIRECTIONS = ("ingress", "egress")
PASSES = ("direction", "network", "protocol")


class Line(NamedTuple):
    """One line of a group's table; the other side's addresses, and the protocol."""

    group: str
    direction: str
    network: str
    protocol: str
    why: str


def lines(site: Site) -> dict[str, list[str]]:
    """Return the table for review, a text a line by group: `ingress 10.244.0.0/16 any: declared`."""
    found: dict[str, list[str]] = {}
    for line in table(site):
        found.setdefault(line.group, []).append(f"{line.direction} {line.network} {line.protocol}: {line.why}")
    return found


def table(site: Site) -> list[Line]:
    """Return every line, group by group: what is declared, and what follows from the site."""
    return [
        line for group in site.security_groups for line in dict.fromkeys((*_declared(group), *_derived(site, group)))
    ]


def _declared(group: SecurityGroup) -> Iterator[Line]:
    for allow in group.allow:
        yield Line(group.name, allow.direction, str(allow.network), allow.protocol, "declared")


def _derived(site: Site, group: SecurityGroup) -> Iterator[Line]:
    """Yield what nodes themselves speak: with each other, with routers, with the outside."""
    racks = dict.fromkeys(subnet for rack in site.racks for subnet in rack.subnets)
    others = {str(network): "nodes and routers: API, kubelet, health, BGP" for network in racks}
    others |= {str(network): "routers: error messages, and their own" for network in site.addresses.fabric}
    others |= {str(network): "clients outside, of pods and services" for network in site.addresses.external}
    if not any(site.cluster.api.address in network for network in racks):
        others[f"{site.cluster.api.address}/32"] = "the API server's entrance"
    for direction in DIRECTIONS:
        for network, why in others.items():
            yield Line(group.name, direction, network, "any", why)


def adapted_ports(site: Site) -> list[dict[str, str]]:
    """Return the ports whose check of source and destination addresses the site's adapter sets, as it reads them."""
    return [
        _port(node, uplink) | {"check": uplink.source_destination_check}
        for node in site.nodes
        for uplink in node.uplinks
        if uplink.check_switched_by == "adapter"
    ]


def adapted_groups(site: Site) -> list[dict[str, Any]]:
    """Return the groups that the site's adapter applies, as it reads them: the nodes' ports, and what passes there."""
    return [
        {
            "name": group.name,
            "ports": [
                _port(node, uplink) for node in site.nodes if node.name in group.nodes for uplink in node.uplinks
            ],
            "allow": [dict(zip(PASSES, passes, strict=True)) for passes in _passing(site, group)],
        }
        for group in site.security_groups
        if group.applied_by == "adapter"
    ]


def _passing(site: Site, group: SecurityGroup) -> Iterable[tuple[str, ...]]:
    """Return what passes at a group's ports, each once, whatever the reasons."""
    return dict.fromkeys(
        (line.direction, line.network, line.protocol) for line in table(site) if line.group == group.name
    )


def _port(node: Node, uplink: Uplink) -> dict[str, str]:
    return {"node": node.name, "uplink": uplink.name, "address": str(uplink.address or node.address)}
