"""Probes beyond pod to pod: what was not asked or not answered is never a pass, and what explains pods is told once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_faults import cut, drop
from tests.unit.judge_site import PODS, expected, healthy, verdict
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Check, Status, Verdict

W1 = "worker-1"
Change = Callable[[dict[str, Any]], object]
"""Changes the whole evidence."""


def report(change: Callable[[dict[str, Any]], object]) -> Change:
    return lambda evidence: change(evidence["nodes"][W1])


def silent(kind: str, **more: Any) -> Change:
    return report(lambda one: one["service"].update({kind: {"sent": 9, "error": "ETIMEDOUT", "asked": 3, **more}}))


def seen(evidence: dict[str, Any], by: str) -> None:
    evidence["nodes"][W1]["service"]["tcp"] |= {"source": "172.30.1.12", "by": by}


CASES: dict[str, tuple[Change, str, Status, str]] = {
    "a silent service": (silent("tcp"), "service-probes", Status.FAIL, "2 of 3 exchanges; tcp 0/9 ETIMEDOUT"),
    "half an answer": (silent("udp", error=None, received=4), "service-probes", Status.FAIL, "udp 4/9"),
    "another status": (silent("http", error="HTTP 503", status=503), "service-probes", Status.FAIL, "HTTP 503"),
    "a masqueraded caller": (
        lambda evidence: seen(evidence, PODS["cp-1"]),
        "service-probes",
        Status.FAIL,
        "10.244.0.10 saw tcp from 172.30.1.12",
    ),
    "a pod that meets itself": (lambda evidence: seen(evidence, PODS[W1]), "service-probes", Status.PASS, "3 of 3"),
    "a second try": (
        report(lambda one: one["service"]["tcp"].update(asked=2)),
        "service-probes",
        Status.PASS,
        "tcp after 2 tries",
    ),
    "no service": (
        lambda evidence: evidence["survey"].update(service=None),
        "service-probes",
        Status.ERROR,
        "the API shows no service underlay-probe",
    ),
    "nobody asked the service": (
        report(lambda one: one.update(service=None)),
        "service-probes",
        Status.ERROR,
        "the pod did not ask",
    ),
    "another address asked": (
        report(lambda one: one["service"].update(address="10.96.0.1")),
        "service-probes",
        Status.ERROR,
        "10.96.0.1 was asked; the service has 10.96.7.7",
    ),
    "a node that is silent to pods": (
        report(lambda one: one["to_node"].update(tcp={"sent": 1, "error": "ETIMEDOUT"})),
        "node-probes",
        Status.FAIL,
        "the pod on worker-1 → worker-3 itself, port 10250: tcp 0/1 ETIMEDOUT",
    ),
    "a pod that is silent to nodes": (
        report(lambda one: one["from_node"].update(udp={"sent": 1200, "error": "ETIMEDOUT"})),
        "node-probes",
        Status.FAIL,
        "worker-1 itself → the pod on worker-3: udp 0/1200 ETIMEDOUT",
    ),
    "nobody asked the far pod": (
        report(lambda one: one.update(from_node=None)),
        "node-probes",
        Status.ERROR,
        "worker-3's pod was not asked",
    ),
    "another node asked": (
        report(lambda one: one["to_node"].update(node="worker-2", address="172.30.2.11")),
        "node-probes",
        Status.ERROR,
        "worker-3 itself was not asked",
    ),
    "kubelet's port unknown": (
        lambda evidence: (
            evidence["survey"]["nodes"]["worker-3"].update(kubelet=None),
            evidence["nodes"][W1].update(to_node=None),
        ),
        "node-probes",
        Status.ERROR,
        "it does not say kubelet's port",
    ),
    "no HTTP": (
        report(lambda one: one["probes"][0].update(http={"sent": 60, "error": "ECONNRESET", "status": 0})),
        "probes",
        Status.FAIL,
        "http 0/60 ECONNRESET",
    ),
}


def one(found: Verdict, rule: str) -> Check:
    return next(check for check in found.checks if (check.rule, check.where) == (rule, W1))


@pytest.mark.parametrize("name", CASES)
def test_what_was_not_answered_or_not_asked_is_no_pass(name: str) -> None:
    change, rule, status, words = CASES[name]
    evidence = healthy()
    change(evidence)
    found = one(verdict(evidence), rule)
    assert (found.status, words in found.found) == (status, True), found


def test_an_older_input_asks_for_nothing_and_its_evidence_is_judged() -> None:
    evidence = healthy()
    evidence["survey"].pop("service")
    for name, node in evidence["nodes"].items():
        evidence["survey"]["nodes"][name].pop("kubelet")
        for part in ("service", "from_node", "to_node"):
            node.pop(part)
        node["facts"].pop("service")
        for probe in node["probes"]:
            probe.pop("http")
    for router in evidence["routers"].values():
        router.pop("echoes")
    found = judge(expected().model_copy(update={"service": None}), Evidence.model_validate(evidence))
    assert found.status is Status.PASS
    assert {check.rule for check in found.of(Status.SKIPPED)} == {"service-probes", "node-probes", "router-echoes"}


def test_where_pods_do_not_reach_each_other_nodes_are_no_second_loss() -> None:
    evidence = healthy()
    cut(evidence, W1)
    evidence["nodes"][W1]["facts"]["sysctls"]["ip_forward"] = 0
    drop(evidence, W1, 1, (PODS["worker-2"], PODS[W1]), "IP_INADDRERRORS", "ip_error")
    for name in (W1, "worker-2"):
        evidence["nodes"][name]["from_node"] |= {"ping": {"sent": 2, "error": "ETIMEDOUT"}}
    found = verdict(evidence)
    assert [cause.rule for cause in found.causes] == ["forwarding-off"]
    assert not found.lost
    assert one(found, "node-probes").status is Status.FAIL


def test_a_loss_between_a_node_and_a_pod_is_told_with_the_place_of_the_last_packet() -> None:
    evidence = healthy()
    evidence["nodes"][W1]["to_node"] |= {"tcp": {"sent": 1, "error": "ETIMEDOUT"}}
    found = verdict(evidence)
    assert not found.causes
    assert [lost.found for lost in found.lost] == [
        "the pod on worker-1 → worker-3 itself, port 10250: tcp 0/1 ETIMEDOUT"
    ]
    assert found.lost[0].last_seen == "cause not seen; not even sent on worker-1's uplink"


def test_maps_that_were_not_read_accuse_nobody() -> None:
    evidence = healthy()
    silent("tcp")(evidence)
    evidence["nodes"][W1]["facts"].pop("service")
    found = verdict(evidence)
    assert (found.status, found.causes) == (Status.FAIL, ())
