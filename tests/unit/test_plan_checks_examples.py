"""Every rule has an example that breaks it and nothing else, and the same declaration put right."""

from __future__ import annotations

import pytest

from tests.unit.plan_sites import dev
from underlay.plan.checks import RULES, findings
from underlay.plan.checks.examples import declared
from underlay.plan.checks.registry import Example


def told(example: Example, name: str) -> set[str]:
    """Return the rules that an example breaks; what other rules warn of does not count: every rack has its limits."""
    found = findings(declared(dev(), example))
    return {finding.rule for finding in found if finding.severity == "error" or finding.rule == name}


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_bad_example_breaks_its_rule_alone(name: str) -> None:
    assert RULES[name].bad, f"{name} has no bad example"
    assert told(RULES[name].bad, name) == {name}


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_good_example_breaks_none(name: str) -> None:
    assert RULES[name].good, f"{name} has no good example"
    assert told(RULES[name].good, name) == set()


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_says_why_it_exists(name: str) -> None:
    assert RULES[name].reason.endswith("."), f"the check of {name} has no docstring"
