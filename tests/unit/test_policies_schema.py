"""What Cilium's own schemas say of the objects that intents become."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest

from tests.unit.crd_schema import problems, schema
from tests.unit.plan_sites import put, site
from tests.unit.test_policies_agree import policies
from underlay.plan.policies import policy_objects

PLURALS = {
    "CiliumNetworkPolicy": "ciliumnetworkpolicies",
    "CiliumClusterwideNetworkPolicy": "ciliumclusterwidenetworkpolicies",
}
OUT = {"name": "out", "sources": ["a"], "target_names": ["*.example.com", "api.example.com"], "ports": [{"port": 443}]}
READS = {"name": "reads", "sources": ["outside"], "targets": ["a", "b"], "http": [{"method": "GET", "path": "/i/.*"}]}
ACCEPTS = [{"networks": ["192.168.250.0/24"], "ports": [{"port": 22}, {"port": 6443}]}]


def objects(seed: int) -> list[dict[str, Any]]:
    """Return the objects of a random intent with requests, names and all baselines."""
    declared = policies(seed)
    declared["rules"] += [OUT, {**READS, "ports": [{"port": 8080}]}]
    declared["baselines"]["host_firewall"] = {"accepts": ACCEPTS, "opens": ACCEPTS}
    return policy_objects(site(put("policies", declared)))


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    found = {kind: schema(plural) for kind, plural in PLURALS.items()}
    if not all(found.values()):
        pytest.skip("the cache holds no module of Cilium")
    return found


def test_cilium_s_schemas_take_every_object(schemas: dict[str, Any]) -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        for item in objects(seed):
            if item["kind"] in schemas:
                assert list(problems(item["spec"], schemas[item["kind"]])) == []
                seen[item["kind"]] += 1
    assert min(seen[kind] for kind in PLURALS) > 20, seen


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("egress.0.toPorts.0.ports.0.port", "http:80"),
        ("egress.0.toPorts.0.ports.0.protocol", "QUIC"),
        ("egress.0.toPorts.0.ports", [{"port": "80", "protocol": "TCP"}] * 41),
        ("egress.0.toPort", []),
        ("endpointSelector.matchLabels.app", "a b"),
        ("egress.0.toFQDNs", [{"matchName": "a b"}]),
    ],
)
def test_the_reader_of_schemas_sees_what_is_wrong(schemas: dict[str, Any], path: str, value: object) -> None:
    found = next(one for one in objects(1) if one["kind"] == "CiliumNetworkPolicy" and one["spec"].get("egress"))
    place = spec = copy.deepcopy(found["spec"])
    *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
    for word in way:
        place = place[word]
    place[last] = value
    assert list(problems(spec, schemas["CiliumNetworkPolicy"])) != []
