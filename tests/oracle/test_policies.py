"""The real agent imports every kind of policy that intents become, and refuses what our rules refuse."""

from __future__ import annotations

from typing import Any

import pytest

from lab.paths import cache
from lab.toolchain.images import CHART
from tests.oracle.policies import ask
from tests.unit.plan_sites import put, site
from tests.unit.test_policies_agree import policies
from tests.unit.test_policies_schema import ACCEPTS, OUT, READS
from underlay.chart.helm import render
from underlay.model import Site
from underlay.plan.chart.objects import configuration
from underlay.plan.policies import policy_objects
from underlay.plan.values import helm_values

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


def declared(*, proxy: bool) -> Site:
    """Return a site with requests, DNS names and all baselines, with or without the proxy that they need."""
    intent: dict[str, Any] = policies(3)
    intent["rules"] += [OUT, {**READS, "ports": [{"port": 8080}]}]
    intent["baselines"] |= {
        "host_firewall": {"accepts": ACCEPTS, "opens": ACCEPTS},
        "default_deny": {"namespaces": ["one"]},
    }
    return site(put("policies", intent), put("cilium.l7_proxy", proxy), put("cilium.host_firewall", value=True))


def told(made: Site) -> dict[str, str]:
    rendered = render(str(cache() / CHART), helm_values(made), made.cluster.kubernetes)
    return ask(policy_objects(made), configuration(rendered))


def test_the_agent_imports_every_kind_of_policy() -> None:
    made = declared(proxy=True)
    names = {one["metadata"]["name"] for one in policy_objects(made)}
    assert told(made) == dict.fromkeys(names, "")
    print(f"{len(names)} policies of {len({one['kind'] for one in policy_objects(made)})} kinds imported by the agent")


def test_without_the_proxy_the_agent_refuses_what_our_rules_refuse() -> None:
    refused = {name: why for name, why in told(declared(proxy=False)).items() if why}
    assert refused
    assert all("L7 proxy is not enabled" in why for why in refused.values()), refused
