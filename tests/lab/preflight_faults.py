"""What a node in a namespace may suffer: what breaks it, what heals it, and exactly what has to be found.

What is left, only another kernel has: RECORDED is tested by the answers that such a kernel gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NODE, OTHER, ROUTER, SECOND = "worker-2", "worker-3", "tor-b", "tor-c"
RECORDED = frozenset({"bpf-helper-missing", "kernel-filesystem-missing", "kernel-too-old"})
"""Rules that need another kernel than the one that all machines share."""
HOOKS = str(Path(__file__).with_name("hooks.py"))


@dataclass(frozen=True)
class Fault:
    """What breaks and what heals, each as a shell's lines on a machine, and the findings that it has to be."""

    rules: frozenset[str]
    harm: str
    heal: str
    machine: str = NODE


def fault(rules: str, harm: str, heal: str, machine: str = NODE) -> Fault:
    """Return a fault; the rules stand in one text."""
    return Fault(frozenset(rules.split()), harm, heal, machine)


def started(command: str, word: str, log: str) -> str:
    """Return the lines that start a program and wait until it has said a word."""
    heard = f"grep -q '{word}' {log}"
    wait = f"for at in $(seq 400); do {heard} && break; sleep 0.05; done; {heard}"
    return f"nohup {command} >{log} 2>&1 & echo $! >/run/fault; {wait}"


def daemon(rules: str, command: str, word: str) -> Fault:
    """Return the fault that a program runs."""
    return fault(rules, started(command, word, "/run/fault.log"), "kill $(cat /run/fault)")


def renamed(old: str, new: str) -> str:
    """Return the lines that give an interface another name; its routes go with the old one."""
    up = f"ip link set {new} up; ip route add default via 172.30.2.1"
    return f"ip link set {old} down; ip link set {old} name {new}; {up}"


OLD, NEW = "/etc/sysctl.d/90-underlay.conf", "/run/90-underlay.conf"
SERVER = "/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config"
ENDED = (
    'for at in $(seq 400); do servers=$(grep -lx sshd /proc/[0-9]*/comm || true); [ -z "$servers" ] && break; '
    "for one in $servers; do one=${one%/comm}; kill ${one#/proc/} || true; done; sleep 0.05; done"
)
LISTENS = "Server listening"
LATER = "/etc/sysctl.d/99-hardening.conf"
RESERVED = "net.ipv4.ip_local_reserved_ports"
HOOK = "/etc/network/if-up.d/underlay"
CONFLIST = "/etc/cni/net.d/10-flannel.conflist"

