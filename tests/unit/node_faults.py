"""What a node may lack or have too much of, each with the rule that names it; and what looks alike and is in order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from tests.unit.remote_node import Node

Inject = Callable[[Node], object]
CLASSIC = [{"kind": "bpf"}, {"kind": "bpf", "options": {"bpf_name": "watch.o:[x]", "prog": {"name": "xdr_watch"}}}]
SAVED = ":KUBE-SVC-ERIFXISQEP7F7OF4 - [0:0]\n:KUBE-SEP-AAAA - [0:0]\n"


def answers(question: str, answer: object) -> Inject:
    """Return the fault that a program answers so."""
    return lambda node: node.answers.update({question: answer})


def file(path: str, text: str) -> Inject:
    """Return the fault that a file is there."""
    return lambda node: node.put(path, text)


def together(*faults: Inject) -> Inject:
    """Return the fault that all of these are there."""
    return lambda node: [fault(node) for fault in faults]


def gone(path: str) -> Inject:
    """Return the fault that a file is missing."""
    return lambda node: (node.root / path).unlink()


def kernel(**values: object) -> Inject:
    """Return the fault that the kernel answers so."""
    return lambda node: vars(node.kernel).update(values)


def moved_by_cilium(node: Node) -> None:
    """Let Cilium run with the L7 proxy: its own rule is early, and the one for the node's addresses moved."""
    node.data["l7_proxy"] = True
    node.put("sys/class/net/cilium_host/mtu", "1500\n")
    node.answers["rule show"] = [{"priority": 9, "table": "2004"}, {"priority": 100, "table": "local"}]


def row(target: str) -> dict[str, str]:
    """Return a route of somebody else's, as the kernel lists it."""
    return {"dst": target, "gateway": "172.30.1.254", "protocol": "static"}


def ours(*rows: dict[str, str], keeper: str = "run/network/ifstate", external: Sequence[str] = ()) -> Inject:
    """Return the fault that these routes are there where ours shall be."""

    def inject(node: Node) -> None:
        node.data["routes"] = {target: ["172.30.1.1"] for target in ("10.244.0.0/16", *external)}
        node.routes += rows
        if keeper:
            node.put(keeper, "eth0=eth0\n")

    return inject


def network_manager(devices: str) -> Inject:
    """Return the fault that NetworkManager is at work, and reads this list of devices after ours."""

    def inject(node: Node) -> None:
        node.put("run/NetworkManager/x", "")
        node.put("etc/NetworkManager/conf.d/99-site.conf", f"[keyfile]\nunmanaged-devices{devices}\n")

    return inject


