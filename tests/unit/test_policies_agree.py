"""The matrix and the objects are two answers to one question: over random intents they never differ."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from tests.unit.plan_sites import put, site
from tests.unit.policy_semantics import Pod, passes, probes
from underlay.plan.policies import matrix, policy_objects
from underlay.plan.policies.intent import CLUSTER_DNS

NAMES = ("a", "b", "c", "d", "e", "f")
SITES = 150


def workload(chance: random.Random, name: str) -> dict[str, Any]:
    labels = {"app": chance.choice(NAMES)}
    if chance.random() < 0.4:
        labels["tier"] = chance.choice(("front", "back"))
    ports = [{"port": port} for port in chance.sample((80, 443, 8080), chance.randint(0, 2))]
    return {"name": name, "namespace": chance.choice(("one", "two")), "labels": labels, "ports": ports}


def rule(chance: random.Random, number: int) -> dict[str, Any]:
    first = chance.choice((80, 443, 8080))
    ports = {"port": first, **({"last": first + 10} if chance.random() < 0.2 else {})}
    return {
        "name": f"r{number}",
        "sources": chance.sample((*NAMES, "pods", "nodes"), chance.randint(1, 2)),
        "targets": chance.sample(NAMES, chance.randint(1, 2)),
        "ports": [ports],
        "http": [{"method": "GET"}] if chance.random() < 0.2 else [],
    }


def policies(seed: int) -> dict[str, Any]:
    chance = random.Random(seed)
    dns = {"name": "kube", "namespace": "kube-system", "labels": dict(CLUSTER_DNS.labels), "ports": [{"port": 53}]}
    deny = {"namespaces": chance.sample(("one", "two"), chance.randint(1, 2)), "dns": chance.random() < 0.7}
    return {
        "workloads": [*(workload(chance, name) for name in NAMES), *([dns] if chance.random() < 0.5 else [])],
        "rules": [rule(chance, number) for number in range(chance.randint(0, 5))],
        "baselines": {"default_deny": deny if chance.random() < 0.6 else None, "blocked": ["169.254.169.254"]},
    }


@pytest.mark.parametrize("start", range(0, SITES, 50))
def test_every_cell_is_what_the_objects_do(start: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(start, start + 50):
        declared = site(put("policies", policies(seed)))
        assert declared.policies
        objects = [one for one in policy_objects(declared) if one["metadata"]["name"] != "underlay-blocked"]
        pods = {one.name: Pod(one.namespace, one.labels) for one in declared.policies.workloads}
        for cell in matrix(declared.policies):
            if "outside" in (cell.source, cell.target):
                continue
            for protocol, port in probes(cell.port):
                found = passes(objects, pods[cell.source], pods[cell.target], protocol, port)
                assert found == cell.verdict, (seed, str(cell), port)
            seen[cell.verdict] += 1
    assert min(seen["allowed"], seen["partly"], seen["denied"]) > 20, seen
