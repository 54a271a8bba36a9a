"""Waiting names everything that is missing, ends when all is there, and never takes less than every node."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.commands_api import Table, api_server, endpoint, kubeconfig, ready
from underlay.collect.cluster_api import ClusterApi
from underlay.commands import wait_cilium
from underlay.commands.common import Failure, wait

SYSTEM, APPS = wait_cilium.SYSTEM, wait_cilium.APPS
NODES = ["n1", "n2"]
WANTED = {"nodes": NODES, "crds": ["x.cilium.io"], "version": "1.20.2"}
LOG = "level=info msg=waiting for the pod network"
EXEC = f"{SYSTEM}/pods/cilium-n2/exec"
LOADED = json.dumps([endpoint(1, 1), endpoint(7, 3, "web")])


def pod(node: str, revision: str = "r2", image: str = "r.example/cilium:v1.20.2") -> dict[str, Any]:
    return {
        "metadata": {"name": f"cilium-{node}", "labels": {"controller-revision-hash": revision}},
        "spec": {"nodeName": node, "containers": [{"name": "cilium-agent", "image": image}]},
        "status": ready(),
    }


def revision(number: int) -> dict[str, Any]:
    return {"revision": number, "metadata": {"labels": {"controller-revision-hash": f"r{number}"}}}


def cilium() -> Table:
    """Return an API server's answers for a cluster with a complete Cilium."""
    return {
        SYSTEM: {"metadata": {"uid": "u-1", "creationTimestamp": "2026-01-01T00:00:00Z"}},
        "/api/v1/nodes": {"items": [{"metadata": {"name": name}, "status": ready()} for name in NODES]},
        f"{APPS}/daemonsets/cilium": {"metadata": {"generation": 2}, "status": {"observedGeneration": 2}},
        f"{APPS}/controllerrevisions": {"items": [revision(2), revision(1)]},
        f"{APPS}/deployments/cilium-operator": {"metadata": {}, "status": ready("Available")},
        f"{SYSTEM}/pods": {"items": [pod(name) for name in NODES]},
        f"{SYSTEM}/pods/cilium-n2/log": LOG,
        **{f"{SYSTEM}/pods/cilium-{name}/exec": LOADED for name in NODES},
        f"{wait_cilium.CRD}/x.cilium.io": {"metadata": {}, "status": ready("Established")},
    }


def unready(table: Table) -> None:
    table[f"{SYSTEM}/pods"]["items"][1]["status"] = {"conditions": []}


def pulling(table: Table) -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    state = {"name": "cilium-agent", "state": {"waiting": waiting}}
    table[f"{SYSTEM}/pods"]["items"][1]["status"] = {"conditions": [], "containerStatuses": [state]}


def no_sandbox(table: Table) -> None:
    unready(table)
    del table[f"{SYSTEM}/pods/cilium-n2/log"]
    table[f"{SYSTEM}/events"] = {"items": [{"message": "Pulled"}, {"message": "Failed to create pod sandbox"}]}


def telling(*endpoints: dict[str, Any]) -> Callable[[Table], object]:
    return lambda table: table.update({EXEC: json.dumps(endpoints)})


SILENT = "agent on n2: cilium-n2 does not say which programs it has loaded:"
FAULTS: dict[str, tuple[Callable[[Table], object], str]] = {
    "a pod without a sandbox": (no_sandbox, "agent on n2: cilium-n2 is not ready: Failed to create pod sandbox"),
    "no DaemonSet": (lambda t: t.pop(f"{APPS}/daemonsets/cilium"), "DaemonSet kube-system/cilium"),
    "a change not seen": (
        lambda t: t[f"{APPS}/daemonsets/cilium"]["metadata"].update(generation=3),
        "DaemonSet kube-system/cilium: its controller has not seen the last change",
    ),
    "no pod": (lambda t: t[f"{SYSTEM}/pods"]["items"].pop(), "agent on n2: no pod"),
    "an agent of the former revision": (
        lambda t: t[f"{SYSTEM}/pods"]["items"].__setitem__(1, pod("n2", "r1")),
        "agent on n2: cilium-n2 is of a former revision",
    ),
    "an agent of another version": (
        lambda t: t[f"{SYSTEM}/pods"]["items"].__setitem__(1, pod("n2", image="x/cilium:v1.19.6")),
        "agent on n2: cilium-n2 runs x/cilium:v1.19.6, expected v1.20.2",
    ),
    "an agent whose version only begins alike": (
        lambda t: t[f"{SYSTEM}/pods"]["items"].__setitem__(1, pod("n2", image="x/cilium:v1.20.21")),
        "agent on n2: cilium-n2 runs x/cilium:v1.20.21, expected v1.20.2",
    ),
    "an agent whose host has its predecessor's programs": (
        telling(endpoint(1, 0), endpoint(7, 2, "web")),
        f"agent on n2: cilium-n2 has not loaded its programs for the host: {LOG}",
    ),
    "an agent whose pods have its predecessor's programs": (
        telling(endpoint(1, 1), *(endpoint(number, 0, f"web-{number}") for number in range(5, 10))),
        "agent on n2: cilium-n2 has not loaded its programs for shop/web-5, shop/web-6, shop/web-7 and 2 more: " + LOG,
    ),
    "an agent that knows no names yet": (
        telling(endpoint(1, 1), endpoint(7, 0, "10.0.0.9"), endpoint(8, 0)),
        f"agent on n2: cilium-n2 has not loaded its programs for 10.0.0.9, endpoint 8: {LOG}",
    ),
    "an agent that knows no host yet": (
        lambda t: t.update({EXEC: "null"}),
        f"agent on n2: cilium-n2 has not loaded its programs for the host: {LOG}",
    ),
    "an agent that nobody may ask": (
        lambda t: t.update({EXEC: 403}),
        f"{SILENT} `cilium-dbg endpoint list -o json` in {EXEC}: 403 Forbidden",
    ),
    "an agent whose program fails": (
        lambda t: t.update({EXEC: ("", "connection refused")}),
        f"{SILENT} `cilium-dbg endpoint list -o json` in {EXEC}: connection refused",
    ),
    "an agent that says something else": (
        lambda t: t.update({EXEC: "Usage:\n cilium-dbg"}),
        f"{SILENT} `cilium-dbg endpoint list -o json` prints no JSON: Usage: cilium-dbg",
    ),
    "an agent that waits": (unready, f"agent on n2: cilium-n2 is not ready: {LOG}"),
    "an image that is not there": (
        pulling,
        "agent on n2: cilium-n2 is not ready: cilium-agent: ImagePullBackOff no such image",
    ),
    "a node that never came": (lambda t: t["/api/v1/nodes"]["items"].pop(), "node n2: not registered"),
    "a node that is not ready": (
        lambda t: t["/api/v1/nodes"]["items"][1].update(status=ready(status="False", message="no CNI")),
        "node n2: not Ready: no CNI",
    ),
    "no operator": (
        lambda t: t.pop(f"{APPS}/deployments/cilium-operator"),
        "Deployment kube-system/cilium-operator",
    ),
    "a CRD that is missing": (lambda t: t.pop(f"{wait_cilium.CRD}/x.cilium.io"), "CRD x.cilium.io: not established"),
    "a server that is not ready": (
        lambda t: t.update({"/api/v1/nodes": 503}),
        "the API server answers 503 Service Unavailable to /api/v1/nodes",
    ),
}


