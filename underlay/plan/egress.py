"""Routes of a node by its rack's routers, where the stack gives them: all that the fabric carries, and nothing else."""

from __future__ import annotations

from ipaddress import IPv4Network, collapse_addresses

from underlay.model import Node, Rack, Routes, Site
from underlay.plan.once import per_site


def routes(site: Site, node: Node) -> dict[str, list[str]]:
    """Return each destination with its next hops; none where the node's own configuration has them."""
    rack = site.rack(node.rack)
    if rack.routes is not Routes.STACK:
        return {}
    hops = [str(gateway) for gateway in rack.gateways]
    return {str(network): hops for network in _beyond(site)[rack.name]}


@per_site
def _beyond(site: Site) -> dict[str, list[IPv4Network]]:
    """Return for each rack what lies behind its routers; the default route stays whose it is."""
    return {rack.name: list(collapse_addresses(_networks(site, rack))) for rack in site.racks}


def _networks(site: Site, rack: Rack) -> list[IPv4Network]:
    addresses, own = site.addresses, set(rack.subnets)
    segments = [subnet for other in site.racks for subnet in other.subnets]
    entrance = [] if _in_segments(site, segments) else [IPv4Network(site.cluster.api.address)]
    wanted = [*addresses.pods.pools, *segments, *addresses.fabric, *addresses.external, *entrance]
    return [network for network in wanted if network not in own]


def _in_segments(site: Site, segments: list[IPv4Network]) -> bool:
    return any(site.cluster.api.address in segment for segment in segments)
