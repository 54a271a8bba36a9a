"""The fault table without machines: changed evidence → that cause on that node or router, and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_site import HOST, LXC, NETWORKS, PODS, counter, healthy, silence, verdict
from underlay.judge.verdict import Status

Change = Callable[[dict[str, Any]], None]
W1, W2 = "worker-1", "worker-2"
EXTRA = {"netns": HOST + 1}


def drop(
    evidence: dict[str, Any], name: str, number: int, flow: tuple[str, str], reason: str, function: str, **more: Any
) -> None:
    row = counter("dropped", number, *flow, reason=reason, function=function, **more)
    evidence["nodes"][name]["counters"].append(row)


def cut(evidence: dict[str, Any], name: str) -> None:
    """Silence every probe from and to a node."""
    for other in PODS:
        if other != name:
            silence(evidence, name, other)
            silence(evidence, other, name)


def forwarding_off(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["sysctls"]["ip_forward"] = 0
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "IP_INADDRERRORS", "ip_error")


def reverse_path(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["sysctls"]["eth0/rp_filter"] = 1
    evidence["nodes"][W1]["facts"]["links"].append(
        {"name": "mgmt0", "ifindex": 2, "kind": "veth", "mtu": 1500, "up": True}
    )
    look = next(look for look in evidence["nodes"][W1]["facts"]["lookups"] if look["target"] == PODS[W2])
    look["out"] |= {"device": "mgmt0", "gateway": "192.168.250.13"}
    look["back"]["eth0"] = {"error": 18, "message": "Invalid cross-device link"}
    silence(evidence, W1, W2)
    silence(evidence, W2, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "IP_RPFILTER", "ip_rcv_finish_core")


def packet_filter(evidence: dict[str, Any]) -> None:
    chain = {"kind": "nftables", "table": "ip filter", "chain": "FORWARD", "policy": "drop", "drops": 0}
    evidence["nodes"][W1]["facts"]["filters"] = [chain]
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "NETFILTER_DROP", "nft_do_chain")


def tunnelled(evidence: dict[str, Any]) -> None:
    report = evidence["nodes"][W1]
    report["facts"]["links"].append({"name": "cilium_vxlan", "ifindex": 6, "kind": "vxlan", "mtu": 1500, "up": True})
    report["facts"]["cilium"]["marks"] = ["TUNNEL_MODE"]
    for row in report["counters"]:
        if row["point"] == "sent":
            row |= {"form": "vxlan", "port": 8472}


def blackhole_on_node(evidence: dict[str, Any]) -> None:
    facts = evidence["nodes"][W1]["facts"]
    facts["routes"].append({"target": NETWORKS[W2], "type": "blackhole", "table": 254})
    look = next(look for look in facts["lookups"] if look["target"] == PODS[W2])
    look["out"] = {"error": 22, "message": "Invalid argument"}
    silence(evidence, W1, W2)
    silence(evidence, W2, W1)


def no_route(evidence: dict[str, Any]) -> None:
    for look in evidence["nodes"][W1]["facts"]["lookups"]:
        look["out"] = {"error": 101, "message": "Network is unreachable"}
    cut(evidence, W1)


def wrong_device(evidence: dict[str, Any]) -> None:
    facts = evidence["nodes"][W1]["facts"]
    facts["links"].append({"name": "mgmt0", "ifindex": 2, "kind": "veth", "mtu": 1500, "up": True})
    look = next(look for look in facts["lookups"] if look["target"] == PODS[W2])
    look["out"] |= {"device": "mgmt0", "gateway": "192.168.250.13"}
    silence(evidence, W1, W2)


def no_programs(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["programs"]["lxc1"] = []
    cut(evidence, W1)


def next_hop_silent(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["neighbours"][0]["state"] = "failed"
    cut(evidence, W1)


def address_twice(evidence: dict[str, Any]) -> None:
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W1], PODS[W2]), "IP_LOCAL_SOURCE", "ip_rcv_finish_core")


def small_mtu(evidence: dict[str, Any]) -> None:
    probe = next(probe for probe in evidence["nodes"][W1]["probes"] if probe["node"] == W2)
    probe["full"] = {
        "sent": 2,
        "bytes": 1500,
        "error": "EMSGSIZE",
        "origin": 2,
        "icmp": [3, 4],
        "from": "172.30.1.1",
        "mtu": 1400,
    }


def masqueraded(evidence: dict[str, Any]) -> None:
    for probe in evidence["nodes"][W1]["probes"]:
        probe["tcp"]["source"] = probe["udp"]["source"] = "172.30.1.12"


def network_twice(evidence: dict[str, Any]) -> None:
    evidence["survey"]["nodes"][W2]["pod_cidrs"] = [NETWORKS[W1]]


def process_halted(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-b"] |= {
        "processes": [],
        "sessions": None,
        "table": None,
        "kernel": [],
        "errors": ["table: no daemon"],
    }
    for name in (W2, "worker-3"):
        evidence["survey"]["nodes"][name]["sessions"][0]["state"] = "active"
        evidence["nodes"][name]["facts"]["bgp"] = []
        cut(evidence, name)
    tor_a = evidence["routers"]["tor-a"]
    for cidr in (NETWORKS[W2], NETWORKS["worker-3"]):
        del tor_a["table"][cidr]
        tor_a["kernel"] = [route for route in tor_a["kernel"] if route["target"] != cidr]
    next(item for item in tor_a["sessions"] if item["address"] == "172.30.255.1")["state"] = "active"


def process_stopped(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-b"]["processes"][0]["state"] = "T"
    evidence["routers"]["tor-b"] |= {"sessions": None, "table": None, "errors": ["table: no answer"]}


def _drop_session(evidence: dict[str, Any]) -> None:
    own = next(item for item in evidence["routers"]["tor-a"]["sessions"] if item["address"] == "172.30.1.12")
    own |= {"state": "active"}
    evidence["survey"]["nodes"][W1]["sessions"][0]["state"] = "active"
    evidence["nodes"][W1]["facts"]["bgp"] = []
    del evidence["routers"]["tor-a"]["table"][NETWORKS[W1]]
    routes = evidence["routers"]["tor-a"]["kernel"]
    evidence["routers"]["tor-a"]["kernel"] = [route for route in routes if route["target"] != NETWORKS[W1]]


def session_wrong_asn(evidence: dict[str, Any]) -> None:
    _drop_session(evidence)
    next(item for item in evidence["routers"]["tor-a"]["sessions"] if item["address"] == "172.30.1.12")["asn"] = 65009


def session_no_neighbour(evidence: dict[str, Any]) -> None:
    _drop_session(evidence)
    sessions = evidence["routers"]["tor-a"]["sessions"]
    evidence["routers"]["tor-a"]["sessions"] = [item for item in sessions if item["address"] != "172.30.1.12"]


def session_node_asn(evidence: dict[str, Any]) -> None:
    _drop_session(evidence)
    evidence["survey"]["nodes"][W1]["sessions"][0]["asn"] = 65008


def route_missing(evidence: dict[str, Any]) -> None:
    routes = evidence["routers"]["tor-b"]["kernel"]
    evidence["routers"]["tor-b"]["kernel"] = [route for route in routes if route["target"] != NETWORKS[W1]]
    silence(evidence, W2, W1)
    error = counter("received", 2, "172.30.2.1", PODS[W2], icmp=[3, 0])
    evidence["nodes"][W2]["counters"].append(error)


def not_advertised(evidence: dict[str, Any]) -> None:
    for router in ("tor-a", "tor-b"):
        held = evidence["routers"][router]
        del held["table"][NETWORKS[W1]]
        held["kernel"] = [route for route in held["kernel"] if route["target"] != NETWORKS[W1]]
    cut(evidence, W1)


def router_blackhole(evidence: dict[str, Any]) -> None:
    route = next(route for route in evidence["routers"]["tor-a"]["kernel"] if route["target"] == NETWORKS[W1])
    route |= {"type": "blackhole", "gateway": None, "device": None}
    cut(evidence, W1)


def wrong_next_hop(evidence: dict[str, Any]) -> None:
    route = next(route for route in evidence["routers"]["tor-a"]["kernel"] if route["target"] == NETWORKS[W1])
    route["gateway"] = "172.30.1.11"


def stray(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-a"]["kernel"].append(
        {"target": "10.244.77.0/24", "type": "unicast", "gateway": "172.30.1.12"}
    )


def overriding(evidence: dict[str, Any]) -> None:
    route = {"target": PODS[W1] + "/32", "type": "unicast", "gateway": "192.0.2.9"}
    evidence["routers"]["tor-a"]["kernel"].append(route)


def bpf_drop(evidence: dict[str, Any]) -> None:
    silence(evidence, W1, W2)
    drop(evidence, W2, 2, (PODS[W1], PODS[W2]), "TC_INGRESS", "__netif_receive_skb_core")


def refused_outside(evidence: dict[str, Any]) -> None:
    silence(evidence, W1, W2)
    probe = next(probe for probe in evidence["nodes"][W1]["probes"] if probe["node"] == W2)
    probe["ping"] |= {"error": "EHOSTUNREACH", "origin": 2, "icmp": [3, 13], "from": "198.51.100.9"}


CASES: tuple[tuple[Change, str, str, str], ...] = (
    (forwarding_off, "forwarding-off", W1, "IPv4 forwarding is off (ip_forward is 0)"),
    (reverse_path, "reverse-path", W1, "eth0 drops packets whose return route is mgmt0 (rp_filter=1)"),
    (packet_filter, "packet-filter", W1, "nftables, chain FORWARD of table ip filter, drops pod traffic"),
    (tunnelled, "encapsulated", W1, "pod traffic is encapsulated by vxlan (UDP port 8472)"),
    (blackhole_on_node, "refusing-route", W1, "a blackhole route for 10.244.2.0/24 swallows traffic"),
    (no_route, "no-route", W1, "no route to"),
    (wrong_device, "wrong-device", W1, f"traffic to {PODS[W2]} leaves by mgmt0"),
    (no_programs, "no-programs", W1, "no program of Cilium on lxc1"),
    (next_hop_silent, "next-hop-silent", W1, "the next hop 172.30.1.1 does not answer ARP"),
    (address_twice, "address-used-twice", W1, f"its own address {PODS[W1]}"),
    (small_mtu, "path-mtu", W1, "path MTU worker-1 → worker-2 is 1400, pods use 1500"),
    (masqueraded, "masqueraded", W1, "far ends see 172.30.1.12 (worker-1) instead of"),
    (network_twice, "pod-network-twice", W1, "is assigned to worker-1 and 10.244.1.0/24 to worker-2"),
    (process_halted, "router-process", "tor-b", "tor-b: bird is not running"),
    (process_stopped, "router-process", "tor-b", "tor-b: bird is stopped by a signal"),
    (session_wrong_asn, "session-down", "tor-a", "tor-a expects AS 65009, worker-1 speaks AS 65010"),
    (session_no_neighbour, "session-down", "tor-a", "tor-a has no such neighbour"),
    (session_node_asn, "session-down", "tor-a", "worker-1 expects AS 65008, tor-a is AS 65101"),
    (route_missing, "route-missing", "tor-b", "no route to 10.244.1.0/24 (worker-1) in the kernel, though BGP"),
    (not_advertised, "route-missing", "tor-a", "worker-1's session is up but the network is not learned"),
    (router_blackhole, "router-refusing-route", "tor-a", "blackhole route for 10.244.1.0/24 (worker-1)"),
    (wrong_next_hop, "router-wrong-next-hop", "tor-a", "goes to 172.30.1.11; expected 172.30.1.12"),
    (stray, "stray-prefix", "tor-a", "10.244.77.0/24 (via worker-1) belongs to no node"),
    (overriding, "stray-prefix", "tor-a", "10.244.1.10/32 (via 192.0.2.9) overrides 10.244.1.0/24 of worker-1"),
    (bpf_drop, "kernel-drop", W2, "the kernel drops worker-1 → worker-2 (TC_INGRESS"),
    (refused_outside, "refused-on-the-way", "a machine outside the plan", "prohibited by a filter"),
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
    route_missing(evidence)
    cause = verdict(evidence).causes[0]
    assert "172.30.2.1 answers the pod on worker-2 with ICMP 3/0 (4 times)" in cause.witnesses


def test_two_faults_are_both_named() -> None:
    evidence = healthy()
    forwarding_off(evidence)
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
