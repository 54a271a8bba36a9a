"""What a node has to be before an underlay can work on it: kernel settings, files, and what is looked at first."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from underlay.model import Egress, HostRouting, Node, Site
from underlay.plan.egress import routes
from underlay.plan.owner import owner_line

SYSCTL_FILE = "/etc/sysctl.d/90-underlay.conf"
OWNER_MARK = "# Owned by cilium-underlay: written by its prerequisites, removed with them."

REVERSE_PATH: dict[HostRouting, str] = {
    # Loose: answers may come back by another router, but a source that no route knows is still dropped.
    HostRouting.LEGACY: "2",
    # BPF forwards before this check; what still meets it is node traffic, which several uplinks make asymmetric.
    HostRouting.BPF: "0",
}

PROGRAMS: dict[HostRouting, tuple[str, ...]] = {
    HostRouting.LEGACY: ("fib_lookup",),
    HostRouting.BPF: ("fib_lookup", "redirect_neigh", "redirect_peer"),
}
"""Calls into the kernel that Cilium's programs at network devices make."""
SERVICE_PROGRAMS: dict[str, tuple[str, ...]] = {
    "cgroup_connect4": ("get_netns_cookie",),
    "cgroup_sendmsg4": (),
    "cgroup_recvmsg4": (),
    "cgroup_post_bind4": (),
}
"""What serves Services at a pod's sockets, where Cilium replaces kube-proxy."""
XDP_PROGRAMS: dict[str, tuple[str, ...]] = {"xdp": ()}
"""What serves Services in a card's driver, where that is demanded."""

PORTS = (4240, 4244, 9878, 9879, 9890, 9891, 9893, 9901, 9962, 9963, 9964)
"""TCP ports of agents and operator (Cilium's system requirements)."""
NODE_PORTS = (30000, 32767)
"""First and last port of services of type NodePort, as in Kubernetes."""

FAR_RACKS = 8
"""Other racks to which a node sends packets of the declared size before anything is changed."""

NETWORKD = "[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n"
NETWORK_MANAGER = "[keyfile]\nunmanaged-devices+=interface-name:cilium_*;interface-name:lxc*\n"
"""`+=` adds to what other files name; `=` would hand all that over to NetworkManager, uplinks among it."""
SERVICES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    (
        "/etc/systemd/networkd.conf.d/90-underlay.conf",
        NETWORKD,
        "run/systemd/netif",
        ("systemctl", "try-restart", "systemd-networkd.service"),
    ),
    (
        "/etc/NetworkManager/conf.d/90-underlay.conf",
        NETWORK_MANAGER,
        "run/NetworkManager",
        ("nmcli", "general", "reload", "conf"),
    ),
)
"""File, text, folder of a service that reads it and is at work, and the command that lets it read it."""

RULES = {
    "bgp-speaker-foreign": "another program speaks BGP on the node",
    "bpf-attach-refused": "the kernel lets no program be attached to a device",
    "bpf-helper-missing": "the kernel lacks a call that Cilium's programs make",
    "bpf-program-refused": "the kernel loads no program of a kind that the chosen values need",
    "bpffs-mounted-twice": "a second BPF file system hides what is pinned in the first",
    "egress-next-hop-missing": "the default route lacks one of the rack's routers",
    "firewalld-running": "firewalld rejects what it has not been told of",
    "foreign-bpf-program": "another program sits at an uplink's hooks",
    "foreign-cni-config": "another network plug-in was here",
    "foreign-route": "a route to a destination of ours is somebody else's",
    "forward-policy-drop": "the host's filter drops what it forwards, pods' packets too under legacy host routing",
    "gateway-not-on-link": "a router of the rack does not answer on the segment",
    "kernel-btf-missing": "the kernel does not describe its structures",
    "kernel-filesystem-missing": "the kernel lacks a file system that the agent mounts",
    "kernel-too-old": "the kernel is older than Cilium supports",
    "kube-proxy-rules-left": "kube-proxy's rules translate services a second time",
    "network-manager-takes-links": "a file lets NetworkManager manage Cilium's links",
    "networkd-removes-routes": "a file tells systemd-networkd to remove Cilium's routes",
    "node-address-duplicate": "another machine holds the node's address",
    "node-address-missing": "the node's address is not where the site says",
    "node-uplink-missing": "a declared interface does not exist",
    "path-mtu-smaller": "packets of the declared size do not reach the router, or another rack",
    "pod-route-not-by-gateway": "pods' packets leave by another next hop than the rack's routers",
    "pod-route-not-by-uplink": "pods' packets leave by no declared uplink",
    "port-taken": "another program listens where an agent has to",
    "routes-not-kept": "nothing on the node would bring our routes back after a restart",
    "routing-rule-before-local": "a routing rule comes before the node's addresses, which the L7 proxy moves behind it",
    "routing-table-taken": "a routing table that Cilium uses is in use",
    "setting-overruled": "a later file sets a kernel setting of ours to another value at the next start",
    "uplink-down": "an uplink has no carrier",
    "uplink-mtu-differs": "an interface's MTU is not the declared one",
}
"""What the checks on a node may find, and what it means; each can be waived by its name."""

