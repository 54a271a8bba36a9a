"""The release as plain data: what Helm says, what is wrong with rendered objects, what changes and what that costs."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.plan_sites import put, site
from underlay.plan.chart.difference import differences, option_changes, release_changes
from underlay.plan.chart.keys import suggestion, unknown
from underlay.plan.chart.refusal import refusals
from underlay.plan.chart.rendered import judge, wanted
from underlay.plan.chart.source import kind
from underlay.plan.chart.workloads import RESTART, workloads
from underlay.sources import chart_facts

SCHEMA = """Error: values don't meet the specifications of the schema(s) in the following chart(s):
cilium:
- at '/bpf/masquerade': got string, want null or boolean
- at '/MTU': got string, want integer
"""
DIGEST = "@sha256:" + "0" * 64


def agent(**container: Any) -> dict[str, Any]:
    """Return the agents' DaemonSet with one container."""
    env = [{"name": "KUBERNETES_SERVICE_HOST", "value": "172.30.1.11"}]
    one = {"name": "cilium-agent", "image": f"mirror.example/cilium:1{DIGEST}", "env": env, **container}
    spec = {"template": {"spec": {"containers": [one]}}}
    return {"kind": "DaemonSet", "metadata": {"name": "cilium"}, "spec": spec}


def objects(options: dict[str, str] | None = None, **container: Any) -> list[dict[str, Any]]:
    """Return a clean release with some other options, and another container."""
    data = {**wanted(site()), **(options or {})}
    return [{"kind": "ConfigMap", "metadata": {"name": "cilium-config"}, "data": data}, agent(**container)]


def test_each_value_of_a_wrong_kind_is_a_finding() -> None:
    assert [(one.rule, one.where, one.found, one.expected) for one in refusals(SCHEMA)] == [
        ("chart-schema-refuses-value", "site.cilium.values.bpf.masquerade", "string", "null or boolean"),
        ("chart-schema-refuses-value", "site.cilium.values.MTU", "string", "integer"),
    ]


def test_a_template_that_fails_is_named() -> None:
    text = (
        "Error: execution error at (cilium/templates/validate.yaml:61:7): \n  Hubble UI needs relay\n\nUse --debug flag"
    )
    [found] = refusals(text)
    assert (found.rule, found.where) == ("chart-refuses-values", "chart, cilium/templates/validate.yaml:61")
    assert found.found.startswith("Hubble UI needs relay")


@pytest.mark.parametrize(
    "text", ["", "Error: something new", SCHEMA.partition("- at")[0], SCHEMA.replace("- at", "* at")]
)
def test_what_nobody_knows_is_still_a_refusal(text: str) -> None:
    assert [one.rule for one in refusals(text)] == ["chart-not-rendered"]


def test_a_clean_release_has_no_finding() -> None:
    images = put("cilium.images", {"registry": "mirror.example", "digests": True})
    assert judge(site(images), objects()) == []


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (objects({"routing-mode": "tunnel"}), "rendered-option-differs"),
        (objects({"bpf-lb-dsr-dispatch": "geneve"}), "rendered-tunnel"),
        (objects({"enable-wireguard": "true"}), "rendered-tunnel"),
        (objects(ports=[{"containerPort": 8472}]), "rendered-tunnel"),
        (objects(image=f"elsewhere.example/cilium:1{DIGEST}"), "image-outside-registry"),
        (objects(image="mirror.example/cilium:1@"), "image-without-digest"),
        (objects(env=[]), "rendered-api-differs"),
    ],
)
def test_what_is_wrong_with_rendered_objects_is_a_finding(found: list[dict[str, Any]], rule: str) -> None:
    images = put("cilium.images", {"registry": "mirror.example", "digests": True})
    assert {one.rule for one in judge(site(images), found)} == {rule}


def test_nothing_rendered_is_no_clean_release() -> None:
    assert len(judge(site(), [])) == len(wanted(site()))


