"""What Cilium says of its own objects, from lists as the API server returns them: complaints, and what only tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from underlay.collect.cilium_objects import full, troubles

Data = dict[str, Any]


def one(name: str, *conditions: Data) -> Data:
    return {"metadata": {"name": name}, "status": {"conditions": [*conditions]}}


def said(kind: str, status: str, message: str = "", seconds: int = 3600) -> Data:
    since = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": f"cilium.io/{kind}", "status": status, "message": message, "lastTransitionTime": since}


COUNTS = (said("IPsTotal", "Unknown", "254"), said("IPsAvailable", "Unknown", "253"), said("IPsUsed", "Unknown", "1"))
"""What the operator says of each pool that is well."""


@pytest.mark.parametrize(
    ("list_name", "kind", "condition"),
    [
        ("clusters", "CiliumBGPClusterConfig", "NoMatchingNode"),
        ("clusters", "CiliumBGPClusterConfig", "MissingPeerConfigs"),
        ("clusters", "CiliumBGPClusterConfig", "ConflictingClusterConfig"),
        ("peers", "CiliumBGPPeerConfig", "MissingAuthSecret"),
        ("sessions", "CiliumBGPNodeConfig", "BGPReconcileError"),
        ("pools", "CiliumLoadBalancerIPPool", "PoolConflict"),
    ],
)
def test_each_kind_complains_in_its_own_way(list_name: str, kind: str, condition: str) -> None:
    found = troubles({list_name: [one("x", *COUNTS, said(condition, "True", "a: no\nb: no\n"))]})
    assert [(item.kind, item.name, item.condition, item.message, item.young) for item in found] == [
        (kind, "x", condition, "a: no b: no", False)
    ]
    assert troubles({list_name: [one("x", said(condition, "False"))]}) == ()


@pytest.mark.parametrize("status", ["Unknown", "True"])
def test_what_only_tells_is_no_complaint(status: str) -> None:
    counts = [{**count, "status": status} for count in COUNTS]
    lists = {name: [one("x", *counts, said("Ready", status))] for name in ("clusters", "peers", "sessions", "pools")}
    assert troubles(lists) == ()
    assert troubles({"pools": [{"metadata": {"name": "new"}}]}) == ()


@pytest.mark.parametrize(
    ("kind", "seconds", "young"),
    [("BGPReconcileError", 5, True), ("BGPReconcileError", 60, False), ("BGPReconcileError", -600, False)],
    ids=["it tries again", "it has tried", "a clock that is wrong"],
)
def test_an_agent_has_time_to_try_again(kind: str, seconds: int, *, young: bool) -> None:
    assert [item.young for item in troubles({"sessions": [one("n1", said(kind, "True", "no", seconds))]})] == [young]
    assert not troubles({"pools": [one("x", said("PoolConflict", "True", "no", seconds))]})[0].young


def test_a_pool_without_an_address_left_says_so() -> None:
    assert full({"pools": [one("a", *COUNTS), one("b", said("IPsAvailable", "Unknown", "0")), one("c")]}) == ("b",)
    assert full({}) == ()
