"""Cilium's own objects against the planned ones, and its operator: what somebody changes by hand is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_site import expected, healthy, site
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Check, Status
from underlay.plan.bgp import objects

Objects = list[dict[str, Any]]
KINDS = sorted({one["kind"] for one in objects(site())})


def told(
    there: Objects | None, working: list[str] | None = None, unread: str = "", troubles: Objects | None = None
) -> dict[str, Check]:
    survey: dict[str, Any] = {"objects": there or [], "operators": ["operator-x"] if working is None else working}
    survey["troubles"] = troubles or []
    survey["kinds"] = [] if there is None else [kind for kind in KINDS if kind != unread]
    evidence = healthy()
    evidence["survey"] |= survey
    checks = judge(expected(), Evidence.model_validate(evidence), objects=objects(site())).checks
    return {check.rule: check for check in checks if check.rule in ("objects-applied", "operator-ready")}


def applied() -> Objects:
    """Return the objects as the API server has them, with a default that it adds itself."""
    there: Objects = healthy()["survey"]["objects"]
    of("CiliumBGPPeerConfig", there)["spec"] |= {"transport": {"peerPort": 179}, "ebgpMultihop": 1}
    of("CiliumLoadBalancerIPPool", there)["spec"]["disabled"] = False
    return there


def of(kind: str, there: Objects) -> dict[str, Any]:
    return next(one for one in there if one["kind"] == kind)


def test_what_is_there_as_planned_is_green() -> None:
    found = told(applied())
    assert {check.status for check in found.values()} == {Status.PASS}
    assert found["objects-applied"].found == f"{len(objects(site()))} as planned"


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_that_is_gone_is_named(kind: str) -> None:
    there = applied()
    there.remove(gone := of(kind, there))
    found = told(there)["objects-applied"]
    assert found.status is Status.FAIL
    assert found.found == f"{kind} {gone['name']} is not there"
    assert "pulumi up --refresh" in found.fix


EDITS: dict[str, tuple[str, Callable[[dict[str, Any]], Any], str]] = {
    "value": (
        "CiliumBGPPeerConfig",
        lambda spec: spec["timers"].update(holdTimeSeconds=30),
        "timers.holdTimeSeconds is 30, planned 9",
    ),
    "value-gone": (
        "CiliumBGPPeerConfig",
        lambda spec: spec.pop("authSecretRef"),
        "authSecretRef is nothing, planned underlay-bgp",
    ),
    "entry-gone": (
        "CiliumLoadBalancerIPPool",
        lambda spec: spec["blocks"].clear(),
        "blocks is 0 entries, planned 1 entries",
    ),
    "in-a-list": (
        "CiliumBGPClusterConfig",
        lambda spec: spec["bgpInstances"][0].update(localASN=65011),
        "bgpInstances.0.localASN is 65011, planned 65010",
    ),
    "services-confined": (
        "CiliumLoadBalancerIPPool",
        lambda spec: spec.update(serviceSelector={"matchLabels": {"nobody": "has"}}),
        "serviceSelector is 1 entries, planned nothing",
    ),
    "pool-shut": (
        "CiliumLoadBalancerIPPool",
        lambda spec: spec.update(disabled=True),
        "disabled is True, planned nothing",
    ),
    "label-more": (
        "CiliumBGPAdvertisement",
        lambda spec: spec["advertisements"][1].setdefault("selector", {}).update(matchLabels={"nobody": "has"}),
        "advertisements.1.selector.matchLabels is 1 entries, planned nothing",
    ),
    "another-kind": (
        "CiliumBGPAdvertisement",
        lambda spec: spec.update(advertisements="none"),
        "advertisements is none, planned 2 entries",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_named_with_its_place(edit: str) -> None:
    kind, change, text = EDITS[edit]
    there = applied()
    change(of(kind, there)["spec"])
    found = told(there)["objects-applied"]
    assert found.status is Status.FAIL
    assert found.found == f"{kind} {of(kind, there)['name']}: {text}"


def test_a_planned_object_that_complains_is_red_and_somebody_else_s_is_not() -> None:
    kind = "CiliumBGPClusterConfig"
    name = of(kind, applied())["name"]
    trouble = {
        "kind": kind,
        "name": name,
        "condition": "ConflictingClusterConfig",
        "message": "also selected by theirs",
    }
    found = told(applied(), troubles=[trouble])["objects-applied"]
    assert found.status is Status.FAIL
    assert found.found == f"{kind} {name} says ConflictingClusterConfig: also selected by theirs"
    assert told(applied(), troubles=[{**trouble, "name": "theirs"}])["objects-applied"].status is Status.PASS


BY_HAND: dict[str, tuple[dict[str, Any], str]] = {
    "override": (
        {
            "kind": "CiliumBGPNodeConfigOverride",
            "name": "worker-1",
            "spec": {
                "bgpInstances": [
                    {
                        "name": "underlay",
                        "routerID": "192.0.2.7",
                        "localASN": 65099,
                        "localPort": 1790,
                        "peers": [{"name": "tor-a", "localAddress": "172.30.9.9"}],
                    }
                ]
            },
        },
        (
            "CiliumBGPNodeConfigOverride worker-1, which is not planned, gives the node "
            "router id 192.0.2.7, AS 65099, listening port 1790, address 172.30.9.9 towards tor-a"
        ),
    ),
    "advertisement": (
        {"kind": "CiliumBGPAdvertisement", "name": "by-hand", "spec": {}, "labels": {"underlay/advertises": "pods"}},
        "CiliumBGPAdvertisement by-hand, which is not planned, has the labels by which the nodes pick what they tell",
    ),
}
HARMLESS: dict[str, dict[str, Any]] = {
    "a-node-that-is-not-ours": {**BY_HAND["override"][0], "name": "worker-9"},
    "an-instance-that-is-not-ours": {
        **BY_HAND["override"][0],
        "spec": {"bgpInstances": [{"name": "theirs", "localASN": 65099}]},
    },
    "an-override-of-nothing": {**BY_HAND["override"][0], "spec": {"bgpInstances": [{"name": "underlay"}]}},
    "labels-that-nobody-picks": {**BY_HAND["advertisement"][0], "labels": {"underlay/advertises": "else"}},
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_further_object_that_reaches_our_sessions_is_named(name: str) -> None:
    item, sentence = BY_HAND[name]
    found = told([*applied(), item])["objects-applied"]
    assert (found.status, found.found) == (Status.FAIL, sentence)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_further_object_that_reaches_none_is_somebody_else_s(name: str) -> None:
    assert told([*applied(), HARMLESS[name]])["objects-applied"].status is Status.PASS


@pytest.mark.parametrize(
    ("kind", "name", "condition"),
    [
        ("CiliumLoadBalancerIPPool", "underlay", "PoolConflict"),
        ("CiliumBGPNodeConfig", "worker-1", "BGPReconcileError"),
    ],
)
def test_a_pool_and_a_declared_node_s_configuration_complain_too(kind: str, name: str, condition: str) -> None:
    trouble = {"kind": kind, "name": name, "condition": condition, "message": "why"}
    found = told(applied(), troubles=[trouble])["objects-applied"]
    assert (found.status, found.found) == (Status.FAIL, f"{kind} {name} says {condition}: why")
    assert told(applied(), troubles=[{**trouble, "name": "worker-9"}])["objects-applied"].status is Status.PASS
    assert told(applied(), troubles=[{**trouble, "young": True}])["objects-applied"].status is Status.PASS


@pytest.mark.parametrize(
    ("kind", "name", "proven"),
    [
        ("CiliumLoadBalancerIPPool", "theirs", False),
        ("CiliumBGPNodeConfig", "worker-2", False),
        ("CiliumBGPNodeConfig", "worker-1", True),
        ("CiliumBGPPeerConfig", "underlay", True),
    ],
)
def test_a_session_that_is_down_proves_complaints_about_it_alone(kind: str, name: str, *, proven: bool) -> None:
    evidence = healthy()
    sessions = evidence["routers"]["tor-a"]["sessions"]
    peers = expected().router("tor-a").sessions
    next(one for one, peer in zip(sessions, peers, strict=True) if peer.peer == "worker-1")["state"] = "active"
    evidence["survey"]["troubles"] = [{"kind": kind, "name": name, "condition": "Complaint", "message": "why"}]
    found = judge(expected(), Evidence.model_validate(evidence))
    assert ("bgp-object" in [cause.rule for cause in found.causes]) is proven
    assert any(f"{kind} {name}: Complaint: why" in note for note in found.notes) is not proven


def test_a_planned_pool_without_an_address_left_is_told_and_not_red() -> None:
    evidence = healthy()
    evidence["survey"]["full"] = ["theirs", "underlay"]
    found = judge(expected(), Evidence.model_validate(evidence), objects=objects(site()))
    assert found.status is Status.PASS
    [note] = found.notes
    assert note.startswith("CiliumLoadBalancerIPPool underlay has no address left: the next service that needs one")


def test_objects_that_nobody_read_are_no_pass() -> None:
    found = told(None)["objects-applied"]
    assert (found.status, found.fix) == (Status.ERROR, "Look at what the kubeconfig may read.")


def test_a_kind_that_was_not_read_hides_no_other() -> None:
    there = applied()
    of("CiliumBGPPeerConfig", there)["spec"]["timers"]["holdTimeSeconds"] = 30
    unread = "CiliumLoadBalancerIPPool"
    assert told(there, unread=unread)["objects-applied"].status is Status.FAIL
    assert told(applied(), unread=unread)["objects-applied"].found == f"{unread} was not read"


def test_a_cluster_without_a_working_operator_is_red() -> None:
    found = told(applied(), [])["operator-ready"]
    assert (found.status, found.found) == (Status.FAIL, "at work: none")


def test_nothing_is_said_where_nothing_was_asked() -> None:
    evidence = healthy()
    evidence["survey"] |= {"objects": [], "operators": None}
    checks = judge(expected(), Evidence.model_validate(evidence)).checks
    assert not {check.rule for check in checks} & {"objects-applied", "operator-ready"}