def test_a_complete_cilium_misses_nothing() -> None:
    with api_server(cilium()) as config:
        assert wait_cilium.Watch(ClusterApi(config), WANTED).missing() == []


def test_a_digest_beside_the_tag_does_not_matter() -> None:
    table = cilium()
    table[f"{SYSTEM}/pods"]["items"][1] = pod("n2", image="r.example:5000/cilium:v1.20.2@sha256:00")
    with api_server(table) as config:
        assert wait_cilium.Watch(ClusterApi(config), WANTED).missing() == []


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_missing_is_named(name: str) -> None:
    table = cilium()
    inject, expected = FAULTS[name]
    inject(table)
    with api_server(table) as config:
        assert wait_cilium.Watch(ClusterApi(config), WANTED).missing() == [expected]


def test_a_pod_that_came_after_an_agent_was_first_asked_is_not_waited_for() -> None:
    table = cilium()
    web, late = endpoint(7, 0, "web"), endpoint(9, 0, "late")
    with api_server(table) as config:
        watch = wait_cilium.Watch(ClusterApi(config), WANTED)
        for endpoints, count in (([web], 1), ([endpoint(1, 1), web], 1), ([endpoint(1, 1), web, late], 1)):
            table[EXEC] = json.dumps(endpoints)
            assert len(watch.missing()) == count
        table[EXEC] = json.dumps([endpoint(1, 1), endpoint(7, 1, "web"), late])
        assert watch.missing() == []
        table[EXEC] = 403
        assert watch.missing() == [], "an agent that has loaded all is not asked again"


def test_an_agent_that_began_anew_is_asked_again() -> None:
    table = cilium()
    with api_server(table) as config:
        watch = wait_cilium.Watch(ClusterApi(config), WANTED)
        assert watch.missing() == []
        began = {"name": "cilium-agent", "containerID": "containerd://2", "state": {}}
        table[f"{SYSTEM}/pods"]["items"][1]["status"]["containerStatuses"] = [began]
        table[EXEC] = json.dumps([endpoint(1, 0)])
        assert len(watch.missing()) == 1


def test_the_result_tells_the_agents(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with api_server(cilium()) as config:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({**WANTED, "kubeconfig": config, "seconds": 5})))
        assert wait_cilium.main([]) == 0
    assert json.loads(capsys.readouterr().out) == {"agents": {"n1": "cilium-n1", "n2": "cilium-n2"}}


def test_a_server_that_does_not_answer_is_something_missing() -> None:
    api = ClusterApi(kubeconfig("http://127.0.0.1:9"))
    [line] = wait_cilium.Watch(api, WANTED).missing()
    assert line.startswith("the API server does not answer: ")


@pytest.mark.parametrize("text", ["", "[]", "a: [", "clusters: []"])
def test_a_kubeconfig_that_is_none_is_one_message(text: str) -> None:
    with pytest.raises(Failure, match="the kubeconfig cannot be read"):
        ClusterApi(text)


def test_a_time_out_names_all_that_is_missing() -> None:
    with pytest.raises(Failure) as caught:
        wait(lambda: ["agent on n2: no pod", "node n3: not registered"], 0, "Cilium")
    assert str(caught.value) == (
        "Cilium not complete after 0 s; still missing:\n  - agent on n2: no pod\n  - node n3: not registered"
    )