FAULTS: dict[str, tuple[Inject, str]] = {
    "no BTF": (gone("sys/kernel/btf/vmlinux"), "kernel-btf-missing"),
    "no bpffs": (file("proc/filesystems", "nodev\tcgroup2\n"), "kernel-filesystem-missing"),
    "no cgroup2": (file("proc/filesystems", "nodev\tbpf\n"), "kernel-filesystem-missing"),
    "a kernel of 2020": (file("proc/sys/kernel/osrelease", "5.4.0-42-generic\n"), "kernel-too-old"),
    "Red Hat 8.6": (file("proc/sys/kernel/osrelease", "4.18.0-372.9.1.el8.x86_64\n"), "kernel-too-old"),
    "bpffs over bpffs": (
        file(
            "proc/self/mountinfo", "30 1 0:26 / /sys/fs/bpf rw - bpf bpf rw\n31 30 0:27 / /sys/fs/bpf rw - bpf bpf rw\n"
        ),
        "bpffs-mounted-twice",
    ),
    "no programs at sockets": (kernel(wrong={("cgroup_connect4", ""): "Invalid argument"}), "bpf-program-refused"),
    "a call that is unknown": (kernel(wrong={("sched_cls", "fib_lookup"): "invalid func"}), "bpf-helper-missing"),
    "no right to attach": (kernel(attach="Operation not permitted"), "bpf-attach-refused"),
    "another MTU": (file("sys/class/net/eth0/mtu", "9000\n"), "uplink-mtu-differs"),
    "no such interface": (gone("sys/class/net/eth0/mtu"), "node-uplink-missing"),
    "a pulled cable": (file("sys/class/net/eth0/carrier", "0\n"), "uplink-down"),
    "another address": (lambda node: node.data.update(addresses=["172.30.1.13/24"]), "node-address-missing"),
    "another prefix length": (lambda node: node.data.update(addresses=["172.30.1.12/16"]), "node-address-missing"),
    "an address used twice": (kernel(others={"02:00:00:00:00:99"}), "node-address-duplicate"),
    "no route for pods": (answers("route get", []), "pod-route-not-by-uplink"),
    "pods behind the management network": (answers("route get", [{"dev": "mgmt0"}]), "pod-route-not-by-uplink"),
    "pods behind another router": (
        answers("route get", [{"dev": "eth0", "gateway": "172.30.1.254"}]),
        "pod-route-not-by-gateway",
    ),
    "a router that is silent": (kernel(largest={}), "gateway-not-on-link"),
    "a smaller switch": (kernel(largest={"172.30.1.1": 1400}), "path-mtu-smaller"),
    "a smaller link between the routers": (
        kernel(largest={"172.30.1.1": 1500, "172.30.2.1": 1500, "172.30.2.11": 1400}),
        "path-mtu-smaller",
    ),
    "NetworkManager that takes links": (
        network_manager("=interface-name:docker0"),
        "network-manager-takes-links",
    ),
    "NetworkManager that is given links back": (
        network_manager("-=interface-name:lxc*"),
        "network-manager-takes-links",
    ),
    "NetworkManager's file that overrules a package's of its name": (
        together(
            file("usr/lib/NetworkManager/conf.d/99-site.conf", "[keyfile]\nunmanaged-devices=cilium_*;lxc*\n"),
            network_manager("=interface-name:docker0"),
        ),
        "network-manager-takes-links",
    ),
    "networkd that tidies up by a file of a package": (
        file("usr/lib/systemd/networkd.conf.d/95-cloud.conf", "[Network]\nManageForeignRoutingPolicyRules=on\n"),
        "networkd-removes-routes",
    ),
    "a program in the card's driver": (
        answers("link show dev eth0", [{"xdp": {"mode": 1, "prog": {"id": 7}}}]),
        "foreign-bpf-program",
    ),
    "another network plug-in": (file("etc/cni/net.d/10-flannel.conflist", "{}"), "foreign-cni-config"),
    "a port in use": (lambda node: node.listens(4240, "nginx"), "port-taken"),
    "another speaker": (lambda node: node.listens(179, "bird"), "bgp-speaker-foreign"),
    "a route in Cilium's table": (answers("table 2004", [{"dst": "default"}]), "routing-table-taken"),
    "a rule to Cilium's table": (answers("rule show", [{"table": "2005"}]), "routing-table-taken"),
    "a rule before the node's own addresses": (
        lambda node: (
            node.data.update(l7_proxy=True),
            node.answers.update({"rule show": [{"priority": 50, "src": "all", "table": "250"}]}),
        ),
        "routing-rule-before-local",
    ),
    "kube-proxy's chains": (answers("iptables-save", SAVED), "kube-proxy-rules-left"),
    "kube-proxy's device": (file("sys/class/net/kube-ipvs0/mtu", "1500\n"), "kube-proxy-rules-left"),
    "a filter that drops": (answers("iptables -S", "-P FORWARD DROP\n"), "forward-policy-drop"),
    "nftables that drop": (
        answers("nft list chains", "type filter hook forward priority filter; policy drop;"),
        "forward-policy-drop",
    ),
    "firewalld": (answers("nft list tables", "table inet firewalld\n"), "firewalld-running"),
    "networkd that tidies up": (
        file("etc/systemd/networkd.conf.d/99-site.conf", "[Network]\nManageForeignRoutes=yes\n"),
        "networkd-removes-routes",
    ),
    "a hardening role's file that is read later": (
        file("etc/sysctl.d/99-hardening.conf", "# CIS 3.1.1\nnet.ipv4.ip_forward=0\n"),
        "setting-overruled",
    ),
    "ports that a later file lends again": (
        file("etc/sysctl.conf", "net.ipv4.ip_local_reserved_ports = 8080,30000-32767\n"),
        "setting-overruled",
    ),
    "somebody else's route": (ours(row("10.244.0.0/16")), "foreign-route"),
    "somebody else's default route where ours is one": (
        ours(external=["0.0.0.0/0"]),
        "foreign-route",
    ),
    "nobody who would keep routes": (ours(keeper=""), "routes-not-kept"),
    "another program at the uplink": (kernel(programs=["cil_from_netdev", "xdr_watch"]), "foreign-bpf-program"),
    "another program at the older hooks": (answers("dev eth0 ingress", CLASSIC), "foreign-bpf-program"),
    "hooks that cannot be read": (kernel(unreadable=True), "foreign-bpf-program"),
    "older hooks that cannot be read": (answers("dev eth0 egress", "no JSON"), "foreign-bpf-program"),
    "a setting that the kernel lacks": (
        lambda node: node.data["settings"].update({"net/ipv4/nothing": "1"}),
        "kernel-setting-missing",
    ),
}

