"""The verdict on policies and pod addresses: silent where all is as declared, and each fault named at its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_site import NETWORKS, PODS, expected, healthy
from tests.unit.test_policies_drift import SITE, there
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Status, Verdict
from underlay.plan.policies.enforcement import enforcement

DECLARED = enforcement(SITE)
NODE, WEB, DB = "worker-1", "10.244.1.20", "10.244.1.21"
Evidenced = dict[str, Any]


def pod(namespace: str, name: str, address: str, **more: Any) -> dict[str, Any]:
    """Return a pod as an agent tells it, closed in both directions."""
    told = {"namespace": namespace, "name": f"{name}-1", "address": address, "labels": {"app": name}}
    return {**told, "state": "ready", "revision": 9, "enabled": "both", **more}


def enforced() -> Evidenced:
    """Return the healthy evidence of a site with policies: two of its pods on one node."""
    assert DECLARED
    evidence = healthy()
    kept = [{key: one[key] for key in ("kind", "metadata", "spec")} for one in there()]
    evidence["policies"] = {"objects": kept}
    for report in evidence["nodes"].values():
        report["facts"]["policies"] = {"revision": 9, "policies": list(DECLARED.names), "pods": []}
    facts(evidence)["pods"] += [pod("shop", "web", WEB), pod("data", "db", DB)]
    return evidence


def facts(evidence: Evidenced, node: str = NODE) -> dict[str, Any]:
    """Return what a node's agent said."""
    found: dict[str, Any] = evidence["nodes"][node]["facts"]["policies"]
    return found


def verdict(evidence: Evidenced) -> Verdict:
    return judge(expected(), Evidence.model_validate(evidence), (), DECLARED)


def unhappy(evidence: Evidenced) -> dict[tuple[str, str], str]:
    """Return what was found by rule and place, for each check that is neither passed nor left out."""
    found = verdict(evidence).of(Status.FAIL, Status.ERROR)
    return {(check.rule, check.where): check.found for check in found}


def statuses(evidence: Evidenced, rule: str) -> set[Status]:
    return {check.status for check in verdict(evidence).checks if check.rule == rule}


def test_policies_as_declared_are_told_and_green() -> None:
    evidence = enforced()
    assert unhappy(evidence) == {}
    for rule in ("policies-applied", "policies-enforced", "pod-addresses"):
        assert statuses(evidence, rule) == {Status.PASS}


def test_a_site_without_policies_has_no_such_rows() -> None:
    found = judge(expected(), Evidence.model_validate(healthy()))
    assert not {check.rule for check in found.checks} & {"policies-applied", "policies-enforced"}


def removed(evidence: Evidenced) -> None:
    evidence["policies"]["objects"].pop()


def edited(evidence: Evidenced) -> None:
    plain = next(one for one in evidence["policies"]["objects"] if one["kind"] == "NetworkPolicy")
    plain["spec"]["ingress"][0]["ports"][0]["port"] = 1


def unread(evidence: Evidenced) -> None:
    evidence["policies"] = {"error": "the API server answers 403"}


def unasked(evidence: Evidenced) -> None:
    evidence["policies"] = None


def mute(evidence: Evidenced) -> None:
    evidence["nodes"][NODE]["facts"]["policies"] = None


def not_taken(evidence: Evidenced) -> None:
    facts(evidence)["policies"].remove("NetworkPolicy data/underlay-db")


def late(evidence: Evidenced) -> None:
    facts(evidence)["pods"][0]["revision"] = 8


def at_work(evidence: Evidenced) -> None:
    facts(evidence)["pods"][0] |= {"revision": 8, "state": "regenerating"}


def open_(evidence: Evidenced) -> None:
    facts(evidence)["pods"][1]["enabled"] = "egress"


def audited(evidence: Evidenced) -> None:
    facts(evidence)["pods"][1]["enabled"] = "audit-both"


def twice(evidence: Evidenced) -> None:
    facts(evidence, "worker-2")["pods"].append(pod("shop", "other", WEB))


