"""The API's account of a node, from lists as the API server returns them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from underlay.collect import kubernetes
from underlay.collect.cilium_objects import applied
from underlay.collect.kubernetes import Fetch, survey, surveyed
from underlay.judge.evidence import Survey


def pod(name: str, node: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"nodeName": node}, "status": {"phase": "Running", **status}}


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
LISTS: dict[str, list[dict[str, Any]]] = {
    "nodes": [{"metadata": {"name": "n1"}, "status": READY}, {"metadata": {"name": "n2"}, "status": {}}],
    "agents": [pod("cilium-x", "n1", **READY), pod("cilium-y", "n2")],
    "probes": [pod("p1", "n1", podIP="10.0.1.5"), pod("p2", "n2", phase="Pending")],
    "networks": [{"metadata": {"name": "n1"}, "spec": {"ipam": {"podCIDRs": ["10.0.1.0/24"]}}}],
    "sessions": [
        {
            "metadata": {"name": "n1"},
            "spec": {"bgpInstances": [{"peers": [{"name": "tor", "peerAddress": "192.0.2.1", "peerASN": 65101}]}]},
            "status": {"bgpInstances": [{"peers": [{"peerAddress": "192.0.2.1", "peeringState": "Established"}]}]},
        }
    ],
}


def test_a_node_with_everything() -> None:
    found = surveyed("n1", LISTS)
    assert (found.ready, found.agent, found.agent_ready, found.probe) == (True, "cilium-x", True, "10.0.1.5")
    assert found.pod_cidrs == ("10.0.1.0/24",)
    assert found.sessions
    assert (found.sessions[0].address, found.sessions[0].asn, found.sessions[0].state) == (
        "192.0.2.1",
        65101,
        "established",
    )


def test_a_node_with_nothing_ready() -> None:
    found = surveyed("n2", LISTS)
    assert (found.ready, found.agent_ready, found.probe, found.pod_cidrs, found.sessions) == (
        False,
        False,
        None,
        (),
        None,
    )


def test_a_node_that_nobody_declares_is_told_with_its_networks() -> None:
    assert kubernetes.undeclared(LISTS, ["n2"], []) == {"n1": ("10.0.1.0/24",)}
    assert kubernetes.undeclared(LISTS, ["n1"], []) == {}, "a node without pods is nobody's trouble"
    assert kubernetes.left(LISTS, ["n1"]) == ()
    errors: list[str] = []
    assert kubernetes.undeclared({"nodes": [{}]}, [], errors) == {}
    assert errors == ["nodes: KeyError: 'metadata'"]


STALE = {"metadata": {"name": "n9"}, "spec": {"ipam": {"podCIDRs": ["10.0.9.0/24"]}}}
NEW = {"metadata": {"name": "n9"}, "status": {}}


@pytest.mark.parametrize(
    ("then", "undeclared", "left"),
    [
        ({}, {"n9": ("10.0.9.0/24",)}, ("n9",)),
        ({"ciliumnodes": []}, {}, ()),
        ({"nodes": [NEW]}, {"n9": ("10.0.9.0/24",)}, ()),
        ({"ciliumnodes": None}, {"n9": ("10.0.9.0/24",)}, ("n9",)),
    ],
    ids=["it stays", "its node had just left", "its node had just come", "not readable again"],
)
def test_a_cilium_node_without_a_node_is_told_where_it_stays(
    monkeypatch: pytest.MonkeyPatch, then: dict[str, Any], undeclared: dict[str, Any], left: tuple[str, ...]
) -> None:
    found, reads = seen_twice(monkeypatch, {"nodes": [], "ciliumnodes": [STALE]}, then)
    assert (dict(found.undeclared), found.left, found.errors) == (undeclared, left, ())
    assert reads == 2


def test_declared_nodes_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {"nodes": [NEW], "ciliumnodes": [STALE]}
    assert seen_twice(monkeypatch, lists, {}, "n9")[1] == 1
    assert seen_twice(monkeypatch, {**lists, "nodes": []}, {}, "n9")[1] == 1, "its Node is asked by another check"


def seen_twice(
    monkeypatch: pytest.MonkeyPatch, first: dict[str, Any], then: dict[str, Any], *declared: str
) -> tuple[Survey, int]:
    """Survey a cluster whose lists differ when they are read again; return how often CiliumNodes were read too."""
    asked: list[str] = []

    def fetch(path: str) -> list[dict[str, Any]]:
        name = path.rpartition("/")[2]
        there = {**first, **then} if name in asked else first
        asked.append(name)
        if there.get(name, []) is None:
            raise kubernetes.Refused("not now")
        return list(there.get(name, []))

    monkeypatch.setattr(kubernetes, "fetcher", lambda *_: contextlib.nullcontext(fetch))
    monkeypatch.setattr(kubernetes, "LEAVING", 0.0)
    return survey("any", "underlay-probe", declared, 18.0), asked.count("ciliumnodes")


def test_a_pod_that_is_going_does_not_count() -> None:
    going = pod("old", "n1", podIP="10.0.1.9")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert surveyed("n1", LISTS | {"probes": [going]}).probe is None


def test_a_session_without_status_is_unknown() -> None:
    config = {"metadata": {"name": "n1"}, "spec": LISTS["sessions"][0]["spec"]}
    found = surveyed("n1", LISTS | {"sessions": [config]}).sessions
    assert found
    assert found[0].state == "unknown"


def test_an_unusable_kubeconfig_is_one_sentence() -> None:
    found = survey("not: a kubeconfig", "underlay-probe", ["n1"], 18.0)
    assert len(found.errors) == 1
    assert found.errors[0].startswith("Kubernetes API: ")
    assert not found.nodes["n1"].ready


def test_an_api_server_that_is_not_there_is_one_sentence() -> None:
    config = """
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
"""
    found = survey(config, "underlay-probe", ["n1"], 18.0)
    assert len(found.errors) == 1
    assert "refused" in found.errors[0]


def test_a_strange_object_is_a_sentence_and_spoils_no_other_node(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def fetcher(_: str, __: float) -> Iterator[Fetch]:
        yield lambda path: [{"metadata": {"name": "n1"}, "spec": {"ipam": 5}}] if "ciliumnodes" in path else []

    monkeypatch.setattr(kubernetes, "fetcher", fetcher)
    found = survey("any", "underlay-probe", ["n1", "n2"], 18.0)
    assert list(found.nodes) == ["n2"]
    assert found.errors == ("n1: AttributeError: 'int' object has no attribute 'get'",)


FRONT: dict[str, list[dict[str, Any]]] = {
    "services": [
        {"metadata": {"name": "front"}, "spec": {"clusterIP": "10.96.0.9"}},
        {"metadata": {"name": "underlay-probe"}, "spec": {"clusterIP": "10.96.7.7"}},
    ],
    "slices": [
        {"endpoints": [{"addresses": ["10.0.1.5"], "conditions": {"ready": True}}, {"addresses": ["10.0.2.5"]}]},
        {"endpoints": [{"addresses": ["10.0.3.5"], "conditions": {"ready": False}}]},
        {"endpoints": None},
    ],
}


def test_the_responders_service_has_the_pods_that_are_ready() -> None:
    found = kubernetes.front(FRONT, [])
    assert found
    assert (found.address, found.pods) == ("10.96.7.7", ("10.0.1.5", "10.0.2.5"))


def ready(seconds: int) -> dict[str, Any]:
    since = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return pod("p", "n1", conditions=[{"type": "Ready", "status": "True", "lastTransitionTime": since}])


def test_responders_that_come_or_go_are_told() -> None:
    going = ready(600)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    for probes, changing in (([ready(600)], False), ([ready(600), ready(5)], True), ([going], True)):
        found = kubernetes.front(FRONT | {"probes": probes}, [])
        assert found
        assert found.changing is changing


@pytest.mark.parametrize(
    ("lists", "address", "pods"),
    [
        ({}, None, None),
        ({"services": FRONT["services"][:1], "slices": []}, None, None),
        ({"services": [{"metadata": {"name": "underlay-probe"}, "spec": {}}]}, None, None),
        ({"services": FRONT["services"]}, "10.96.7.7", None),
        ({"services": FRONT["services"], "slices": []}, "10.96.7.7", ()),
    ],
)
def test_what_the_api_does_not_show_is_not_known(lists: Any, address: str | None, pods: Any) -> None:
    found = kubernetes.front(lists, [])
    assert (found.address if found else None, found.pods if found else None) == (address, pods)


@pytest.mark.parametrize(
    ("status", "port"),
    [
        ({}, None),
        ({"daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}, 10250),
        ({"daemonEndpoints": {"kubeletEndpoint": {"Port": "ssh"}}}, None),
        ({"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}}, None),
    ],
)
def test_a_node_says_where_its_kubelet_listens(status: dict[str, Any], port: int | None) -> None:
    nodes = [{"metadata": {"name": "n1"}, "status": status}]
    assert surveyed("n1", LISTS | {"nodes": nodes}).kubelet == port


def test_a_strange_service_is_a_sentence() -> None:
    errors: list[str] = []
    assert kubernetes.front({"services": FRONT["services"], "slices": [{"endpoints": 5}]}, errors) is None
    assert errors == ["service: TypeError: 'int' object is not iterable"]


OBJECTS: dict[str, list[dict[str, Any]]] = {
    "clusters": [{"metadata": {"name": "underlay-a"}, "spec": {"bgpInstances": []}}],
    "peers": [{"metadata": {"name": "underlay"}}],
    "advertisements": [],
    "pools": [],
}


def test_objects_that_a_site_applies_keep_their_kind() -> None:
    found = applied(OBJECTS, [])
    assert found
    assert [(one.kind, one.name, dict(one.spec)) for one in found] == [
        ("CiliumBGPClusterConfig", "underlay-a", {"bgpInstances": []}),
        ("CiliumBGPPeerConfig", "underlay", {}),
    ]
    errors: list[str] = []
    [labelled] = applied({"advertisements": [{"metadata": {"name": "by-hand", "labels": {"a": "b"}}}]}, [])
    assert dict(labelled.labels) == {"a": "b"}
    assert applied(OBJECTS | {"pools": [{}]}, errors) == ()
    assert errors == ["Cilium's objects: KeyError: 'metadata'"]


def test_operators_count_where_they_are_ready() -> None:
    pods = [pod("operator-a", "n1", **READY), pod("operator-b", "n2")]
    assert kubernetes.operators({"operators": pods}) == ("operator-a",)
    assert kubernetes.operators({"operators": []}) == ()
    assert kubernetes.operators({}) is None


WAITING = [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]


@pytest.mark.parametrize(
    ("seconds", "status", "counts"),
    [
        (30, {}, True),
        (300, {}, False),
        (-300, {}, False),
        (30, {"phase": "Pending"}, False),
        (30, {"containerStatuses": WAITING}, False),
    ],
    ids=["lost its lease", "not Ready for long", "a clock that is wrong", "not started", "crashes again and again"],
)
def test_an_operator_that_begins_anew_counts_for_two_minutes(
    seconds: int, status: dict[str, Any], *, counts: bool
) -> None:
    since = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    lost = {"type": "Ready", "status": "False", "lastTransitionTime": since}
    one = pod("operator-c", "n1", conditions=[lost], **{"phase": "Running", **status})
    assert kubernetes.operators({"operators": [one]}) == (("operator-c (begins anew)",) if counts else ())
