"""Policies in the program: registered in order after Cilium, their effect told at preview, refused before anything."""

from __future__ import annotations

import logging
from typing import Any

from components.refusal import SHOWN
from tests.program.recorder import Run, run
from tests.unit.plan_sites import dev, put
from tests.unit.test_policies import API, DENY, RULE, WEB
from underlay.plan.lineage import REACH

OWN = ("NetworkPolicy-underlay-web", "NetworkPolicy-underlay-api")
CLOSING = "CiliumClusterwideNetworkPolicy-underlay-default-deny"


def program(*rules: dict[str, Any], reach: dict[str, str] | None = None) -> Run:
    declared = {"workloads": [WEB, API], "rules": list(rules), "baselines": DENY}
    state = {f"urn:pulumi:dev::cilium-underlay::{REACH}": {"outputs": {"reach": reach}}} if reach else None
    return run(dev(put("policies", declared)), state=state, level=logging.INFO)


def test_what_closes_everybody_is_made_last() -> None:
    made = program(RULE)
    assert made.code == 0, made.messages
    *_, last = [one for one in made.resources if "Policy" in one.name]
    order = [one.name for one in made.resources if "NetworkPolicy" in one.name]
    assert order == [*OWN, CLOSING]
    assert any(OWN[1] in urn for urn in last.depends)
    assert {made.named(name).parent.rpartition("::")[2] for name in order} == {"policies"}


def test_policies_come_after_cilium_and_before_the_verdict() -> None:
    made = program(RULE)
    assert any(urn.endswith("::agents") for urn in made.named("policies").depends)
    assert any(CLOSING in urn for urn in made.named("datapath").depends)


def test_a_preview_tells_what_opens_and_closes() -> None:
    first = program(RULE)
    assert any("outside -> api TCP/8080: denied by default-deny" in one for one in first.messages)
    before = first.named("policies").inputs["reach"]
    assert before == {"web -> api TCP/8080": "allowed by web-to-api"}
    assert not [one for one in program(RULE, reach=before).messages if "reachability" in one]
    closed = program(reach=before).messages
    assert any("web -> api TCP/8080: denied by default-deny, leaving web; was allowed" in one for one in closed)
    gone = run(dev(), state={f"urn::{REACH}": {"outputs": {"reach": before}}}, level=logging.INFO)
    assert any("none are declared any more" in one for one in gone.messages)
    assert not gone.of("policies")


def test_an_impossible_policy_is_refused_before_anything() -> None:
    made = program({**RULE, "targets": ["apu"]})
    assert made.code == SHOWN
    assert any("policy-workload-unknown" in one for one in made.messages)
    assert not [one for one in made.resources if one.custom]
