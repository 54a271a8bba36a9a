"""Checks: what could not be looked at is an error, noise is silent, and every number stands in the text."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.judge_site import PODS, counter, expected, healthy, verdict
from tests.unit.plan_sites import put, site
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Check, Status, Verdict
from underlay.plan.verification import expectations

W1 = "worker-1"


def one(found: Verdict, rule: str, where: str = W1) -> Check:
    return next(check for check in found.checks if (check.rule, check.where) == (rule, where))


def test_the_numbers_stand_in_the_checks() -> None:
    found = verdict(healthy())
    assert "6.18.0" in one(found, "kernel-evidence").found
    assert "network namespace 101" in one(found, "kernel-evidence").found
    assert one(found, "wire").found == "eth0 (ifindex 3): 75 sent, 75 received bare, 0 encapsulated"
    assert one(found, "route").found == "75 FIB look-ups for 3 far pods: eth0 (ifindex 3) via 172.30.1.1"
    assert (
        "eth0: cil_from_netdev#11 tcx/ingress, cil_to_netdev#31 tcx/egress; lxc1: cil_from_contai#21 tcx/ingress"
        in one(found, "programs-attached").found
    )
    assert one(found, "mtu").found == "pod 1500, eth0 1500"
    assert "10.244.2.0/24 via 172.30.255.1" in one(found, "router-prefixes", "tor-a").found


def test_a_node_without_bcc_is_an_error_and_its_facts_are_still_judged() -> None:
    evidence = healthy()
    evidence["nodes"][W1] |= {
        "evidence": {"level": "none", "selftest": None},
        "counters": [],
        "errors": ["no kernel evidence: No module named 'bcc'"],
    }
    found = verdict(evidence)
    assert found.status is Status.ERROR
    unjudged = {check.rule for check in found.of(Status.ERROR)}
    assert unjudged == {"kernel-evidence", "reverse-path", "route", "wire"}
    assert "No module named 'bcc'" in one(found, "kernel-evidence").found
    assert one(found, "forwarding").status is Status.PASS


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({}, Status.PASS, "21 options of the running agent as declared"),
        ({"routing-mode": "tunnel"}, Status.FAIL, "routing-mode 'tunnel', declared 'native'"),
        ({"kube-proxy-replacement": None}, Status.FAIL, "kube-proxy-replacement 'false', declared 'true'"),
        ({"enable-ipv6": None}, Status.PASS, "21 options"),
        (None, Status.ERROR, "no running agent"),
    ],
)
def test_what_an_agent_was_started_with_is_compared(
    change: dict[str, str | None] | None, status: Status, told: str
) -> None:
    evidence = healthy()
    said = evidence["nodes"][W1]["facts"]["cilium"]
    options = said["options"] | (change or {})
    said["options"] = None if change is None else {name: value for name, value in options.items() if value is not None}
    check = one(verdict(evidence), "agent-options")
    assert (check.status, told in check.found) == (status, True), check.found


def test_options_that_nobody_asks_for_are_not_judged() -> None:
    asked = expected().model_copy(update={"options": {}})
    assert one(judge(asked, Evidence.model_validate(healthy())), "agent-options").status is Status.SKIPPED


def test_a_wrong_self_test_is_no_evidence() -> None:
    evidence = healthy()
    evidence["nodes"][W1]["evidence"]["level"] = "none"
    evidence["nodes"][W1]["errors"] = ["self-test: event 'sent': found netns 0; expected 101"]
    assert one(verdict(evidence), "kernel-evidence").status is Status.ERROR


def test_a_silent_node_does_not_spoil_the_others() -> None:
    evidence = healthy()
    del evidence["nodes"][W1]
    evidence["errors"] = {W1: "SSH to root@192.168.250.12 port 22: no answer within 6 s"}
    found = verdict(evidence)
    assert found.status is Status.ERROR
    assert [check.where for check in found.of(Status.ERROR)] == [W1]
    assert "no answer within 6 s" in one(found, "node-report").found


def test_a_silent_router_is_an_error() -> None:
    evidence = healthy()
    del evidence["routers"]["tor-b"]
    evidence["errors"] = {"tor-b": "SSH: host key differs"}
    assert one(verdict(evidence), "router-report", "tor-b").status is Status.ERROR


def test_a_silent_api_is_an_error() -> None:
    evidence = healthy()
    evidence["survey"] = {"nodes": {}, "errors": ["Kubernetes API: connection refused"]}
    for report in evidence["nodes"].values():
        report["probes"] = report["facts"]["lookups"] = []
    found = verdict(evidence)
    assert found.status is Status.ERROR
    assert one(found, "kubernetes-api", "kubernetes").status is Status.ERROR
    assert one(found, "probes").status is Status.ERROR


@pytest.mark.parametrize("part", ["links", "programs", "lookups", "sysctls", "bgp", "cilium"])
def test_a_part_that_could_not_be_read_is_never_a_pass(part: str) -> None:
    evidence = healthy()
    evidence["nodes"][W1]["facts"][part] = None
    found = verdict(evidence)
    assert found.status is not Status.PASS
    assert found.of(Status.ERROR)


def test_lost_counters_are_an_evidence_failure() -> None:
    evidence = healthy()
    evidence["nodes"][W1]["missed"] = 5
    assert one(verdict(evidence), "kernel-evidence").status is Status.FAIL


def test_stale_status_of_cilium_does_not_outweigh_kernel_and_router() -> None:
    evidence = healthy()
    evidence["survey"]["nodes"][W1]["sessions"][0]["state"] = "idle"
    check = one(verdict(evidence), "session")
    assert check.status is Status.PASS
    assert check.found == "172.30.1.1 AS 65101: Cilium says idle, TCP port 179 connected, tor-a says established"


def test_a_stale_claim_of_cilium_is_no_session() -> None:
    evidence = healthy()
    evidence["nodes"][W1]["facts"]["bgp"] = []
    assert one(verdict(evidence), "session").status is Status.FAIL


def test_noise_is_silent_and_unknown_drops_are_reported() -> None:
    evidence = healthy()
    flow = (PODS["cp-1"], PODS[W1])
    rows = evidence["nodes"][W1]["counters"]
    rows.append(counter("dropped", 1, *flow, reason="NO_SOCKET", function="ping_rcv"))
    assert verdict(evidence).notes == ()
    rows.append(counter("dropped", 1, *flow, reason="NO_SOCKET", function="somewhere_else"))
    found = verdict(evidence)
    assert found.status is Status.PASS
    assert found.notes == ("worker-1: 4 drops NO_SOCKET at somewhere_else on eth0; probes pass",)


def test_a_pod_link_without_program_is_red() -> None:
    evidence = healthy()
    evidence["nodes"][W1]["facts"]["programs"]["lxc1"] = []
    found = verdict(evidence)
    assert one(found, "programs-attached").status is Status.FAIL
    assert "lxc1: no program" in one(found, "programs-attached").found


def test_an_uplink_without_its_program_for_leaving_packets_is_red_where_services_need_it() -> None:
    evidence = healthy()
    evidence["nodes"][W1]["facts"]["programs"]["eth0"].pop()
    assert one(verdict(evidence), "programs-attached").status is Status.FAIL
    needless = expected().model_copy(update={"options": {"kube-proxy-replacement": "false"}})
    found = judge(needless, Evidence.model_validate(evidence))
    assert one(found, "programs-attached").status is Status.PASS


def test_a_smaller_pod_mtu_is_red_unless_it_is_declared() -> None:
    evidence = healthy()
    for report in evidence["nodes"].values():
        report["pod"]["mtu"] = 1450
        for probe in report["probes"]:
            probe["full"]["bytes"] = 1450
    assert one(verdict(evidence), "mtu").found == "pod 1450, eth0 1500"
    assert one(verdict(evidence), "mtu").status is Status.FAIL
    declared = expectations(site(put("cilium.mtu", 1450)))
    assert judge(declared, Evidence.model_validate(evidence)).status is Status.PASS
    assert judge(declared, Evidence.model_validate(healthy())).status is Status.FAIL


@pytest.mark.parametrize(
    ("cidrs", "probe"),
    [(["10.99.0.0/24"], "10.99.0.5"), (["10.244.1.0/25"], "10.244.1.5"), (["10.244.1.0/24"], "10.244.9.5")],
    ids=["outside the pool", "wrong mask", "pod outside its network"],
)
def test_pod_networks_follow_the_plan(cidrs: list[str], probe: str) -> None:
    evidence = healthy()
    evidence["survey"]["nodes"][W1] |= {"pod_cidrs": cidrs, "probe": probe}
    assert one(verdict(evidence), "pod-address").status is Status.FAIL


def test_the_routers_table_is_exactly_the_intended_set() -> None:
    evidence = healthy()
    held = evidence["routers"]["tor-a"]["table"]
    held["10.244.88.0/24"] = held.pop("10.244.1.0/24")
    check = one(verdict(evidence), "router-prefixes", "tor-a")
    assert check.status is Status.FAIL
    assert check.found == "missing 10.244.1.0/24 (worker-1); extra 10.244.88.0/24 via 172.30.1.12"


def test_routes_outside_the_pool_are_not_our_concern() -> None:
    evidence = healthy()
    evidence["routers"]["tor-a"]["table"]["203.0.113.10/32"] = ["172.30.255.3"]
    assert verdict(evidence).status is Status.PASS


@pytest.mark.parametrize(
    "lie",
    [{"unknown": 1}, {"schema": 2}, {"namespace": "x"}, {"errors": ["x" * 5000]}, {"missed": None}],
    ids=lambda lie: str(lie)[:20],
)
def test_a_report_that_is_not_as_agreed_is_refused(lie: dict[str, Any]) -> None:
    evidence = healthy()
    evidence["nodes"][W1] |= lie
    with pytest.raises(ValidationError):
        Evidence.model_validate(evidence)


def test_addresses_that_are_none_do_not_stop_the_judge() -> None:
    evidence = healthy()
    evidence["survey"]["nodes"][W1] |= {"pod_cidrs": ["$(reboot)"], "probe": "::1"}
    evidence["nodes"]["cp-1"]["facts"]["routes"].append({"target": "../..", "type": "blackhole"})
    evidence["routers"]["tor-a"]["kernel"].append({"target": "a/b", "type": "unicast"})
    found = verdict(evidence)
    assert one(found, "pod-address").status is Status.FAIL
    assert one(found, "pod-address", "cp-1").status is Status.PASS


def test_nothing_checked_is_an_error() -> None:
    evidence = Evidence.model_validate(healthy())
    assert Verdict("dev", evidence.taken, 1.0, (), (), (), ()).status is Status.ERROR


def test_the_way_between_racks_leads_through_both_routers() -> None:
    hops = partial(expected().next_hops, "tor-a")
    assert [str(hop) for hop in hops("worker-2")] == ["172.30.255.1"]
    assert [str(hop) for hop in hops("worker-1")] == ["172.30.1.12"]


@pytest.mark.parametrize(
    ("said", "known", "status", "told"),
    [
        ({"answers": [], "asked": 3, "error": "ETIMEDOUT"}, ["10.96.0.10"], Status.FAIL, "ETIMEDOUT after 3 questions"),
        ({"answers": [], "asked": 1, "error": "NXDOMAIN"}, None, Status.FAIL, "NXDOMAIN"),
        ({"answers": ["10.96.9.9"], "asked": 1}, ["10.96.0.10"], Status.FAIL, "10.96.9.9"),
        ({"answers": [], "asked": 3, "error": "ETIMEDOUT"}, [], Status.ERROR, "there is none"),
        ({"answers": [], "asked": 3, "error": "ETIMEDOUT"}, ["10.96.7.7"], Status.ERROR, "there is 10.96.7.7"),
        (None, ["10.96.0.10"], Status.ERROR, "the pod did not ask"),
    ],
    ids=["silence", "no name", "another address", "no service", "another service", "not asked"],
)
def test_a_name_that_dns_does_not_know_is_told(said: Any, known: Any, status: Status, told: str) -> None:
    evidence = healthy()
    asked = {"server": "10.96.0.10", "name": "kubernetes.default.svc.cluster.local"}
    evidence["nodes"][W1]["dns"] = said and asked | said
    evidence["survey"]["dns"] = known
    found = verdict(evidence)
    assert one(found, "dns").status is status
    assert told in one(found, "dns").found
    assert found.status is status
    assert one(found, "dns", "worker-2").status is Status.PASS


def test_an_input_without_a_name_asks_nothing() -> None:
    bare = expected().model_copy(update={"dns": None})
    assert one(judge(bare, Evidence.model_validate(healthy())), "dns").status is Status.SKIPPED
