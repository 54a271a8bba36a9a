"""What namespaces cannot hold (kernels, systemd, cards, full tables), as facts that a node or router would report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_faults import W1, W2, cut, drop
from tests.unit.judge_site import LXC, PODS, healthy, silence, verdict
from underlay.judge.verdict import Status

Change = Callable[[dict[str, Any]], None]


def facts(evidence: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = evidence["nodes"][W1]["facts"]
    return found


def cilium_counts(evidence: dict[str, Any], reason: int, toward: str = W2) -> None:
    """Let Cilium on worker-1 count drops of probes, and the kernel tell of its program's drop."""
    cut(evidence, W1)
    evidence["nodes"][W1]["cilium_drops"] = [{"reason": reason, "direction": "egress", "count": 4}]
    drop(evidence, W1, 1, (PODS[W1], PODS[toward]), "TC_INGRESS", "__netif_receive_skb_core")


def no_btf(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["evidence"] = {"level": "none", "selftest": None}
    evidence["nodes"][W1] |= {"counters": [], "errors": ["no kernel evidence: no BTF in /sys/kernel/btf/vmlinux"]}


def no_tracepoint_reasons(evidence: dict[str, Any]) -> None:
    old = {"level": "partial", "points": ["sent", "received", "dropped", "routed"], "reasons": False}
    evidence["nodes"][W1]["evidence"] |= old | {"lacking": ["reasons of drops (since Linux 5.17)"]}
    evidence["nodes"][W1]["kernel"] = "5.10.0-28-amd64"


def networkd_flushes_routes(evidence: dict[str, Any]) -> None:
    for look in facts(evidence)["lookups"]:
        look["back"]["eth0"] = {"type": "unicast", "device": "eth0", "gateway": "172.30.1.1", "table": 254}
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "IP_INHDR", "ip_forward")


def systemd_sets_strict_filtering(evidence: dict[str, Any]) -> None:
    facts(evidence)["sysctls"] |= {"lxc1/rp_filter": 1}
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W1], PODS[W2]), "IP_RPFILTER", "ip_rcv_finish_core", ifindex=LXC)


def full_connection_table(evidence: dict[str, Any]) -> None:
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W1], PODS[W2]), "NETFILTER_DROP", "nf_hook_slow")


def card_without_carrier(evidence: dict[str, Any]) -> None:
    facts(evidence)["links"][0]["up"] = False
    cut(evidence, W1)


def full_ring(evidence: dict[str, Any]) -> None:
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "CPU_BACKLOG", "enqueue_to_backlog")


def vlan_filtered(evidence: dict[str, Any]) -> None:
    cilium_counts(evidence, 182)


def datapath_not_ready(evidence: dict[str, Any]) -> None:
    cilium_counts(evidence, 202)


def fib_lookup_fails(evidence: dict[str, Any]) -> None:
    cilium_counts(evidence, 169)


def policy_denies(evidence: dict[str, Any]) -> None:
    cilium_counts(evidence, 133)


