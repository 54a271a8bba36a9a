"""Every rule against its cases, and every rule mutated: a rule that is emptied, inverted or downgraded is noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, Policy, ReportViolation, Severity

from policy.pack import POLICIES
from policy.strict import Answer
from policy.testing import answer
from tests.policy.cases import CASES, Case

RULES = {policy.name: policy for policy in POLICIES}
ADVISORY = {"waivers-in-force", "images-are-pinned-by-digest"}
Validate = Callable[[Any, ReportViolation], None]


def failures(policies: dict[str, Policy], cases: list[Case]) -> list[str]:
    """Return what is wrong with some rules: cases that are answered otherwise, and levels that are not theirs."""
    wrong = []
    for case in cases:
        found, reason = answer(policies[case.rule], *case.resources, config=case.config)
        if found is not case.expected:
            wrong.append(f"{case.rule}: {case.title}: {found.value}, expected {case.expected.value}: {reason}")
    for name, policy in policies.items():
        expected = EnforcementLevel.ADVISORY if name in ADVISORY else EnforcementLevel.MANDATORY
        if policy.enforcement_level is not expected:
            wrong.append(f"{name}: level {policy.enforcement_level}, expected {expected}")
    return wrong


def test_every_rule_answers_its_cases() -> None:
    assert failures(RULES, CASES) == []


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_clean_and_violating_cases_and_a_description(name: str) -> None:
    answers = {case.expected for case in CASES if case.rule == name}
    assert {Answer.PASS, Answer.VIOLATION} <= answers
    policy = RULES[name]
    assert isinstance(policy.severity, Severity)
    assert all((policy.description, policy.remediation_steps, policy.url, policy.tags))


def _emptied(_policy: Policy) -> Validate:
    return lambda _args, _report: None


def _inverted(policy: Any) -> Validate:
    judge = _same(policy)

    def validate(args: Any, report: ReportViolation) -> None:
        told: list[str] = []

        def keep(text: str, _urn: str | None = None) -> None:
            told.append(text)

        judge(args, keep)
        if not told:
            report("inverted", None)

    return validate


def _same(policy: Any) -> Validate:
    validate: Validate = policy.validate
    return validate


MUTATIONS: dict[str, tuple[Callable[[Policy], Validate], EnforcementLevel | None]] = {
    "emptied": (_emptied, None),
    "inverted": (_inverted, None),
    "downgraded": (_same, EnforcementLevel.ADVISORY),
    "disabled": (_same, EnforcementLevel.DISABLED),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", RULES)
def test_a_mutated_rule_is_noticed(name: str, mutation: str) -> None:
    policy = RULES[name]
    mutate, level = MUTATIONS[mutation]
    if level is policy.enforcement_level:
        level = EnforcementLevel.DISABLED
    kind: Any = type(policy)
    mutant = kind(
        name=name,
        description=policy.description,
        validate=mutate(policy),
        enforcement_level=level or policy.enforcement_level,
    )
    assert failures({name: mutant}, [case for case in CASES if case.rule == name])