def test_a_changed_option_says_what_it_does() -> None:
    [change] = option_changes({"routing-mode": "tunnel", "a": "1"}, {"routing-mode": "native", "a": "1"})
    assert str(change) == "routing-mode: tunnel -> native: restarts all agents, disrupts pod traffic"
    assert change.to_json()["effects"] == ("restarts all agents", "disrupts pod traffic")
    [other] = option_changes({}, {"debug": "true"})
    assert str(other) == "debug: nothing -> true: restarts all agents"


def test_another_version_is_a_change_before_those_of_its_options() -> None:
    before = {"version": "1.19.6", "options": {"a": "1"}}
    assert [str(one) for one in release_changes(before, {"version": "1.20.2", "options": {}})] == [
        "Cilium, version: 1.19.6 -> 1.20.2: restarts all agents, replaces the programs of every link",
        "a: 1 -> nothing: restarts all agents",
    ]
    assert release_changes(before, before) == []


OPERATOR = {
    "kind": "Deployment",
    "metadata": {"name": "cilium-operator"},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "operator", "image": "op:1"}]}}},
}


def state(change: Callable[[Any], Any] = lambda _: None, **more: Any) -> dict[str, Any]:
    """Return what a state keeps of the agents and the operator, after a change of their objects."""
    found = copy.deepcopy([*objects(env=[{"name": "A", "value": "s3cret"}]), OPERATOR])
    made = found[1]["spec"]
    made |= {"updateStrategy": {"type": "RollingUpdate"}}
    made["template"]["spec"]["initContainers"] = [{"name": "first", "image": made_of(found)["image"]}]
    made["template"]["spec"]["volumes"] = [{"name": f"volume-{number}", "emptyDir": {}} for number in range(3)]
    change(found)
    kept = {"version": "1.20.2", "options": {}, "workloads": workloads(found), **more}
    assert "s3cret" not in json.dumps(kept)
    return kept


def made_of(found: Any) -> Any:
    return found[1]["spec"]["template"]["spec"]["containers"][0]


def pod_of(found: Any) -> Any:
    return found[1]["spec"]["template"]["spec"]


def other_image(found: Any) -> None:
    for one in (made_of(found), pod_of(found)["initContainers"][0]):
        one["image"] = "mine:2"


WORKLOADS: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "nothing": (lambda _: None, []),
    "image": (other_image, [f"image of DaemonSet cilium: mirror.example/cilium:1{DIGEST} -> mine:2: {RESTART}"]),
    "volumes": (
        lambda one: pod_of(one)["volumes"].append({"name": "x"}),
        [f"DaemonSet cilium, volumes: 3 entries -> 4 entries: {RESTART}"],
    ),
    "another volume": (
        lambda one: pod_of(one)["volumes"][0].update(name="other"),
        [f"DaemonSet cilium, volumes: 3 entries -> 3 entries, others: {RESTART}"],
    ),
    "tolerations": (
        lambda one: pod_of(one).update(tolerations=[{"operator": "Exists"}]),
        [f'DaemonSet cilium, tolerations: nothing -> [{{"operator":"Exists"}}]: {RESTART}'],
    ),
    "resources": (
        lambda one: made_of(one).update(resources={"limits": {"cpu": 1}}),
        [f'DaemonSet cilium, cilium-agent, resources: nothing -> {{"limits":{{"cpu":1}}}}: {RESTART}'],
    ),
    "a variable": (
        lambda one: made_of(one)["env"].append({"name": "B", "value": "s3cret"}),
        [f"DaemonSet cilium, cilium-agent, env: 1 entry -> 2 entries: {RESTART}"],
    ),
    "pace": (
        lambda one: one[1]["spec"].update(updateStrategy={"type": "OnDelete"}),
        ['DaemonSet cilium, updateStrategy: {"type":"RollingUpdate"} -> {"type":"OnDelete"}'],
    ),
    "what is not told": (
        lambda one: made_of(one).update(imagePullPolicy="Always"),
        [f"DaemonSet cilium, pod template: as applied -> another: {RESTART}"],
    ),
    "operators": (lambda one: one[2]["spec"].update(replicas=1), ["Deployment cilium-operator, replicas: 2 -> 1"]),
    "the operator": (
        lambda one: one[2]["spec"]["template"]["spec"].update(hostNetwork=True),
        ["Deployment cilium-operator, hostNetwork: nothing -> true: restarts the operator"],
    ),
    "no operator": (lambda one: one.pop(), ["Deployment cilium-operator: there -> nothing"]),
}