def cable_between_routers(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-a"]["ports"].append({"name": "spine", "up": False, "networks": ["172.30.255.0/31"]})
    evidence["routers"]["tor-a"]["sessions"][2]["state"] = "active"
    silence(evidence, W1, W2)


def secret_missing(evidence: dict[str, Any]) -> None:
    told = {"kind": "CiliumBGPPeerConfig", "name": "underlay", "condition": "MissingAuthSecret", "message": "gone"}
    evidence["survey"]["troubles"] = [told]
    evidence["routers"]["tor-a"]["sessions"][1]["state"] = "active"


def two_configurations_for_one_node(evidence: dict[str, Any]) -> None:
    told = {"kind": "CiliumBGPClusterConfig", "name": "second", "condition": "ConflictingClusterConfig"}
    evidence["survey"]["troubles"] = [told | {"message": "Selecting the same node(s) with ClusterConfig(s): [first]"}]
    evidence["routers"]["tor-a"]["sessions"][1]["state"] = "active"


def a_configuration_that_is_not_planned(evidence: dict[str, Any]) -> None:
    two_configurations_for_one_node(evidence)
    evidence["routers"]["tor-a"]["sessions"][1]["state"] = "established"


def hold_time_differs(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-a"]["sessions"][1]["hold"] = 3


CAUSES: tuple[tuple[Change, str, str, str], ...] = (
    (networkd_flushes_routes, "own-network-unrouted", W1, "packets for its own pods go back out of eth0"),
    (systemd_sets_strict_filtering, "reverse-path", W1, "lxc1 drops packets"),
    (full_connection_table, "packet-filter", W1, "a packet filter (nf_hook_slow)"),
    (card_without_carrier, "uplink-down", W1, "eth0 is down"),
    (full_ring, "kernel-drop", W1, "CPU_BACKLOG at enqueue_to_backlog"),
    (vlan_filtered, "cilium-drop", W1, "VLAN not allowed"),
    (datapath_not_ready, "cilium-drop", W1, "host datapath not ready"),
    (fib_lookup_fails, "cilium-drop", W1, "FIB look-up failed"),
    (policy_denies, "policy-denied", W1, "policy denied"),
    (cable_between_routers, "router-port-down", "tor-a", "the port spine towards tor-b is down"),
    (secret_missing, "bgp-object", "kubernetes", "MissingAuthSecret"),
    (a_configuration_that_is_not_planned, "bgp-object", "kubernetes", "second: ConflictingClusterConfig: Selecting"),
    (two_configurations_for_one_node, "bgp-object", "kubernetes", "ClusterConfig second: ConflictingClusterConfig"),
)
CHECKS: tuple[tuple[Change, str, str, Status, str], ...] = (
    (no_btf, "kernel-evidence", W1, Status.ERROR, "no BTF"),
    (no_tracepoint_reasons, "kernel-evidence", W1, Status.ERROR, "since Linux 5.17"),
    (hold_time_differs, "router-sessions", "tor-a", Status.FAIL, "hold time 3 s instead of 9 s"),
)


def test_a_neighbour_outside_may_want_a_shorter_hold_time() -> None:
    evidence = healthy()
    client = next(one for one in evidence["routers"]["tor-a"]["sessions"] if one["address"] == "172.30.255.3")
    client["hold"] = 3
    assert verdict(evidence).status is Status.PASS
    for longer in (180, 0):
        client["hold"] = longer
        [wrong] = verdict(evidence).of(Status.FAIL)
        assert f"client 172.30.255.3: hold time {longer} s instead of 9 s" in wrong.found


@pytest.mark.parametrize(("change", "rule", "where", "words"), CAUSES, ids=lambda value: getattr(value, "__name__", ""))
def test_what_the_lab_cannot_hold_is_named(change: Change, rule: str, where: str, words: str) -> None:
    evidence = healthy()
    change(evidence)
    named = [cause for cause in verdict(evidence).causes if (cause.rule, cause.where) == (rule, where)]
    assert named, verdict(evidence).causes
    assert words in named[0].sentence
    assert len(named[0].witnesses) >= 2


@pytest.mark.parametrize(
    ("change", "rule", "where", "status", "words"), CHECKS, ids=lambda v: getattr(v, "__name__", "")
)
def test_what_cannot_be_looked_at_is_no_pass(change: Change, rule: str, where: str, status: Status, words: str) -> None:
    evidence = healthy()
    change(evidence)
    found = next(check for check in verdict(evidence).checks if (check.rule, check.where) == (rule, where))
    assert (found.status, words in found.found) == (status, True), found


def test_cilium_counting_other_pods_drops_is_no_cause() -> None:
    """Its counters are of all traffic; without the kernel's word for a probe's own packets they say nothing."""
    evidence = healthy()
    evidence["nodes"][W1]["cilium_drops"] = [{"reason": 133, "direction": "ingress", "count": 900}]
    assert verdict(evidence).status is Status.PASS


def test_a_neighbour_pinned_by_hand_is_nothing_while_answers_come() -> None:
    evidence = healthy()
    facts(evidence)["neighbours"][0]["state"] = "permanent"
    assert verdict(evidence).status is Status.PASS


def test_a_routers_filter_is_nothing_while_packets_arrive() -> None:
    evidence = healthy()
    chain = {"family": "ip", "table": "t", "chain": "c", "hook": "forward", "policy": "drop", "rules": []}
    evidence["routers"]["tor-a"]["filters"] = [chain]
    assert verdict(evidence).status is Status.PASS


def test_loss_within_a_rack_is_put_on_its_only_router() -> None:
    evidence = healthy()
    silence(evidence, W1, "cp-1")
    found = verdict(evidence)
    assert [(cause.rule, cause.where) for cause in found.causes] == [("lost-on-the-way", "tor-a")]
    assert not found.lost


@pytest.mark.parametrize(
    ("reason", "function", "told"),
    [
        ("NO_SOCKET", "ping_rcv", False),
        ("NOT_SPECIFIED", "tcp_v4_rcv.constprop.0", False),
        ("NO_SOCKET", "__udp4_lib_rcv", True),
        ("QUEUE_PURGE", "somewhere_else", True),
    ],
)
def test_noise_is_known_by_reason_and_function_and_the_rest_is_told(reason: str, function: str, told: bool) -> None:
    evidence = healthy()
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), reason, function)
    found = verdict(evidence)
    assert found.status is Status.PASS
    assert any(reason in note for note in found.notes) is told
