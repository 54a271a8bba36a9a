"""Intrusion detection in the program: what the capture point cannot see is told, a broken rule stops everything."""

from __future__ import annotations

import logging
from typing import Any

from components.refusal import SHOWN
from tests.program.recorder import Run, run
from tests.unit.plan_sites import dev, put
from underlay.plan.checks.intrusion import BASE, GOOD_RULE


def program(**keys: Any) -> Run:
    return run(dev(put("intrusion_detection", {**BASE, **keys})), level=logging.INFO)


def test_the_engine_comes_after_cilium_and_before_the_verdict() -> None:
    made = program()
    assert made.code == 0, made.messages
    detection = made.named("detection")
    assert any(urn.endswith("::agents") for urn in detection.depends)
    assert any("DaemonSet::underlay-ids" in urn for urn in made.named("datapath").depends)
    (daemons,) = [one for one in made.of("kubernetes:apps/v1:DaemonSet") if one.name == "underlay-ids"]
    assert daemons.inputs["spec"]["template"]["spec"]["hostNetwork"] is True


def test_a_preview_tells_what_the_capture_point_cannot_see() -> None:
    made = program()
    assert any("cannot see packets between pods of one node" in one for one in made.messages)
    assert made.named("detection").inputs["capture"] == "uplink"
    assert any("pods of one node" in spot for spot in made.named("detection").inputs["cannotSee"])
    assert not any("cannot see packets between" in one for one in program(capture="pod-links").messages)


def test_a_broken_rule_is_refused_before_anything() -> None:
    made = program(rules=[GOOD_RULE.removesuffix(")")])
    assert made.code == SHOWN
    assert any("intrusion-rule-malformed" in one for one in made.messages)
    assert not [one for one in made.resources if one.custom]


def test_a_site_without_an_engine_gets_none() -> None:
    made = run(dev(), level=logging.INFO)
    assert not [one for one in made.resources if "underlay-ids" in one.name or one.name == "detection"]
    assert not [one for one in made.messages if "intrusion" in one]
