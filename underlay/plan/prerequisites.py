"""What a node has to be before an underlay can work on it: kernel settings, uplinks, the way to the router."""

from __future__ import annotations

from typing import Any

from underlay.model import HostRouting, Node, Site
from underlay.plan.owner import owner_line

SYSCTL_FILE = "/etc/sysctl.d/90-underlay.conf"
OWNER_MARK = "# Owned by cilium-underlay: written by its prerequisites, removed with them."

REVERSE_PATH: dict[HostRouting, str] = {
    # Loose: answers may come back by another router, but a source that no route knows is still dropped.
    HostRouting.LEGACY: "2",
    # BPF forwards before this check; what still meets it is node traffic, which several uplinks make asymmetric.
    HostRouting.BPF: "0",
}


def settings(site: Site, node: Node) -> dict[str, str]:
    """Return the kernel settings of a node as path below /proc/sys to value."""
    reverse_path = REVERSE_PATH[site.cilium.host_routing]
    wanted = {"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/rp_filter": "0"}
    for uplink in node.uplinks:
        wanted[f"net/ipv4/conf/{uplink.name}/rp_filter"] = reverse_path
        # A redirect would lead pods past the declared router, and stay after a pod network has moved.
        wanted[f"net/ipv4/conf/{uplink.name}/accept_redirects"] = "0"
    return wanted


def sysctl_text(wanted: dict[str, str], owner: str) -> str:
    """Return the file that brings the settings back after a restart."""
    return "\n".join([OWNER_MARK, f"# {owner}", *(f"{key} = {value}" for key, value in wanted.items())]) + "\n"


def addresses(site: Site, node: Node) -> list[str]:
    """Return the node's address in each segment of its rack, with prefix length."""
    found = ((node.address_in(subnet), subnet) for subnet in site.rack(node.rack).subnets)
    return [f"{address}/{subnet.prefixlen}" for address, subnet in found if address]


def node_input(site: Site, node: Node) -> dict[str, Any]:
    """Return the input of the program `prepare_node` for one node."""
    wanted = settings(site, node)
    return {
        "site": site.name,
        "node": node.name,
        "addresses": addresses(site, node),
        "uplinks": {uplink.name: uplink.mtu for uplink in node.uplinks},
        "pod_address": str(site.addresses.pods.native.broadcast_address - 1),
        "file": SYSCTL_FILE,
        "mark": OWNER_MARK,
        "text": sysctl_text(wanted, owner_line(site, node.name)),
        "settings": wanted,
    }
