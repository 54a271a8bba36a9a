"""Whatever rule a declaration breaks, the program ends with one readable message, and policies have seen its facts."""

from __future__ import annotations

import pytest

from components.refusal import SHOWN
from tests.program.recorder import run
from tests.unit.plan_sites import dev
from underlay.plan.checks import RULES
from underlay.plan.checks.examples import HOST_KEYS, changed, declared
from underlay.plan.checks.registry import Example
from underlay.plan.lineage import CLUSTER
from underlay.plan.waivers import STRUCTURE

ERRORS = sorted(name for name, rule in RULES.items() if rule.severity == "error")
CLOSED = RULES["policy-cuts-off-bgp"]
"""Its example looks for the routers' addresses, whatever else is wrong with them."""


def _told(*examples: Example) -> str:
    """Run the program on a declaration with the changes of these examples, and return its only refusal."""
    example = {path: to for one in examples for path, to in one.items()}
    keys = dict(declared(dev(), example).host_keys)
    made = run(
        changed(dev(), {path: to for path, to in example.items() if not path.startswith(HOST_KEYS)}), hostKeys=keys
    )
    [refusal] = [text for text in made.messages if text.startswith("error: ")]
    assert made.code == SHOWN
    assert [one.kind for one in made.resources] == [CLUSTER]
    return refusal


@pytest.mark.parametrize("name", ERRORS)
def test_a_broken_rule_ends_the_program_with_one_message(name: str) -> None:
    assert f"[{name}] " in _told(RULES[name].bad)


@pytest.mark.parametrize("name", sorted(STRUCTURE))
def test_rules_are_asked_although_nothing_follows_from_the_site(name: str) -> None:
    refusal = _told(RULES[name].bad, CLOSED.bad)
    assert f"[{name}] " in refusal
    assert f"[{CLOSED.name}] " in refusal
