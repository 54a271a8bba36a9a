"""With direct node routes pods of one rack reach each other without a router, and the verdict knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_site import PODS, expected, healthy, planned, silence
from tests.unit.plan_sites import put, site
from tests.unit.test_judge_checks import one
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Status, Verdict
from underlay.plan.verification import expectations

W2, W3 = "worker-2", "worker-3"
DIRECT = expectations(site(put("cilium.direct_node_routes", True)))
Data = dict[str, Any]


def direct() -> Data:
    """Return the evidence of a healthy site whose nodes send to each other's pods in their rack."""
    evidence = healthy()
    owners = {address: name for name, address in PODS.items()}
    for name, report in evidence["nodes"].items():
        report["facts"]["cilium"]["options"] = dict(DIRECT.options)
        routed = [(row, row["target"]) for row in report["counters"] if row["point"] == "routed"]
        for place, pod in (*routed, *((look["out"], look["target"]) for look in report["facts"]["lookups"])):
            if planned(owners[pod]).rack == planned(name).rack:
                place["gateway"] = str(planned(owners[pod]).address)
    return evidence


def judged(evidence: Data) -> Verdict:
    return judge(DIRECT, Evidence.model_validate(evidence))


def test_direct_routes_within_a_rack_are_as_planned() -> None:
    found = judged(direct())
    assert (found.status, found.causes) == (Status.PASS, ())
    assert judge(expected(), Evidence.model_validate(direct())).status is Status.FAIL, "they were not declared"


def through_the_router(evidence: Data) -> None:
    for look in evidence["nodes"][W2]["facts"]["lookups"]:
        look["out"]["gateway"] = str(planned(W2).gateways[0])


def directly_elsewhere(evidence: Data) -> None:
    for look in evidence["nodes"][W2]["facts"]["lookups"]:
        look["out"]["gateway"] = str(planned(W3).address)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (through_the_router, "10.244.3.10 goes to 172.30.2.1 (tor-b) instead of 172.30.2.12"),
        (directly_elsewhere, "10.244.0.10 goes to 172.30.2.12 (worker-3) instead of 172.30.2.1"),
    ],
)
def test_another_next_hop_than_the_direct_one_is_red(change: Callable[[Data], None], sentence: str) -> None:
    evidence = direct()
    change(evidence)
    silence(evidence, W2, W3)
    found = judged(evidence)
    assert one(found, "route", W2).status is Status.FAIL
    assert sentence in " ".join(cause.sentence for cause in found.causes)


def test_a_silent_next_hop_explains_its_own_pairs_only() -> None:
    evidence = direct()
    near = {"address": str(planned(W3).address), "device": "eth0", "state": "failed"}
    evidence["nodes"][W2]["facts"]["neighbours"].append(near)
    for far in (W3, "cp-1"):
        silence(evidence, W2, far)
    found = judged(evidence)
    [cause] = [one for one in found.causes if one.rule == "next-hop-silent"]
    assert cause.pairs == {(W2, W3)}
    explained = {pair for one in found.causes for pair in one.pairs}
    assert (W2, "cp-1") in explained | {(one.source, one.target) for one in found.lost}


def test_a_router_explains_no_pair_that_does_not_pass_it() -> None:
    evidence = direct()
    silence(evidence, W2, W3)
    evidence["routers"]["tor-b"]["processes"] = []
    assert [(lost.source, lost.target) for lost in judged(evidence).lost] == [(W2, W3)]