FAULTS = {
    "a second bpffs": fault("bpffs-mounted-twice", "mount -t bpf bpf /sys/fs/bpf", "umount /sys/fs/bpf"),
    "no description of the kernel": fault(
        "kernel-btf-missing", "mount -t tmpfs tmpfs /sys/kernel/btf", "umount /sys/kernel/btf"
    ),
    "no right to load programs": fault(
        "bpf-program-refused bpf-attach-refused",
        f"{ENDED}; {started(f'setpriv --bounding-set -bpf,-sys_admin {SERVER}', LISTENS, '/run/sshd.log')}",
        f"{ENDED}; {started(SERVER, LISTENS, '/run/sshd.log')}",
    ),
    "a hook that is full": daemon("bpf-attach-refused", "python3 /run/hooks.py crowd lo 64", "attached"),
    "another program at the uplink": daemon("foreign-bpf-program", "python3 /run/hooks.py watcher eth0 1", "attached"),
    "another MTU": fault("uplink-mtu-differs", "ip link set eth0 mtu 1400", "ip link set eth0 mtu 1500"),
    "a dead port": fault(
        "uplink-down gateway-not-on-link", f"ip link set {NODE} down", f"ip link set {NODE} up", ROUTER
    ),
    "another interface": fault(
        "node-uplink-missing node-address-missing pod-route-not-by-uplink kernel-setting-missing setting-drifted",
        renamed("eth0", "cable0"),
        renamed("cable0", "eth0"),
    ),
    "another prefix length": fault(
        "node-address-missing",
        "ip address add 172.30.2.11/25 dev eth0; ip address del 172.30.2.11/24 dev eth0; "
        "ip route replace default via 172.30.2.1",
        "ip address add 172.30.2.11/24 dev eth0; ip address del 172.30.2.11/25 dev eth0; "
        "ip route replace default via 172.30.2.1",
    ),
    "an address used twice": fault(
        "node-address-duplicate",
        "ip address add 172.30.2.11/32 dev lo",
        "ip address del 172.30.2.11/32 dev lo",
        OTHER,
    ),
    "pods behind the management network": fault(
        "pod-route-not-by-uplink", "ip route add 10.244.255.254/32 dev mgmt0", "ip route del 10.244.255.254/32"
    ),
    "pods behind another node": fault(
        "pod-route-not-by-gateway", "ip route add 10.244.255.254/32 via 172.30.2.12", "ip route del 10.244.255.254/32"
    ),
    "a switch that drops large packets": fault(
        "path-mtu-smaller",
        "nft 'add table ip small; add chain ip small in { type filter hook input priority 0; }; "
        "add rule ip small in ip saddr 172.30.2.11 icmp type echo-request ip length > 1400 drop'",
        "nft delete table ip small",
        ROUTER,
    ),
    "another network plug-in": fault(
        "foreign-cni-config", f"mkdir -p /etc/cni/net.d; echo {{}} > {CONFLIST}", f"rm {CONFLIST}"
    ),
    "another listener": daemon("port-taken", "python3 -um http.server 4244", "Serving"),
    "another speaker": daemon("bgp-speaker-foreign", "python3 -um http.server 179", "Serving"),
    "a route in Cilium's table": fault(
        "routing-table-taken",
        "ip route add 198.18.9.0/24 dev eth0 table 2004",
        "ip route del 198.18.9.0/24 table 2004",
    ),
    "a rule to Cilium's table": fault(
        "routing-table-taken", "ip rule add from 198.18.9.9 table 2005", "ip rule del from 198.18.9.9 table 2005"
    ),
    "kube-proxy's chains": fault(
        "kube-proxy-rules-left", "iptables -t nat -N KUBE-SVC-TEST", "iptables -t nat -X KUBE-SVC-TEST"
    ),
    "a filter that drops": fault("forward-policy-drop", "iptables -P FORWARD DROP", "iptables -P FORWARD ACCEPT"),
    "firewalld": fault("firewalld-running", "nft add table inet firewalld", "nft delete table inet firewalld"),
    "networkd that tidies up": fault(
        "networkd-removes-routes",
        "mkdir -p /etc/systemd/networkd.conf.d; "
        "printf '[Network]\\nManageForeignRoutes=yes\\n' > /etc/systemd/networkd.conf.d/99-site.conf",
        "rm -r /etc/systemd/networkd.conf.d",
    ),
    "NetworkManager that takes links": fault(
        "network-manager-takes-links file-drifted",
        "mkdir -p /run/NetworkManager /etc/NetworkManager/conf.d; "
        "printf '[keyfile]\\nunmanaged-devices=none\\n' > /etc/NetworkManager/conf.d/99-site.conf",
        "rm -r /run/NetworkManager /etc/NetworkManager",
    ),
    "forwarding off": fault("setting-drifted", "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1"),
    "ports lent again": fault(
        "setting-drifted", f"sysctl -qw {RESERVED}=4240", f"sysctl -qw {RESERVED}=$(sed -n 's/.*ports = //p' {OLD})"
    ),
    "a later file": fault("setting-overruled", f"echo net.ipv4.ip_forward=0 > {LATER}", f"rm {LATER}"),
    "a file that somebody edited": fault("file-drifted", f"echo '# mine' >> {OLD}", f"sed -i '$d' {OLD}"),
    "somebody else's file": fault(
        "foreign-file file-drifted", f"mv {OLD} {NEW}; echo '# the hardening role' > {OLD}", f"mv {NEW} {OLD}"
    ),
    "another site's file": fault(
        "foreign-node-settings file-drifted",
        f"cp {OLD} {NEW}; sed -i 's/owner: site dev/owner: site berlin/' {OLD}",
        f"mv {NEW} {OLD}",
    ),
}
"""Faults of a node behind one router."""

WITH_PROXY = {
    "a rule before the node's own addresses": fault(
        "routing-rule-before-local", "ip rule add pref 50 from 198.18.9.9 table main", "ip rule del pref 50"
    ),
}
"""Faults of a node on which the L7 proxy runs."""

TWO_ROUTERS = {
    "a next hop that is missing": fault(
        "egress-next-hop-missing",
        "ip route replace default via 172.30.2.1",
        "ip route replace default nexthop via 172.30.2.1 nexthop via 172.30.3.1",
    ),
}
"""Faults of a node whose rack has several routers."""

ROUTES = {
    "a route of ours that is lost": fault("route-drifted", "ip route del 10.244.0.0/16", f"IFACE=eth1 {HOOK}"),
    "a route of ours without a next hop": fault(
        "route-drifted", "ip route replace 10.244.0.0/16 proto 85 metric 85 via 172.30.2.1", f"IFACE=eth1 {HOOK}"
    ),
    "a route of ours that nobody wants": fault(
        "route-drifted", "ip route add 198.18.7.0/24 proto 85 via 172.30.2.1", "ip route del 198.18.7.0/24"
    ),
    "somebody else's route": fault(
        "foreign-route",
        "ip route add 10.244.0.0/16 via 172.30.2.1 metric 50",
        "ip route del 10.244.0.0/16 via 172.30.2.1 metric 50",
    ),
    "a script that cannot be run": fault("file-drifted", f"chmod -x {HOOK}", f"chmod +x {HOOK}"),
    "a script that is gone": fault("file-drifted", f"mv {HOOK} /run/hook", f"mv /run/hook {HOOK}"),
    "somebody else's script": fault(
        "foreign-file file-drifted",
        f"mv {HOOK} /run/hook; echo '#!/bin/sh' > {HOOK}; chmod +x {HOOK}",
        f"mv /run/hook {HOOK}",
    ),
    "nobody who would keep routes": fault(
        "routes-not-kept file-drifted", "mv /run/network /run/was", "mv /run/was /run/network"
    ),
}
"""Faults of such a node where the stack gives the routes."""