@pytest.mark.parametrize("change", WORKLOADS)
def test_a_workload_s_change_is_told_in_words_with_who_restarts(change: str) -> None:
    edit, wanted = WORKLOADS[change]
    assert [str(one) for one in release_changes(state(), state(edit))] == wanted
    assert len(release_changes(state(edit), state())) == len(wanted)


def test_pods_that_restart_for_an_option_are_told_once_and_a_state_without_workloads_tells_none() -> None:
    after = state(lambda one: made_of(one).update(imagePullPolicy="Always"), options={"debug": "true"})
    told = [f"debug: nothing -> true: {RESTART}"]
    assert [str(one) for one in release_changes(state(), after)] == told
    bare: dict[str, Any] = {"version": "1.20.2", "options": {}}
    for older in (bare, {**bare, "workloads": {}}):
        assert [str(one) for one in release_changes(older, after)] == told


def test_the_pace_of_agents_restarts_none() -> None:
    after = copy.deepcopy(objects())
    after[1]["spec"]["updateStrategy"] = {"type": "OnDelete"}
    assert [str(one) for one in differences(objects(), after)] == [
        "DaemonSet cilium, updateStrategy.type: nothing -> added"
    ]


def test_a_first_release_is_one_change() -> None:
    assert [str(one) for one in differences([], objects())] == ["Cilium: nothing -> installed"]


def test_an_item_that_comes_is_one_change_and_the_same_release_none() -> None:
    before, after = objects(), objects(ports=[{"name": "peer", "containerPort": 4244, "protocol": "TCP"}])
    assert differences(before, before) == []
    assert [str(one) for one in differences(before, after)] == [
        "DaemonSet cilium, template.spec.containers[cilium-agent].ports[peer]: nothing -> added: restarts all agents"
    ]
    assert len(differences(after, before)) == 1


def test_an_image_is_one_change_for_a_workload() -> None:
    changes = differences(objects(image="a:1"), objects(image="a:2"))
    assert [str(one) for one in changes] == ["image of DaemonSet cilium: a:1 -> a:2: restarts all agents"]


def test_defaults_of_a_cluster_are_no_change() -> None:
    running = objects(terminationMessagePath="/dev/termination-log")
    assert differences(running, objects(), running=True) == []
    assert len(differences(running, objects())) == 1


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("egressGatway", "egressGateway"),
        ("bpf.masqerade", "bpf.masquerade"),
        ("directRoutingDevice", "nodePort.directR"),
    ],
)
def test_an_unknown_key_suggests_the_known_one(path: str, meant: str) -> None:
    tree = chart_facts("1.20")["keys"]
    values: Any = True
    for word in reversed(path.split(".")):
        values = {word: values}
    [found] = unknown(tree, values)
    assert found == tuple(path.split("."))
    assert suggestion(tree, found).startswith(meant)


@pytest.mark.parametrize(
    ("reference", "how"),
    [
        ("./chart/cilium", "directory"),
        ("./cilium-1.20.2.tgz", "archive"),
        ("oci://mirror.example/charts/cilium", "registry"),
        ("https://mirror.example/charts", "repository"),
    ],
)
def test_a_reference_says_where_a_chart_comes_from(reference: str, how: str) -> None:
    assert kind(reference) == how
