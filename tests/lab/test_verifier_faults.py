"""The fault table on real kernels and namespaces: injected → that cause on that machine; healed → silence."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pytest

from tests.lab.conversation import BACKENDS
from tests.lab.minifabric import Fabric, run_all
from tests.lab.minisite import PODS, POOL
from underlay.judge.verdict import Status, Verdict

pytestmark = [pytest.mark.lab, pytest.mark.namespaces]

Lines = tuple[tuple[str, str], ...]
ERRORS_AGAIN = 6.0
"""Seconds of silence after which a router may answer a sender with ICMP errors again (`ip_rt_error_burst`: 5 s)."""
TRIES = 3
"""Verdicts in which a router has to have sent one."""
LINGERING = 60.0
"""Seconds in which connections that a fault has cut may send again to whom has given up: a drop without a socket."""
QUEUED = 4.0
"""Seconds after which the kernel has dropped what waited for a next hop that does not answer: three ARP requests."""


@dataclass(frozen=True)
class Fault:
    """A fault: how it is made and healed, the cause that has to be named, and words that its witnesses have to hold."""

    name: str
    inject: Lines
    heal: Lines
    rule: str
    where: str
    sentence: str
    witnesses: tuple[str, ...]
    also: tuple[str, ...] = ()
    """Rules of further causes that are true as well."""


def sysctl(machine: str, key: str, value: int) -> tuple[str, str]:
    """Return the command that sets a value below net.ipv4."""
    return machine, f"echo {value} > /proc/sys/net/ipv4/{key}"


FAULTS = (
    Fault(
        "ip_forward off",
        (sysctl("node2", "ip_forward", 0),),
        (sysctl("node2", "ip_forward", 1),),
        "forwarding-off",
        "node2",
        "node2: IPv4 forwarding is off (ip_forward is 0); its pods cannot be reached",
        ("sysctl ip_forward reads 0", "IP_INADDRERRORS at ip_error"),
    ),
    Fault(
        "strict rp_filter, asymmetric path",
        (("tor", f"ip route replace {POOL}.2.0/24 via 192.168.13.2"), sysctl("node2", "conf/eth1/rp_filter", 1)),
        (("tor", f"ip route replace {POOL}.2.0/24 via 192.168.12.2"), sysctl("node2", "conf/eth1/rp_filter", 0)),
        "reverse-path",
        "node2",
        "node2: eth1 drops packets whose return route is eth0 (rp_filter=1)",
        ("IP_RPFILTER at ip_rcv_finish_core on eth1", "effective rp_filter of eth1 is 1"),
        ("router-wrong-next-hop",),
    ),
    Fault(
        "return route missing at the router",
        (("tor", f"ip route del {POOL}.1.0/24"),),
        (("tor", f"ip route add {POOL}.1.0/24 via 192.168.11.2"),),
        "route-missing",
        "tor",
        f"tor: no route to {POOL}.1.0/24 (node1) in the kernel, though BGP has learned it",
        (f"no route for {POOL}.1.0/24", "192.168.12.1 answers the pod on node2 with ICMP 3/0"),
    ),
    Fault(
        "blackhole at the router",
        (("tor", f"ip route replace blackhole {POOL}.2.0/24"),),
        (("tor", f"ip route replace {POOL}.2.0/24 via 192.168.12.2"),),
        "router-refusing-route",
        "tor",
        f"tor: blackhole route for {POOL}.2.0/24 (node2) swallows pod traffic",
        (f"blackhole for {POOL}.2.0/24", "probe node1 → node2"),
    ),
    Fault(
        "blackhole on the node",
        (("node1", f"ip route add blackhole {POOL}.2.0/24"),),
        (("node1", f"ip route del blackhole {POOL}.2.0/24"),),
        "refusing-route",
        "node1",
        f"node1: a blackhole route for {POOL}.2.0/24 swallows traffic to {POOL}.2.10",
        (f"route blackhole {POOL}.2.0/24 in table 254", "Invalid argument"),
    ),
    Fault(
        "no default route on the node",
        (("node1", "ip route del default"),),
        (("node1", "ip route add default via 192.168.11.1"),),
        "no-route",
        "node1",
        f"node1: no route to {POOL}.2.10; BGP does not install one on nodes",
        (f"look-up of {POOL}.2.10: Network is unreachable",),
    ),
    Fault(
        "iptables FORWARD policy DROP",
        (("node2", "iptables-legacy -P FORWARD DROP"),),
        (("node2", "iptables-legacy -P FORWARD ACCEPT"),),
        "packet-filter",
        "node2",
        "node2: iptables-legacy, chain FORWARD of table filter, drops pod traffic",
        ("NETFILTER_DROP at nf_hook_slow", "policy drop"),
    ),
    Fault(
        "nftables rule drops the pool",
        (
            ("node2", "nft add table ip vf"),
            ("node2", "nft add chain ip vf stopper '{ type filter hook forward priority 0; }'"),
            ("node2", f"nft add rule ip vf stopper ip saddr {POOL}.0.0/16 drop"),
        ),
        (("node2", "nft delete table ip vf"),),
        "packet-filter",
        "node2",
        "node2: nftables, chain stopper of table ip vf, drops pod traffic",
        ("NETFILTER_DROP at nft_do_chain", "1 dropping rules"),
    ),
    Fault(
        "rule of a table for both IP versions drops the pool",
        (
            ("node2", "nft add table inet vf"),
            ("node2", "nft add chain inet vf stopper '{ type filter hook forward priority 0; }'"),
            ("node2", f"nft add rule inet vf stopper ip saddr {POOL}.0.0/16 drop"),
        ),
        (("node2", "nft delete table inet vf"),),
        "packet-filter",
        "node2",
        "node2: nftables, chain stopper of table inet vf, drops pod traffic",
        ("NETFILTER_DROP at nft_do_chain", "1 dropping rules"),
    ),
    Fault(
        "node drops what pods send to itself",
        (
            ("node2", "nft add table ip vf"),
            ("node2", "nft add chain ip vf guard '{ type filter hook input priority 0; }'"),
            ("node2", f"nft add rule ip vf guard ip saddr {POOL}.1.0/24 drop"),
        ),
        (("node2", "nft delete table ip vf"),),
        "packet-filter",
        "node2",
        f"node2: nftables, chain guard of table ip vf, drops pod traffic {POOL}.1.10 → 192.168.12.2",
        ("NETFILTER_DROP at nft_do_chain", "probe the pod on node1 → node2 itself, port 10250: tcp 0/1 ETIMEDOUT"),
    ),
    Fault(
        "node drops what it sends to pods itself",
        (("node1", f"iptables-legacy -I OUTPUT -o eth0 -d {POOL}.2.0/24 -j DROP"),),
        (("node1", f"iptables-legacy -D OUTPUT -o eth0 -d {POOL}.2.0/24 -j DROP"),),
        "packet-filter",
        "node1",
        f"node1: iptables-legacy, chain OUTPUT of table filter, drops pod traffic 192.168.11.2 → {POOL}.2.10",
        ("NETFILTER_DROP at nf_hook_slow", "probe node1 itself → the pod on node2: ping"),
    ),
    Fault(
        "vxlan tunnel on both nodes",
        (
            ("node1", "ip link add cilium_vxlan type vxlan id 7 remote 192.168.12.2 dstport 8472 dev eth0"),
            ("node2", "ip link add cilium_vxlan type vxlan id 7 remote 192.168.11.2 dstport 8472 dev eth0"),
            ("node1", "ip address add 10.250.0.1/24 dev cilium_vxlan && ip link set cilium_vxlan up"),
            ("node2", "ip address add 10.250.0.2/24 dev cilium_vxlan && ip link set cilium_vxlan up"),
            ("node1", f"ip route add {POOL}.2.0/24 via 10.250.0.2"),
            ("node2", f"ip route add {POOL}.1.0/24 via 10.250.0.1"),
        ),
        (("node1", "ip link del cilium_vxlan"), ("node2", "ip link del cilium_vxlan")),
        "encapsulated",
        "node1",
        "node1: pod traffic is encapsulated by vxlan (UDP port 8472) although native routing is declared",
        (
            "in vxlan (UDP port 8472) on eth0",
            "tunnel device cilium_vxlan (kind vxlan",
            f"routes {POOL}.2.10 by cilium_vxlan",
        ),
    ),
    Fault(
        "pod traffic masqueraded",
        (("node1", f"iptables-legacy -t nat -A POSTROUTING -s {POOL}.1.0/24 -o eth0 -j MASQUERADE"),),
        (("node1", "iptables-legacy -t nat -F POSTROUTING"),),
        "masqueraded",
        "node1",
        f"node1: pod traffic is masqueraded: far ends see 192.168.11.2 (node1) instead of {POOL}.1.10",
        ("saw TCP from 192.168.11.2", "saw UDP from 192.168.11.2"),
    ),
    Fault(
        "smaller MTU on the way",
        (("tor", "ip link set right mtu 1400"), ("node2", "ip link set eth0 mtu 1400")),
        (("tor", "ip link set right mtu 1500"), ("node2", "ip link set eth0 mtu 1500")),
        "path-mtu",
        "node2",
        "path MTU node1 → node2 is 1400, pods use 1500",
        ("84 bytes pass, 1500 with DF do not", "192.168.11.1 says EMSGSIZE, MTU 1400"),
    ),
    Fault(
        "next hop does not answer",
        (("node1", "ip route replace default via 192.168.11.77"),),
        (("node1", "ip route replace default via 192.168.11.1"),),
        "next-hop-silent",
        "node1",
        "node1: the next hop 192.168.11.77 does not answer ARP",
        ("NEIGH_FAILED at neigh_invalidate",),
    ),
)


def text(verdict: Verdict) -> str:
    """Return what a verdict says, for a failed assertion."""
    return "\n".join(map(str, (*verdict.causes, *verdict.lost, *verdict.of(Status.FAIL, Status.ERROR), *verdict.notes)))


def test_a_healthy_fabric_is_silent(lab: Fabric) -> None:
    for _ in range(2):
        assert loud(lab) == {}


def loud(lab: Fabric) -> dict[str | None, str]:
    """Verify by both backends; return what each says that is no pass without a word and by that backend."""
    return {backend: told for backend, verdict in lab.verify_by(*BACKENDS).items() if (told := _loud(backend, verdict))}


def _loud(backend: str | None, verdict: Verdict) -> str:
    used = {check.where: check.found for check in verdict.checks if check.rule == "kernel-evidence"}
    passed = (verdict.status, verdict.causes, verdict.lost, verdict.notes) == (Status.PASS, (), (), ())
    by_it = used.keys() == PODS.keys() and all(f"by {backend}, attached" in found for found in used.values())
    return "" if passed and by_it else f"{text(verdict)}\n{used}"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named_where_it_lies_by_both_backends(lab: Fabric, fault: Fault) -> None:
    run_all(lab, fault.inject)
    try:
        verdicts = verdicts_with(lab, fault)
    finally:
        run_all(lab, fault.heal)
    assert {backend: misnamed(fault, verdict) for backend, verdict in verdicts.items()} == dict.fromkeys(BACKENDS, "")


def verdicts_with(lab: Fabric, fault: Fault) -> dict[str | None, Verdict]:
    """Verify by both backends; in turn where ICMP errors are evidence, of which a router sends only a few."""
    if not any("ICMP" in witness for witness in fault.witnesses):
        return lab.verify_by(*BACKENDS)
    return {backend: heard_of(lab, fault, backend) for backend in BACKENDS}


def heard_of(lab: Fabric, fault: Fault, backend: str | None) -> Verdict:
    """Verify again where only the ICMP errors are missing: other packets may have spent the router's few."""
    unheard = replace(fault, witnesses=tuple(witness for witness in fault.witnesses if "ICMP" not in witness))
    for _ in range(TRIES):
        time.sleep(ERRORS_AGAIN)
        verdict = lab.verify(backend)
        if not misnamed(fault, verdict) or misnamed(unheard, verdict):
            break
    return verdict


def misnamed(fault: Fault, verdict: Verdict) -> str:
    """Return what a verdict says unless it is the fault's cause with its witnesses and nothing that is unexplained."""
    named = [cause for cause in verdict.causes if (cause.rule, cause.where) == (fault.rule, fault.where)]
    [one] = named if len(named) == 1 else [None]
    right = (
        verdict.status is Status.FAIL
        and one is not None
        and one.sentence.startswith(fault.sentence)
        and all(any(witness in seen for seen in one.witnesses) for witness in fault.witnesses)
        and {cause.rule for cause in verdict.causes} <= {fault.rule, *fault.also}
        and not verdict.lost
    )
    return "" if right else text(verdict)


def test_the_healed_fabric_is_silent_again(lab: Fabric) -> None:
    time.sleep(QUEUED)
    deadline = time.monotonic() + LINGERING
    while (said := loud(lab)) and time.monotonic() < deadline:
        time.sleep(QUEUED)
    assert said == {}