TOGETHER = ("no BTF", "another MTU", "another address", "no route for pods", "another network plug-in", "firewalld")

HEALTHY: dict[str, Inject] = {
    "pods of a rack-mate by Cilium's direct route": together(
        lambda node: node.data.update(mates=["172.30.1.11"]),
        answers("route get", [{"dev": "eth0", "gateway": "172.30.1.11"}]),
    ),
    "our own mirror": kernel(programs=["underlay_mirror", "cil_from_netdev"]),
    "Cilium's own file": file("etc/cni/net.d/05-cilium.conflist", "{}"),
    "Cilium's own programs at the older hooks": answers(
        "dev eth0 ingress", json.dumps([{"options": {"bpf_name": "cil_from_netdev-eth0"}}]) + "\na warning"
    ),
    "a machine without tc": lambda node: vars(node).update(missing=("tc",)),
    "Cilium's own route": answers("route get", [{"dev": "cilium_host"}]),
    "Red Hat 8.10": file("proc/sys/kernel/osrelease", "4.18.0-553.el8_10.x86_64\n"),
    "the agent's own port": lambda node: node.listens(4240, "cilium-agent"),
    "the agent that listens for sessions": lambda node: node.listens(179, "cilium-agent"),
    "somebody else's port": lambda node: node.listens(8080, "nginx"),
    "a later file that says the same": file("etc/sysctl.d/99-site.conf", "net/ipv4/ip_forward = 1\n"),
    "a later file with a pattern": file("etc/sysctl.d/99-site.conf", "-net.ipv4.conf.*.rp_filter = 1\n"),
    "a hardening role's file that ours overrules": file("usr/lib/sysctl.d/50-x.conf", "net.ipv4.ip_forward=0\n"),
    "a later file with our ports and more": file("etc/sysctl.conf", "net.ipv4.ip_local_reserved_ports=4000-32767\n"),
    "a route to somewhere else": ours(row("192.0.2.0/24")),
    "a filter that drops, out of the packets' way": lambda node: (
        node.data.update(host_routing="bpf"),
        node.answers.update({"iptables -S": "-P FORWARD DROP\n"}),
    ),
    "an early rule without the proxy": answers("rule show", [{"priority": 50, "src": "all", "table": "250"}]),
    "Cilium's own rules and the moved one": moved_by_cilium,
    "kube-proxy where it is wanted": lambda node: (
        node.data.update(kube_proxy_replacement=False),
        node.answers.update({"iptables-save": SAVED}),
    ),
    "a later file that leaves Cilium's links alone": network_manager(
        "=interface-name:cilium_*;interface-name:lxc*;interface-name:docker0"
    ),
    "a later file that adds links of its own": network_manager("+=interface-name:docker0"),
    "Cilium's own program in the card's driver": answers(
        "link show dev eth0", [{"xdp": {"prog": {"id": 7, "name": "cil_xdp_entry"}}}]
    ),
    "another rack of smaller links": together(
        lambda node: node.data.update(uplinks={"eth0": 9000}),
        file("sys/class/net/eth0/mtu", "9000\n"),
        kernel(largest={"172.30.1.1": 9000, "172.30.2.1": 1500, "172.30.2.11": 1500}),
    ),
    "another rack that does not answer yet": kernel(largest={"172.30.1.1": 1500}),
    "a package's copy of a later file": file(
        "etc/systemd/networkd.conf.d/99-site.conf.rpmsave", "[Network]\nManageForeignRoutes=yes\n"
    ),
    "a package's file that one of its name hides": together(
        file("usr/lib/systemd/networkd.conf.d/95-cloud.conf", "[Network]\nManageForeignRoutes=yes\n"),
        file("etc/systemd/networkd.conf.d/95-cloud.conf", "[Network]\nManageForeignRoutes=no\n"),
    ),
    "a file that ours overrules": file("etc/systemd/networkd.conf", "[Network]\nManageForeignRoutes=yes\n"),
    "a router that answers no echo": lambda node: (
        vars(node.kernel).update(largest={}),
        node.answers.update({"neigh show": [{"state": ["STALE"]}]}),
    ),
}
