"""Drift of policies: what is as declared is silent; each change by hand is named with its place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.unit.judge_site import site as dev
from underlay.collect import policies
from underlay.model import load_site
from underlay.plan.policies import policy_objects
from underlay.plan.policies.drift import changed_by_hand, differences

DECLARED = {
    "workloads": [
        {"name": "web", "namespace": "shop", "labels": {"app": "web"}, "ports": [{"port": 8080}]},
        {"name": "db", "namespace": "data", "labels": {"app": "db"}, "ports": [{"port": 5432}]},
    ],
    "rules": [
        {"name": "web-to-db", "sources": ["web"], "targets": ["db"], "ports": [{"port": 5432}]},
        {"name": "customers", "sources": ["outside"], "targets": ["web"], "ports": [{"port": 8080}]},
    ],
    "baselines": {"default_deny": {"namespaces": ["shop", "data"]}},
}
SITE = load_site({**dev().model_dump(mode="json"), "policies": DECLARED})


def there() -> list[dict[str, Any]]:
    """Return the policies as the cluster has them where nobody touched them."""
    status: dict[str, Any] = {"status": {"conditions": []}}
    return [{**deepcopy(one), **status} for one in policy_objects(SITE)]


def found(items: list[dict[str, Any]]) -> dict[str, str]:
    return {one.where: one.rule for one in changed_by_hand(SITE, items)}


def test_policies_as_declared_are_silent_and_foreign_ones_are_left_alone() -> None:
    foreign = {"kind": "NetworkPolicy", "metadata": {"name": "theirs", "namespace": "shop"}, "spec": {}}
    assert {one["kind"] for one in there()} == {
        "NetworkPolicy",
        "CiliumNetworkPolicy",
        "CiliumClusterwideNetworkPolicy",
    }
    assert found([*there(), foreign]) == {}


def test_each_removed_policy_is_missing_by_name() -> None:
    for number, one in enumerate(there()):
        left = there()
        del left[number]
        space = one["metadata"].get("namespace")
        name = f"{space}/{one['metadata']['name']}" if space else one["metadata"]["name"]
        assert found(left) == {f"{one['kind']} {name}": "policy-missing"}


def test_an_edit_is_told_with_its_place() -> None:
    items = there()
    plain = next(one for one in items if one["kind"] == "NetworkPolicy")
    plain["spec"]["ingress"][0]["ports"][0]["port"] = 1
    (finding,) = changed_by_hand(SITE, items)
    assert finding.rule == "policy-changed"
    assert finding.found == "spec.ingress.0.ports.0.port is 1, declared 5432"


def test_a_copy_with_our_labels_is_not_declared() -> None:
    copy = there()[0]
    copy["metadata"]["name"] = "by-hand"
    assert list(found([*there(), copy]).values()) == ["policy-not-declared"]


@pytest.mark.parametrize(
    ("wanted", "got", "told"),
    [
        ({"a": [1]}, {"a": [1, 2]}, ["spec.a is 2 entries, declared 1 entries"]),
        ({"a": 1}, {}, ["spec.a is nothing, declared 1"]),
        ({}, {"b": "x"}, ["spec.b is 'x', declared nothing"]),
        ({"a": {"b": True}}, None, ["spec is nothing, declared 1 entries"]),
        ({"a": 1}, {"a": 1}, []),
    ],
)
def test_differences_name_their_place(wanted: object, got: object, told: list[str]) -> None:
    assert list(differences(wanted, got, "spec")) == told


def test_a_cluster_that_does_not_answer_is_an_error() -> None:
    assert policies.look_at_policies(SITE, "no kubeconfig").error
