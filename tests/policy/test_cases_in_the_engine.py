"""The cases of all rules put to the real engine, as saved states: its policy events are compared with what is expected.

A saved state holds no unknown values, so cases of those are left to the previews. A few runs suffice: cases that share
their configuration share a state.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pulumi_policy import StackValidationPolicy

from policy.pack import POLICIES
from policy.strict import UNDETERMINED_MARK, Answer
from policy.testing import UNKNOWN, Resource, state
from tests.policy.cases import CASES, Case
from tests.policy.engine import PACK, Engine, Outcome, needs_engine

pytestmark = [pytest.mark.engine, needs_engine]

STACKS = {policy.name for policy in POLICIES if isinstance(policy, StackValidationPolicy)}
KNOWN = [case for case in CASES if UNKNOWN not in json.dumps([dict(one.props) for one in case.resources])]
SINGLE = [case for case in KNOWN if case.rule not in STACKS]
WHOLE = [case for case in KNOWN if case.rule in STACKS][::3]
"""Each stack is a run of its own, so every third has to do here; the unit tests judge all."""


def layers(cases: list[Case]) -> list[list[Case]]:
    """Return the cases in groups in which each rule has one configuration only."""
    made: list[dict[str, Any]] = []
    groups: list[list[Case]] = []
    for case in cases:
        for config, group in zip(made, groups, strict=True):
            if config.setdefault(case.rule, case.config) == case.config:
                group.append(case)
                break
        else:
            made.append({case.rule: case.config})
            groups.append([case])
    return groups


def told(outcome: Outcome, rule: str, resource: Resource | None) -> Answer | None:
    """Return what the engine told of a rule; None where it told nothing."""
    found = [
        message
        for (level, policy, urn), message in zip(outcome.events, outcome.messages, strict=True)
        if policy == rule and level in {"mandatory", "advisory"} and (resource is None or urn == resource.urn)
    ]
    if not found:
        return None
    return Answer.UNDETERMINED if any(f"\n{UNDETERMINED_MARK}" in text for text in found) else Answer.VIOLATION


def expected(case: Case) -> Answer | None:
    """Return what the engine has to tell."""
    return case.expected if case.expected in (Answer.VIOLATION, Answer.UNDETERMINED) else None


def test_cases_of_single_resources(tmp_path: Path) -> None:
    engine, wrong, judged = Engine(tmp_path), [], 0
    for group in layers(SINGLE):
        named = [replace(case.resources[0], name=f"case-{number}") for number, case in enumerate(group)]
        config = {case.rule: dict(case.config) for case in group if case.config}
        outcome = engine.analyze(state(named), PACK, config)
        for case, resource in zip(group, named, strict=True):
            judged += 1
            if (found := told(outcome, case.rule, resource)) is not expected(case):
                wrong.append(f"{case.rule}: {case.title}: {found}, expected {case.expected}")
    print(f"{judged} cases of {len({case.rule for case in SINGLE})} rules in {len(layers(SINGLE))} runs of the engine")
    assert wrong == []
    assert judged >= 60


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: f"{case.rule}: {case.title}")
def test_cases_of_whole_stacks(case: Case, tmp_path: Path) -> None:
    config = {case.rule: dict(case.config)} if case.config else None
    outcome = Engine(tmp_path).analyze(state(case.resources), PACK, config)
    assert told(outcome, case.rule, None) is expected(case), outcome.text
