"""The fault table without machines: changed evidence → that cause on that node or router, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit import judge_faults as made
from tests.unit.judge_faults import W1, W2, cut, drop
from tests.unit.judge_site import LXC, NETWORKS, PODS, healthy, silence, verdict
from underlay.judge.verdict import Status

Change = Callable[[dict[str, Any]], None]

CASES: tuple[tuple[Change, str, str, str], ...] = (
    (made.forwarding_off, "forwarding-off", W1, "IPv4 forwarding is off (ip_forward is 0)"),
    (made.reverse_path, "reverse-path", W1, "eth0 drops packets whose return route is mgmt0 (rp_filter=1)"),
    (made.packet_filter, "packet-filter", W1, "nftables, chain FORWARD of table ip filter, drops pod traffic"),
    (made.tunnelled, "encapsulated", W1, "pod traffic is encapsulated by vxlan (UDP port 8472)"),
    (made.blackhole_on_node, "refusing-route", W1, "a blackhole route for 10.244.2.0/24 swallows traffic"),
    (made.no_route, "no-route", W1, "no route to"),
    (made.wrong_device, "wrong-device", W1, f"traffic to {PODS[W2]} leaves by mgmt0"),
    (made.no_programs, "no-programs", W1, "no program of Cilium on lxc1"),
    (made.next_hop_silent, "next-hop-silent", W1, "the next hop 172.30.1.1 does not answer ARP"),
    (made.address_twice, "address-used-twice", W1, f"the address {PODS[W1]} of the pod on worker-1 is used twice"),
    (made.node_address_twice, "address-used-twice", W1, "the address 172.30.2.11 of worker-2 is used twice, once here"),
    (made.small_mtu, "path-mtu", "tor-a", "path MTU worker-1 → worker-2 is 1400, pods use 1500"),
    (made.masqueraded, "masqueraded", W1, "far ends see 172.30.1.12 (worker-1) instead of"),
    (made.network_twice, "pod-network-twice", W1, "is assigned to worker-1 and 10.244.1.0/24 to worker-2"),
    (made.process_halted, "router-process", "tor-b", "tor-b: bird is not running"),
    (made.process_stopped, "router-process", "tor-b", "tor-b: bird is stopped by a signal"),
    (made.session_wrong_asn, "session-down", "tor-a", "tor-a expects AS 65009, worker-1 speaks AS 65010"),
    (made.session_no_neighbour, "session-down", "tor-a", "tor-a has no such neighbour"),
    (made.session_node_asn, "session-down", "tor-a", "worker-1 expects AS 65008, tor-a is AS 65101"),
    (made.route_missing, "route-missing", "tor-b", "no route to 10.244.1.0/24 (worker-1) in the kernel, though BGP"),
    (made.not_advertised, "route-missing", "tor-a", "worker-1's session is up but the network is not learned"),
    (made.router_blackhole, "router-refusing-route", "tor-a", "blackhole route for 10.244.1.0/24 (worker-1)"),
    (made.wrong_next_hop, "router-wrong-next-hop", "tor-a", "goes to 172.30.1.11; expected 172.30.1.12"),
    (made.stray, "stray-prefix", "tor-a", "10.244.77.0/24 (via worker-1) belongs to no node"),
    (made.overriding, "stray-prefix", "tor-a", "10.244.1.10/32 (via 192.0.2.9) overrides 10.244.1.0/24 of worker-1"),
    (made.bpf_drop, "kernel-drop", W2, "the kernel drops worker-1 → worker-2 (TC_INGRESS"),
    (made.packets_to_node_dropped, "packet-filter", W2, "nftables, chain input of table ip x, drops pod traffic"),
    (made.packets_of_node_refused, "kernel-drop", W2, "the kernel drops cp-1 → worker-2 (XFRM_POLICY at ip_forward)"),
    (made.router_filters_nodes, "router-filter", "tor-a", "chain block of table ip x (hook forward)"),
    (made.service_without_pods, "service-without-pods", "kubernetes", "(10.96.7.7) has no pod behind it that is ready"),
    (made.service_unknown, "service-unknown-to-node", W1, "has no entry for 10.96.7.7 port 4271 (tcp)"),
    (made.service_not_replaced, "service-unknown-to-node", W1, "it does not replace kube-proxy"),
    (made.service_with_strangers, "service-unknown-to-node", W1, "has 10.244.9.9 behind 10.96.7.7 port 80 (http)"),
    (made.service_with_fewer, "service-unknown-to-node", W1, "has 0 pods behind 10.96.7.7 port 4271 (udp)"),
    (made.refused_outside, "refused-on-the-way", "a machine outside the plan", "prohibited by a filter"),
)
ALSO = {"reverse-path": {"wrong-device"}}
"""Rules that are true beside the one a case is about."""


@pytest.mark.parametrize(("change", "rule", "where", "words"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_fault_is_named_once_and_where_it_lies(change: Change, rule: str, where: str, words: str) -> None:
    evidence = healthy()
    change(evidence)
    found = verdict(evidence)
    assert found.status is Status.FAIL
    named = [cause for cause in found.causes if (cause.rule, cause.where) == (rule, where)]
    assert len(named) == 1, found.causes
    assert words in named[0].sentence
    assert len(named[0].witnesses) >= 2
    assert named[0].fix
    assert {cause.rule for cause in found.causes} - {rule} <= ALSO.get(rule, set()), found.causes
    assert not found.lost


def test_a_healthy_site_is_silent() -> None:
    found = verdict(healthy())
    assert (found.status, found.causes, found.lost, found.notes) == (Status.PASS, (), (), ())
    assert {check.status for check in found.checks} == {Status.PASS}


def test_a_cause_needs_two_witnesses() -> None:
    """A sysctl alone fails its check, but explains nothing while every probe passes."""
    evidence = healthy()
    evidence["nodes"][W1]["facts"]["sysctls"]["ip_forward"] = 0
    found = verdict(evidence)
    assert [check.rule for check in found.of(Status.FAIL)] == ["forwarding"]
    assert not found.causes
    assert any("one witness only" in note and "forwarding is off" in note for note in found.notes)


def test_the_routers_own_refusal_is_a_witness() -> None:
    evidence = healthy()
    made.route_missing(evidence)
    cause = verdict(evidence).causes[0]
    assert "172.30.2.1 answers the pod on worker-2 with ICMP 3/0 (4 times)" in cause.witnesses


def test_two_faults_are_both_named() -> None:
    evidence = healthy()
    made.forwarding_off(evidence)
    router_blackhole_of_worker_3 = next(
        route for route in evidence["routers"]["tor-b"]["kernel"] if route["target"] == NETWORKS["worker-3"]
    )
    router_blackhole_of_worker_3 |= {"type": "blackhole", "gateway": None, "device": None}
    cut(evidence, "worker-3")
    found = {(cause.rule, cause.where) for cause in verdict(evidence).causes}
    assert found == {("forwarding-off", W1), ("router-refusing-route", "tor-b")}


def test_a_loss_outside_our_nodes_is_shown_by_absence() -> None:
    evidence = healthy()
    silence(evidence, W1, W2)
    found = verdict(evidence)
    assert not found.causes
    assert [(lost.source, lost.target) for lost in found.lost] == [(W1, W2)]
    assert found.lost[0].last_seen == (
        "cause not seen; last seen sent on worker-1's uplink (4 packets); not received on worker-2's uplink"
    )


def test_a_lost_answer_is_seen_as_one() -> None:
    evidence = healthy()
    probe = next(probe for probe in evidence["nodes"][W1]["probes"] if probe["node"] == W2)
    probe["tcp"] = {"sent": 65536, "error": "ETIMEDOUT"}
    rows = evidence["nodes"][W1]["counters"]
    evidence["nodes"][W1]["counters"] = [
        row for row in rows if not (row["point"] == "received" and row["source"] == PODS[W2] and row["protocol"] == 6)
    ]
    last = verdict(evidence).lost[0].last_seen
    assert "answered on worker-2's uplink (20 packets)" in last
    assert "not received on worker-1's uplink as an answer" in last


def test_drops_on_a_pod_link_and_in_the_pod_count_too() -> None:
    evidence = healthy()
    silence(evidence, W1, W2)
    drop(evidence, W2, 2, (PODS[W1], PODS[W2]), "XFRM_POLICY", "ip_forward", ifindex=LXC)
    assert "on lxc1" in verdict(evidence).causes[0].witnesses[0]