KEPT = {
    "file-drifted": "a file of ours is not as it was applied",
    "foreign-file": "a file of our name is somebody else's",
    "foreign-node-settings": "another site has prepared the node",
    "kernel-setting-missing": "the kernel lacks a setting that the node needs",
    "record-unreadable": "the record of what the node had before cannot be read",
    "route-drifted": "a route of ours is not as it was applied",
    "route-refused": "the kernel does not take a route of ours, or keeps one that has to go",
    "service-not-told": "a service does not read its new file",
    "setting-drifted": "a kernel setting is not as it was applied",
    "write-refused": "a file or a setting, of a node or a router, cannot be written, as on a full disk",
}
"""What applying and the look for drift may find beside the checks; none of it can be waived."""
SILENT = {
    "node-not-asked": "the node did not answer, so nobody knows what is different there",
    "python-too-old": "the node's python3 is older than 3.9, so no program of ours runs there",
}
"""What the look for drift says of a node that says nothing itself."""


def settings(site: Site, node: Node) -> dict[str, str]:
    """Return the kernel settings of a node as path below /proc/sys to value."""
    reverse_path = REVERSE_PATH[site.cilium.host_routing]
    several = site.rack(node.rack).egress is Egress.ECMP_LINK_STATE
    wanted = {"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/rp_filter": "0"}
    if several:
        wanted["net/ipv4/fib_multipath_hash_policy"] = "1"  # by connection: two pods' packets may take two ways
    for uplink in node.uplinks:
        wanted[f"net/ipv4/conf/{uplink.name}/rp_filter"] = reverse_path
        # A redirect would lead pods past the declared router, and stay after a pod network has moved.
        wanted[f"net/ipv4/conf/{uplink.name}/accept_redirects"] = "0"
        if several:  # the next hop of a dead link leaves at once
            wanted[f"net/ipv4/conf/{uplink.name}/ignore_routes_with_linkdown"] = "1"
    return wanted


def sysctl_text(wanted: dict[str, str], owner: str) -> str:
    """Return the file that brings the settings back after a restart."""
    return _owned("".join(f"{key} = {value}\n" for key, value in wanted.items()), owner)


def addresses(site: Site, node: Node) -> list[str]:
    """Return the node's address in each segment of its rack, with prefix length."""
    found = ((node.address_in(subnet), subnet) for subnet in site.rack(node.rack).subnets)
    return [f"{address}/{subnet.prefixlen}" for address, subnet in found if address]


def far(site: Site, node: Node) -> dict[str, list[str | int]]:
    """Return whom to send whole packets to in other racks, and their size: a router and a node of each first one."""
    found: dict[str, list[str | int]] = {}
    for rack in islice((rack for rack in site.racks if rack.name != node.rack), FAR_RACKS):
        there = site.nodes_of(rack.name)[:1]
        size = _size(site, node, *there)
        found[f"{rack.links[0].router} in {rack.name}"] = [str(rack.links[0].address), size]
        found |= {f"{one.name} in {rack.name}": [str(one.address), size] for one in there}
    return found


def mates(site: Site, node: Node) -> list[str]:
    """Return the addresses of a rack's other nodes where they are next hops too: Cilium gives direct routes to them."""
    there = site.nodes_of(node.rack) if site.cilium.direct_node_routes else ()
    return [str(one.address) for one in there if one.name != node.name]


def _size(site: Site, *nodes: Node) -> int:
    """Return the bytes of the largest packet between some nodes: pods' as declared, where all their links carry it."""
    declared = [site.cilium.mtu] if site.cilium.mtu else []
    return min([*declared, *(uplink.mtu for node in nodes for uplink in node.uplinks)])


def programs(site: Site) -> dict[str, list[str]]:
    """Return the kinds of BPF programs that the chosen values need, each with its calls into the kernel."""
    kinds = {"sched_cls": list(PROGRAMS[site.cilium.host_routing])}
    services = SERVICE_PROGRAMS if site.cilium.kube_proxy_replacement else {}
    driver = XDP_PROGRAMS if site.cilium.load_balancing.acceleration == "native" else {}
    return kinds | {kind: list(helpers) for kind, helpers in (services | driver).items()}


def reserved(site: Site) -> list[list[int]]:
    """Return ranges of ports that the kernel must not lend to connections: a port lent is one where nobody can listen.

    A range is its first and its last port.
    """
    declared = site.cilium.load_balancing.node_ports
    services = [declared.first, declared.last] if declared else list(NODE_PORTS)
    return [*([port, port] for port in PORTS), services]


def node_input(site: Site, node: Node, waived: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the input of the program `prepare_node` for one node; `waived` excuses findings by rule, with a reason."""
    wanted, owner = settings(site, node), owner_line(site, node.name)
    services = [
        {"path": path, "text": _owned(text, owner), "needs": needs, "after": list(after)}
        for path, text, needs, after in SERVICES
    ]
    return {
        "site": site.name,
        "node": node.name,
        "addresses": addresses(site, node),
        "gateways": [str(gateway) for gateway in site.rack(node.rack).gateways],
        "mates": mates(site, node),
        "far": far(site, node),
        "uplinks": {uplink.name: uplink.mtu for uplink in node.uplinks},
        "pod_address": str(site.addresses.pods.native.broadcast_address - 1),
        "bpf": programs(site),
        "ports": list(PORTS),
        "reserved": reserved(site),
        "routes": routes(site, node),
        "host_routing": site.cilium.host_routing.value,
        "kube_proxy_replacement": site.cilium.kube_proxy_replacement,
        "l7_proxy": site.cilium.l7_proxy,
        "waived": {rule: reason for rule, reason in (waived or {}).items() if rule in RULES},
        "brings_cilium": site.cilium.owner == "release",
        "mark": OWNER_MARK,
        "owner": owner,
        "files": [{"path": SYSCTL_FILE, "text": sysctl_text(wanted, owner), "needs": "", "after": []}, *services],
        "settings": wanted,
    }


def _owned(text: str, owner: str) -> str:
    return f"{OWNER_MARK}\n# {owner}\n{text}"
