"""Whoever removes a rule from the table, or makes it silent, turns a case red: of the corpus, or the rule's example."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.corpus import Data, Told, bad, site, told
from tests.unit.plan_sites import dev
from underlay.plan.checks import RULES
from underlay.plan.checks.registry import Example


def cases(rule: str) -> Iterator[tuple[Data, Example, Told]]:
    """Yield the cases that have to name a rule: its own example first, then those of the corpus."""
    yield dev(), RULES[rule].bad, told(dev(), RULES[rule].bad)
    for case in bad():
        if rule in {name for name, _ in case.expected}:
            yield site(case.base), case.example, told(site(case.base), case.example)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_removed_rule_is_missed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    red = list(cases(rule))
    assert all(rule in {name for name, _ in found} for _, _, found in red), f"a case does not name {rule}"
    monkeypatch.delitem(RULES, rule)
    assert all(told(base, example) != found for base, example, found in red)
