"""Cases of the rules about lineage; four of them are the ways by which an old cluster is passed off as a new one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from policy.strict import Answer
from policy.testing import KUBERNETES, Resource
from tests.policy.cases.case import CLUSTER, LOCAL, NOT_APPLICABLE, PASS, RELEASE, UNDETERMINED, VIOLATION, Case, one
from tests.policy.cases.waivers import waiver

HISTORY, SHAPE = "origin-agrees-with-history", "running-clusters-keep-their-shape"
BORN, RECORDED = "cluster-was-born-with-cilium", "birth-is-recorded"
NOW = datetime.now(UTC)
FACTS = {"clusterName": "prod", "origin": "new", "api": "198.51.100.200"}
CILIUM = {"chart": "cilium"}

PAST: dict[str, Any] = {
    "source": "Pulumi.prod.yaml of 2025-01-01",
    "cluster": "prod",
    "api": "198.51.100.200",
    "origin": "upgraded",
}
HISTORIES: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any], Answer], ...] = (
    ("always new", FACTS, {"history": [{**PAST, "origin": "new"}]}, PASS),
    ("one word edited", FACTS, {"history": [PAST]}, VIOLATION),
    ("another stack, the same cluster's name", FACTS, {"history": [{**PAST, "api": "192.0.2.1"}]}, VIOLATION),
    ("another name, the same API address", FACTS, {"history": [{**PAST, "cluster": "old"}]}, VIOLATION),
    ("an origin that was not said", FACTS, {"history": [{**PAST, "origin": None}]}, VIOLATION),
    ("another cluster's", FACTS, {"history": [{**PAST, "cluster": "old", "api": "192.0.2.1"}]}, PASS),
    ("cut off", FACTS, {"history": [], "complete": False}, UNDETERMINED),
    ("cut off and already wrong", FACTS, {"history": [PAST], "complete": False}, VIOLATION),
    (
        "waived",
        {**FACTS, "waivers": [waiver(rule="transition-cluster-origin", change="upgraded -> new")]},
        {"history": [PAST]},
        PASS,
    ),
    ("none given", FACTS, {}, NOT_APPLICABLE),
    ("declared old", {**FACTS, "origin": "existing"}, {"history": [PAST]}, NOT_APPLICABLE),
)

RECORD: dict[str, Any] = {
    "schema": 1,
    "cluster": "prod",
    "origin": "new",
    "cni_owner": "release",
    "routing_mode": "native",
    "pod_pools": ["10.1.0.0/16"],
    "pod_mask": 24,
    "services": "10.96.0.0/16",
    "cluster_id": 0,
    "kube_proxy_replacement": True,
    "birth": {"uid": "u-1", "created": "2026-01-01T00:00:00Z"},
}
SHAPES: tuple[tuple[str, dict[str, Any], dict[str, Any], Answer], ...] = (
    ("a further pool", {"pod_pools": ["10.1.0.0/16", "10.2.0.0/16"]}, {}, PASS),
    ("another pool", {"pod_pools": ["10.2.0.0/16"]}, {}, VIOLATION),
    ("a pool before it", {"pod_pools": ["10.2.0.0/16", "10.1.0.0/16"]}, {}, VIOLATION),
    ("another mask", {"pod_mask": 25}, {}, VIOLATION),
    ("another mask, allowed", {"pod_mask": 25}, {"rule": "transition-pod-mask", "change": "24 -> 25"}, PASS),
    (
        "another mask, another change allowed",
        {"pod_mask": 26},
        {"rule": "transition-pod-mask", "change": "24 -> 25"},
        VIOLATION,
    ),
    ("a tunnel", {"routing_mode": "tunnel"}, {}, VIOLATION),
    ("another origin", {"origin": "existing"}, {}, VIOLATION),
    ("another owner", {"cni_owner": "installer"}, {}, VIOLATION),
    ("kube-proxy back", {"kube_proxy_replacement": False}, {}, VIOLATION),
    (
        "kube-proxy back, allowed",
        {"kube_proxy_replacement": False},
        {"rule": "transition-kube-proxy-replacement", "change": "true -> false"},
        PASS,
    ),
)


NEVER = {"firstRelease": None}


def _born(**other: object) -> dict[str, Any]:
    created = (NOW - timedelta(days=400)).isoformat()
    first = (NOW - timedelta(days=400) + timedelta(hours=1)).isoformat()
    return {
        "birth": {
            "uid": "u-1",
            "created": created,
            "firstRelease": first,
            "others": [],
            "read": NOW.isoformat(),
            **other,
        }
    }


BIRTHS: tuple[tuple[str, Mapping[str, Any], Answer], ...] = (
    ("with its first release", _born(), PASS),
    ("that is new, before its first release", _born(created=(NOW - timedelta(hours=1)).isoformat(), **NEVER), PASS),
    ("that is old, before its first release", _born(**NEVER), VIOLATION),
    ("that is old, before its first release, allowed", {**_born(**NEVER), "firstReleaseHours": 99999}, PASS),
    ("with a release long after", _born(firstRelease=NOW.isoformat()), VIOLATION),
    ("with a release long after, allowed", {**_born(firstRelease=NOW.isoformat()), "firstReleaseHours": 99999}, PASS),
    ("with another plug-in", _born(others=["kube-system/calico-node"]), VIOLATION),
    ("of another cluster", _born(uid="u-2"), VIOLATION),
    ("without a uid", _born(uid=""), UNDETERMINED),
    ("read long ago", _born(read=(NOW - timedelta(days=3)).isoformat()), UNDETERMINED),
    ("that is no time", _born(created="yesterday"), UNDETERMINED),
    ("none", {}, NOT_APPLICABLE),
)

OUTPUT = {"lineage": RECORD}
KEEPER = Resource(LOCAL, {"create": "timeout 5 true", "stdout": json.dumps(RECORD)}, "lineage", above=(CLUSTER,))
STACK = "pulumi:pulumi:Stack"
SETS: tuple[tuple[str, tuple[Resource, ...], Mapping[str, Any], Answer], ...] = (
    ("kept by its resource", (KEEPER,), {}, PASS),
    ("kept by the output", (Resource(STACK, OUTPUT, "test-test"),), {}, PASS),
    ("removed", (), {}, VIOLATION),
    ("without a birth", (Resource(STACK, {"lineage": {**RECORD, "birth": {}}}, "test-test"),), {}, VIOLATION),
    (
        "that says otherwise",
        (Resource(STACK, {"lineage": {**RECORD, "origin": "upgraded"}}, "test-test"),),
        {},
        VIOLATION,
    ),
    ("redacted", (Resource(STACK, {"lineage": "[secret]"}, "test-test"),), {}, UNDETERMINED),
    (
        "imported into a new stack",
        (KEEPER,),
        {"history": [{"source": "state of old", "uid": "u-1", "origin": "upgraded"}]},
        VIOLATION,
    ),
    (
        "of another cluster",
        (KEEPER,),
        {"history": [{"source": "state of old", "uid": "u-2", "origin": "upgraded"}]},
        PASS,
    ),
)


def cases() -> Iterator[Case]:
    """Yield every case."""
    for title, facts, config, expected in HISTORIES:
        yield one(HISTORY, title, expected, Resource(CLUSTER, facts), config)
    theirs = Resource(RELEASE, CILIUM)
    yield one(HISTORY, "somebody's release, once old", VIOLATION, theirs, {"clusterOrigin": "new", "history": [PAST]})
    yield one(HISTORY, "somebody's release, always new", PASS, theirs, {"clusterOrigin": "new", "history": []})
    yield one(HISTORY, "another resource", NOT_APPLICABLE, Resource(LOCAL, {"create": "x"}), {"history": [PAST]})
    for title, change, allowed, expected in SHAPES:
        waivers = {"waivers": [waiver(**allowed)]} if allowed else {}
        now: dict[str, Any] = {**RECORD, **change}
        props = {**FACTS, "changedFrom": RECORD, "lineage": now, **waivers}
        yield one(SHAPE, title, expected, Resource(CLUSTER, props))
    yield one(SHAPE, "nothing before", NOT_APPLICABLE, Resource(CLUSTER, {**FACTS, "lineage": RECORD}))
    yield one(SHAPE, "no cluster", NOT_APPLICABLE, theirs)
    for title, config, expected in BIRTHS:
        yield one(BORN, f"a cluster {title}", expected, Resource(CLUSTER, {**FACTS, "changedFrom": RECORD}), config)
    late = {**FACTS, "waivers": [waiver(rule="first-release-too-late")]}
    yield one(
        BORN, "a cluster that is old, before its first release, waived", PASS, Resource(CLUSTER, late), _born(**NEVER)
    )
    yield one(
        BORN,
        "another cluster, waived for its age",
        VIOLATION,
        Resource(CLUSTER, {**late, "changedFrom": RECORD}),
        _born(uid="u-2"),
    )
    ended = {**FACTS, "waivers": [waiver(-1, rule="first-release-too-late")]}
    yield one(BORN, "an old cluster, once waived", VIOLATION, Resource(CLUSTER, ended), _born(**NEVER))
    yield one(BORN, "somebody's release, born with it", PASS, theirs, _born())
    yield one(
        BORN, "somebody's release, imported into an old cluster", VIOLATION, theirs, _born(firstRelease=NOW.isoformat())
    )
    yield one(BORN, "somebody's release at an update without a record", VIOLATION, theirs)
    yield one(BORN, "a release below the cluster", NOT_APPLICABLE, Resource(RELEASE, CILIUM, above=(CLUSTER,)))
    cluster = Resource(CLUSTER, FACTS, "prod")
    release = Resource(RELEASE, CILIUM, "cilium", provider=(CLUSTER, KUBERNETES))
    for title, further, config, expected in SETS:
        yield Case(RECORDED, f"a record {title}", expected, (cluster, release, *further), config)
    yield Case(RECORDED, "no Cilium", NOT_APPLICABLE, (cluster,))
    yield Case(RECORDED, "no cluster", NOT_APPLICABLE, (theirs,))
