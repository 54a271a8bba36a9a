"""The rule about the cluster's origin, resource by resource: passes, violations, undetermined, not applicable."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, ResourceValidationPolicy

from policy.rules.cilium import AGENTS, HELM
from policy.rules.cluster_origin import NAME, POLICIES, a_stack_with_cilium_says_the_origin, origin_of_the_cluster
from policy.rules.waivers import CLUSTER, in_force, show, today
from policy.strict import Answer, evaluate
from tests.policy.resources import UNKNOWN, resource, stack

RELEASE, V3, V4 = HELM
BGP = "kubernetes:cilium.io/v2:CiliumBGPPeerConfig"
OUR_RELEASE = "underlay:cilium:Release"
CILIUM = {"chart": "cilium"}
CONFIG = "kubernetes:core/v1:ConfigMap"

CASES: dict[str, tuple[str, dict[str, Any], tuple[str, ...], dict[str, Any], Answer]] = {
    "a new cluster": (CLUSTER, {"origin": "new"}, (), {}, Answer.PASS),
    "an existing cluster": (CLUSTER, {"origin": "existing"}, (), {}, Answer.VIOLATION),
    "an upgraded cluster": (CLUSTER, {"origin": "upgraded"}, (), {}, Answer.VIOLATION),
    "a cluster that does not say": (CLUSTER, {}, (), {}, Answer.VIOLATION),
    "a cluster with an empty origin": (CLUSTER, {"origin": ""}, (), {}, Answer.VIOLATION),
    "a word that only looks like it": (CLUSTER, {"origin": "New"}, (), {}, Answer.VIOLATION),
    "a cluster's unknown origin": (CLUSTER, {"origin": UNKNOWN}, (), {}, Answer.UNDETERMINED),
    "a component's word against the configuration's": (
        CLUSTER,
        {"origin": "existing"},
        (),
        {"clusterOrigin": "new"},
        Answer.VIOLATION,
    ),
    "somebody's release": (RELEASE, CILIUM, (), {}, Answer.VIOLATION),
    "somebody's release on a new cluster": (RELEASE, CILIUM, (), {"clusterOrigin": "new"}, Answer.PASS),
    "somebody's release on an old cluster": (RELEASE, CILIUM, (), {"clusterOrigin": "upgraded"}, Answer.VIOLATION),
    "a chart by its registry": (V4, {"chart": "oci://r.example/charts/cilium"}, (), {}, Answer.VIOLATION),
    "a chart by its folder": (V3, {"chart": "./charts/cilium-1.20.2/"}, (), {}, Answer.VIOLATION),
    "a chart by its archive": (RELEASE, {"chart": "cilium-1.20.2.tgz"}, (), {}, Answer.VIOLATION),
    "a chart by its tag": (V4, {"chart": "oci://r.example/charts/cilium:1.20.2"}, (), {}, Answer.VIOLATION),
    "a chart by its digest": (V4, {"chart": "oci://r.example/charts/cilium@sha256:aa"}, (), {}, Answer.VIOLATION),
    "a chart by a folder of another name": (V3, {"chart": "./vendor/cilium-chart"}, (), {}, Answer.VIOLATION),
    "a chart by a signed address": (
        RELEASE,
        {"chart": "https://m.example/cilium-1.tgz?s=a/b"},
        (),
        {},
        Answer.VIOLATION,
    ),
    "a patch of the agents": (f"{AGENTS}Patch", {"metadata": {"name": "cilium"}}, (), {}, Answer.VIOLATION),
    "Cilium's configuration": (CONFIG, {"metadata": {"name": "cilium-config"}}, (), {}, Answer.VIOLATION),
    "a patch of it": (f"{CONFIG}Patch", {"metadata": {"name": "cilium-config"}}, (), {}, Answer.VIOLATION),
    "another ConfigMap": (CONFIG, {"metadata": {"name": "settings"}}, (), {}, Answer.NOT_APPLICABLE),
    "a chart by its repository": (
        RELEASE,
        {"chart": "x", "repositoryOpts": {"repo": "https://charts.cilium.example/"}},
        (),
        {},
        Answer.VIOLATION,
    ),
    "a chart by its release's name": (RELEASE, {"chart": "./c", "name": "cilium"}, (), {}, Answer.VIOLATION),
    "a chart that is not known yet": (RELEASE, {"chart": UNKNOWN}, (), {}, Answer.UNDETERMINED),
    "another chart": (RELEASE, {"chart": "ciliumlike"}, (), {}, Answer.NOT_APPLICABLE),
    "the agents as a manifest": (AGENTS, {"metadata": {"name": "cilium"}}, (), {}, Answer.VIOLATION),
    "the agents by their label": (
        AGENTS,
        {"metadata": {"name": "cni", "labels": {"k8s-app": "cilium"}}},
        (),
        {},
        Answer.VIOLATION,
    ),
    "another DaemonSet": (AGENTS, {"metadata": {"name": "fluent"}}, (), {}, Answer.NOT_APPLICABLE),
    "a DaemonSet without a name": (AGENTS, {"metadata": {}}, (), {}, Answer.NOT_APPLICABLE),
    "one of Cilium's objects": (BGP, {"spec": {}}, (), {}, Answer.VIOLATION),
    "an object on a new cluster": (BGP, {"spec": {}}, (), {"clusterOrigin": "new"}, Answer.PASS),
    "our own release": (RELEASE, CILIUM, (OUR_RELEASE,), {}, Answer.NOT_APPLICABLE),
    "a release below somebody's component": (RELEASE, CILIUM, ("acme:net:Cilium",), {}, Answer.VIOLATION),
    "a release that only sounds like ours": (RELEASE, CILIUM, ("acme:underlay:Release",), {}, Answer.VIOLATION),
    "anything else": ("kubernetes:core/v1:Secret", {"data": {}}, (), {}, Answer.NOT_APPLICABLE),
}


@pytest.mark.parametrize("name", CASES)
def test_a_resource_is_judged(name: str) -> None:
    kind, props, parents, config, expected = CASES[name]
    judgement = evaluate(origin_of_the_cluster, resource(kind, props, *parents, config=config))
    assert judgement.answer is expected, judgement.reason


STACKS: dict[str, tuple[list[tuple[str, dict[str, Any]]], dict[str, Any], Answer]] = {
    "nothing of Cilium": ([("kubernetes:core/v1:Secret", {})], {}, Answer.PASS),
    "Cilium beside our cluster": ([(CLUSTER, {"origin": "new"}), (RELEASE, CILIUM)], {}, Answer.PASS),
    "Cilium and nobody says": ([(RELEASE, CILIUM), (BGP, {})], {}, Answer.VIOLATION),
    "Cilium and the configuration says": ([(RELEASE, CILIUM)], {"clusterOrigin": "new"}, Answer.PASS),
    "Cilium and the configuration says otherwise": (
        [(RELEASE, CILIUM)],
        {"clusterOrigin": "existing"},
        Answer.VIOLATION,
    ),
    "Cilium below our component without a cluster": (
        [(OUR_RELEASE, {}), (RELEASE, CILIUM)],
        {"clusterOrigin": "upgraded"},
        Answer.VIOLATION,
    ),
    "a chart that is not known yet": ([(RELEASE, {"chart": UNKNOWN})], {}, Answer.UNDETERMINED),
}


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_is_judged(name: str) -> None:
    resources, config, expected = STACKS[name]
    judgement = evaluate(a_stack_with_cilium_says_the_origin, stack(*resources, config=config))
    assert judgement.answer is expected, judgement.reason


def test_a_stack_s_violation_points_at_what_brings_cilium() -> None:
    judgement = a_stack_with_cilium_says_the_origin(stack(("kubernetes:core/v1:Secret", {}), (RELEASE, CILIUM)))
    assert judgement.urn == f"urn:pulumi:dev::p::{RELEASE}::it"


def test_an_unknown_value_is_named_with_what_to_do() -> None:
    judgement = evaluate(origin_of_the_cluster, resource(CLUSTER, {"origin": UNKNOWN}))
    assert judgement.reason.startswith("the value of origin is not known at preview; declare it")


def test_a_violation_says_found_and_expected() -> None:
    judgement = origin_of_the_cluster(resource(CLUSTER, {"origin": "upgraded"}))
    assert judgement.reason.startswith("the cluster component declares origin `upgraded`. Expected `new`")


def waived(days: int, rule: str = NAME) -> dict[str, Any]:
    until = (today() + timedelta(days=days)).isoformat()
    return {"origin": "existing", "waivers": [{"rule": rule, "reason": "trial", "until": until}]}


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (waived(0), Answer.PASS),
        (waived(30), Answer.PASS),
        (waived(-1), Answer.VIOLATION),
        (waived(30, "another-rule"), Answer.VIOLATION),
    ],
)
def test_a_waiver_counts_until_its_last_day(props: dict[str, Any], expected: Answer) -> None:
    assert origin_of_the_cluster(resource(CLUSTER, props)).answer is expected


@pytest.mark.parametrize(
    "change", [{"until": "4102444800"}, {"until": "2999-01-011"}, {"until": 20990101}, {"until": None}, {"reason": " "}]
)
def test_a_waiver_without_a_day_or_a_reason_waives_nothing(change: dict[str, Any]) -> None:
    props = waived(30)
    props["waivers"][0].update(change)
    assert origin_of_the_cluster(resource(CLUSTER, props)).answer is Answer.VIOLATION
    assert show(resource(CLUSTER, props)).answer is Answer.PASS


def test_a_waiver_in_force_is_shown_and_one_that_ended_is_not() -> None:
    assert show(resource(CLUSTER, waived(5))).reason.startswith(f"{NAME} is waived until ")
    assert show(resource(CLUSTER, waived(-5))).answer is Answer.PASS
    assert in_force({}, today()) == {}


def test_what_stops_an_update_is_mandatory_by_name() -> None:
    assert [policy.enforcement_level for policy in POLICIES] == [EnforcementLevel.MANDATORY] * 2


@pytest.mark.parametrize(("origin", "reported"), [("new", False), ("existing", True), (UNKNOWN, True)])
def test_what_is_undetermined_is_reported_like_a_violation(origin: str, *, reported: bool) -> None:
    told: list[str] = []
    [policy] = [policy for policy in POLICIES if isinstance(policy, ResourceValidationPolicy)]

    def tell(text: str, _urn: str | None = None) -> None:
        told.append(text)

    policy.validate(resource(CLUSTER, {"origin": origin}), tell)
    assert bool(told) is reported
