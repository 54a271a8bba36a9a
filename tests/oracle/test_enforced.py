"""The real agent, without Envoy, opens the addresses of the names that a rule has, and no others."""

from __future__ import annotations

import pytest

from lab.paths import cache
from lab.toolchain.images import CHART
from tests.oracle.enforced import ASKER, NAMES, OUTSIDE, PODS, ask
from tests.unit.plan_sites import put, site
from underlay.chart.helm import render
from underlay.plan.chart.objects import configuration
from underlay.plan.policies import policy_objects
from underlay.plan.policies.enforcement import enforcement
from underlay.plan.values import helm_values

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ALLOWED, OTHER = NAMES
SPACE, LABELS = PODS[ASKER]
INTENT = {
    "workloads": [{"name": "watch", "namespace": SPACE, "labels": LABELS}],
    "rules": [{"name": "names", "sources": ["watch"], "target_names": [ALLOWED], "ports": [{"port": 9}]}],
    "baselines": {"default_deny": {"namespaces": [SPACE]}},
}


def test_names_open_what_they_resolve_to_and_nothing_else() -> None:
    made = site(put("policies", INTENT), put("cilium.dns_proxy", value=True))
    declared = enforcement(made)
    assert declared
    rendered = render(str(cache() / CHART), helm_values(made), made.cluster.kubernetes)
    told = ask(policy_objects(made), dict(configuration(rendered)))
    assert told["before"] == ["silent", "silent"]
    assert told["names"] == {name: [address] for name, address in NAMES.items()}
    assert told["after"] == ["refused", "silent"]
    assert told["dropped"] == [[OUTSIDE[1], "Policy denied"]]
    assert sorted(told["facts"]["policies"]) == sorted(declared.names)
    enabled = {pod["namespace"]: pod["enabled"] for pod in told["facts"]["pods"]}
    assert enabled == {SPACE: "both", "kube-system": "none"}
    print(f"{ALLOWED} passes once it was asked for, {OTHER} is answered and its address dropped by policy")
