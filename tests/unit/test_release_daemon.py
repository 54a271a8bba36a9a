"""The agents' DaemonSet against the one that Helm has written down: what somebody changes in it is named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.test_release_options import RELEASED, lists, record, told
from underlay.collect.release import daemon
from underlay.judge.verdict import Status

Data = dict[str, Any]
OWN_NAME = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
MEMORY = {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": 1}}}
STATE = {"name": "STATE", "valueFrom": {"configMapKeyRef": {"name": "cilium-config", "key": "x", "optional": True}}}
AGENT: Data = {
    "name": "cilium-agent",
    "image": "registry/cilium:v1@sha256:1",
    "command": ["cilium-agent"],
    "args": ["--config-dir=/tmp"],
    "env": [OWN_NAME, MEMORY, STATE, {"name": "PLACE", "value": "here"}, {"name": "EMPTY", "value": ""}],
}
FIRST: Data = {"name": "config", "image": "registry/cilium:v1@sha256:1", "command": ["cilium-dbg", "build-config"]}
PODS: Data = {"initContainers": [FIRST], "containers": [AGENT]}
RELEASE: Data = {"kind": "DaemonSet", "metadata": {"name": "cilium"}, "spec": {"template": {"spec": PODS}}}


def live() -> Data:
    """Return the DaemonSet as the API server has it, with what it adds by itself."""
    there = copy.deepcopy(RELEASE)
    del there["kind"]
    there["metadata"]["generation"] = 4
    there["spec"]["template"]["metadata"] = {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}
    there["status"] = {"observedGeneration": 4, "desiredNumberScheduled": 4, "updatedNumberScheduled": 4}
    for container in (agent(there), first(there)):
        container |= {"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log"}
    own, memory, _, _, empty = agent(there)["env"]
    own["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    memory["valueFrom"]["resourceFieldRef"]["divisor"] = "1"
    del empty["value"]
    return there


def agent(there: Data) -> Data:
    return dict_of(there, "containers")


def first(there: Data) -> Data:
    return dict_of(there, "initContainers")


def dict_of(there: Data, kind: str) -> Data:
    found: Data = there["spec"]["template"]["spec"][kind][0]
    return found


def seen(*there: Data, state: str = "deployed") -> dict[str, list[Data]]:
    return lists(RELEASED, record(3, state, RELEASED, RELEASE)) | {"daemons": [*there]}


def test_what_the_api_server_adds_is_nobody_s_change() -> None:
    check = told(seen(live()))
    assert check
    assert (check.status, check.found) == (Status.PASS, "as released")


EDITS: dict[str, tuple[Callable[[Data], Any], str]] = {
    "image": (
        lambda one: agent(one).update(image="theirs:v2"),
        "DaemonSet cilium, cilium-agent: image is 'theirs:v2', released 'registry/cilium:v1@sha256:1'",
    ),
    "image of what begins": (lambda one: first(one).update(image="x"), "DaemonSet cilium, config: image is 'x', rel"),
    "argument": (lambda one: agent(one)["args"].append("--x"), "args is ['--config-dir=/tmp', '--x'], released ['--c"),
    "no argument": (lambda one: agent(one).pop("args"), "cilium-agent: args is nothing, released ['--config-dir=/tmp"),
    "command": (lambda one: first(one)["command"].append("--source=none"), "config: command is ['cilium-dbg', 'build"),
    "variable": (lambda one: agent(one)["env"].append({"name": "NEW", "value": "s3cret"}), "variable NEW is added"),
    "value": (lambda one: agent(one)["env"][3].update(value="s3cret"), "variable PLACE is changed"),
    "source": (lambda one: agent(one)["env"][0]["valueFrom"]["fieldRef"].update(fieldPath="x"), "NODE is changed"),
    "not optional": (lambda one: agent(one)["env"][2]["valueFrom"]["configMapKeyRef"].pop("optional"), "STATE is ch"),
    "no variable": (lambda one: agent(one)["env"].pop(3), "variable PLACE is not there"),
    "variables": (lambda one: agent(one).update(envFrom=[{"secretRef": {"name": "x"}}]), "envFrom is not as released"),
    "container": (
        lambda one: one["spec"]["template"]["spec"]["containers"].append({"name": "side"}),
        "DaemonSet cilium, side is none of the release's",
    ),
    "no container": (lambda one: one["spec"]["template"]["spec"].pop("initContainers"), "cilium, config is not there"),
    "not seen": (lambda one: one["metadata"].update(generation=5), "its controller has not seen the last change"),
    "left behind": (
        lambda one: one["status"].update(updatedNumberScheduled=1),
        "DaemonSet cilium: 1 of 4 agents are of its last revision",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_agents_would_restart_into_is_named_without_a_secret(edit: str) -> None:
    change, text = EDITS[edit]
    there = live()
    change(there)
    check = told(seen(there))
    assert check
    assert (check.status, text in check.found, "s3cret" in check.found) == (Status.FAIL, True, False), check.found


@pytest.mark.parametrize(
    ("gone", "text"),
    [("daemons", "DaemonSet cilium is not there"), ("configuration", "ConfigMap cilium-config is not there")],
)
def test_what_is_gone_is_named(gone: str, text: str) -> None:
    check = told({**seen(live()), gone: []})
    assert check
    assert (check.status, check.found) == (Status.FAIL, text)
    assert daemon({gone: []}) is None, "nobody knows whether it was released"


def test_a_reader_of_no_secret_still_sees_who_is_left_behind() -> None:
    there = live()
    agent(there)["image"] = "theirs:v2"
    assert told({"daemons": [there]}) is None
    there["status"]["updatedNumberScheduled"] = 1
    check = told({"daemons": [there]})
    assert check
    assert (check.status, check.found) == (Status.FAIL, "DaemonSet cilium: 1 of 4 agents are of its last revision")


@pytest.mark.parametrize("state", ["pending-upgrade", "failed"])
def test_nothing_is_said_in_the_midst_of_an_update(state: str) -> None:
    there = live()
    there["status"]["updatedNumberScheduled"] = 1
    assert daemon(seen(there, state=state)) is None
    assert told(seen(there, state=state)) is None


def test_a_daemon_set_that_may_not_be_read_costs_nothing_else() -> None:
    found = seen()
    del found["daemons"]
    check = told(found)
    assert check
    assert check.status is Status.PASS