def twice_here(evidence: Evidenced) -> None:
    facts(evidence)["pods"].append(pod("shop", "other", WEB))


def foreign(evidence: Evidenced) -> None:
    facts(evidence)["pods"].append(pod("shop", "other", PODS["worker-2"]))


AT, CLUSTER = ("policies-enforced", NODE), ("policies-applied", "kubernetes")
ADDRESS = ("pod-addresses", NODE)
FAULTS: list[tuple[Callable[[Evidenced], None], tuple[str, str], Status, str]] = [
    (removed, CLUSTER, Status.FAIL, "policy-missing CiliumClusterwideNetworkPolicy underlay-default-deny"),
    (edited, CLUSTER, Status.FAIL, "policy-changed NetworkPolicy data/underlay-db: spec.ingress.0.ports.0.port is 1"),
    (unread, CLUSTER, Status.ERROR, "the API server answers 403"),
    (unasked, CLUSTER, Status.ERROR, "nobody read the cluster's policies"),
    (mute, AT, Status.ERROR, "no agent told its policies"),
    (not_taken, AT, Status.FAIL, "not taken over: NetworkPolicy data/underlay-db"),
    (late, AT, Status.FAIL, "shop/web-1 at revision 8, ready"),
    (at_work, AT, Status.ERROR, "shop/web-1 still at revision 8, regenerating"),
    (open_, AT, Status.FAIL, "data/db-1 is egress, "),
    (audited, AT, Status.FAIL, "data/db-1 is audit-both, "),
    (twice, ADDRESS, Status.FAIL, f"shop/web-1 and shop/other-1 on worker-2 have {WEB}"),
    (twice_here, ADDRESS, Status.FAIL, f"shop/web-1 and shop/other-1 on {NODE} have {WEB}"),
    (foreign, ADDRESS, Status.FAIL, f"shop/other-1 has {PODS['worker-2']}, outside {NETWORKS[NODE]}"),
]


@pytest.mark.parametrize(("change", "place", "status", "found"), FAULTS, ids=[one[0].__name__ for one in FAULTS])
def test_each_fault_is_named_at_its_place(
    change: Callable[[Evidenced], None], place: tuple[str, str], status: Status, found: str
) -> None:
    evidence = enforced()
    change(evidence)
    named = unhappy(evidence)
    assert found in named[place]
    assert {rule for rule, _ in named} == {place[0]}
    assert next(one.status for one in verdict(evidence).checks if (one.rule, one.where) == place) is status


def strange(evidence: Evidenced) -> None:
    copy = dict(evidence["policies"]["objects"][0])
    evidence["policies"]["objects"].append({**copy, "metadata": {**copy["metadata"], "name": "by-hand"}})


def starting(evidence: Evidenced) -> None:
    facts(evidence)["pods"].append(
        pod("shop", "web", "10.244.1.30", state="waiting-for-identity", revision=0, enabled="none")
    )


def leaving(evidence: Evidenced) -> None:
    facts(evidence)["pods"].append(pod("shop", "old", WEB, state="disconnecting", revision=1))


def unnamed(evidence: Evidenced) -> None:
    facts(evidence)["pods"].append(pod("elsewhere", "web", "10.244.1.31", enabled="none"))


@pytest.mark.parametrize("change", [strange, starting, leaving, unnamed], ids=lambda one: one.__name__)
def test_what_an_update_or_a_new_pod_does_is_no_fault(change: Callable[[Evidenced], None]) -> None:
    evidence = enforced()
    change(evidence)
    assert unhappy(evidence) == {}


def test_addresses_of_pods_are_not_proven_where_the_agent_did_not_answer() -> None:
    evidence = enforced()
    mute(evidence)
    assert ADDRESS not in unhappy(evidence)
    evidence["nodes"][NODE]["errors"] = ["policies: TimeoutError: timed out"]
    assert unhappy(evidence)[ADDRESS] == "policies: TimeoutError: timed out"
