"""What the real site's nodes may suffer is found by one look, with its place; healed, the look is silent."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import pytest

from tests.lab.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

NODE, ROUTER, OTHER = "worker-2", "tor-b", "worker-3"
LISTEN = "python3 -m http.server {port} >/dev/null 2>&1 & echo $!"
RUNS = 20


@dataclass(frozen=True)
class Fault:
    """A fault: what breaks and what heals, each on a machine, and the findings that it has to be."""

    rules: frozenset[str]
    break_: tuple[str, ...]
    heal: tuple[str, ...]
    machine: str = NODE


def fault(rules: str, break_: str, heal: str, machine: str = NODE) -> Fault:
    return Fault(frozenset(rules.split()), ("bash", "-ec", break_), ("bash", "-ec", heal), machine)


FAULTS = {
    "a second bpffs": fault("bpffs-mounted-twice", "mount -t bpf bpf /sys/fs/bpf", "umount /sys/fs/bpf"),
    "a smaller MTU": fault("uplink-mtu-differs", "ip link set eth0 mtu 1400", "ip link set eth0 mtu 1500"),
    "a dead port": fault(
        "uplink-down gateway-not-on-link",
        f"ip link set {NODE} down",
        f"ip link set {NODE} up",
        ROUTER,
    ),
    "an address used twice": fault(
        "node-address-duplicate", "ip addr add 172.30.2.11/32 dev lo", "ip addr del 172.30.2.11/32 dev lo", OTHER
    ),
    "pods behind the management network": fault(
        "pod-route-not-by-uplink",
        "ip route add 10.244.255.254/32 dev mgmt0",
        "ip route del 10.244.255.254/32",
    ),
    "pods behind another node": fault(
        "pod-route-not-by-gateway",
        "ip route add 10.244.255.254/32 via 172.30.2.12",
        "ip route del 10.244.255.254/32",
    ),
    "a switch that drops large packets": fault(
        "path-mtu-smaller",
        "nft 'add table ip small; add chain ip small in { type filter hook input priority 0; }; "
        "add rule ip small in icmp type echo-request ip length > 1400 drop'",
        "nft delete table ip small",
        ROUTER,
    ),
    "a smaller link between the routers": fault(
        "path-mtu-smaller",
        "ip link set tor-a mtu 1400",
        "ip link set tor-a mtu 1500",
        ROUTER,
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
    "forwarding off": fault("setting-drifted", "sysctl -qw net.ipv4.ip_forward=0", "sysctl -qw net.ipv4.ip_forward=1"),
    "a strict reverse path": fault(
        "setting-drifted", "sysctl -qw net.ipv4.conf.eth0.rp_filter=1", "sysctl -qw net.ipv4.conf.eth0.rp_filter=2"
    ),
    "a file that somebody edited": fault(
        "file-drifted",
        "echo '# mine' >> /etc/sysctl.d/90-underlay.conf",
        "sed -i '$d' /etc/sysctl.d/90-underlay.conf",
    ),
}


@dataclass
class Looked:
    """The outcome of a look at one node."""

    code: int
    rules: set[str] = field(default_factory=set)


def look(site: Site, *words: str, node: str = NODE) -> Looked:
    done = site.run(
        "exec", "--", "python", "-m", "underlay", "drift", "--stack", "dev", "--json", "--node", node, *words
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    rules = {finding["rule"] for one in found for finding in one["findings"]}
    return Looked(done.returncode, rules | {"error" for one in found if one["error"]})


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_its_finding_and_healed_it_is_silent(site: Site, name: str) -> None:
    wanted = FAULTS[name]
    site.inside(wanted.machine, *wanted.break_)
    try:
        found = look(site)
    finally:
        site.inside(wanted.machine, *wanted.heal)
    assert (found.code, found.rules) == (1, set(wanted.rules))
    assert until_silent(site)


def until_silent(site: Site, seconds: float = 20) -> bool:
    """Look until nothing is found: neighbours need a moment after a link was down."""
    end = time.monotonic() + seconds
    while look(site) != Looked(0):
        if time.monotonic() > end:
            return False
    return True


@pytest.mark.parametrize(("port", "rule"), [(4244, "port-taken"), (179, "bgp-speaker-foreign")])
def test_another_listener_is_found(site: Site, port: int, rule: str) -> None:
    pid = site.inside(NODE, "bash", "-c", LISTEN.format(port=port)).strip()
    try:
        time.sleep(1)
        found = look(site)
    finally:
        site.inside(NODE, "kill", pid)
    assert found == Looked(1, {rule})
    assert until_silent(site)


def test_repair_brings_a_node_back(site: Site) -> None:
    site.inside(NODE, "sysctl", "-qw", "net.ipv4.ip_forward=0")
    assert look(site, "--repair") == Looked(0)
    assert look(site) == Looked(0)


def test_many_looks_at_the_healthy_site_find_nothing(site: Site) -> None:
    assert [look(site, node=name) for name in ("worker-1", "cp-1") * (RUNS // 2)] == [Looked(0)] * RUNS
