"""Whoever makes a rule silent turns a case red: of the corpus, or the rule's own example."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.unit.corpus import bad, site
from tests.unit.plan_sites import dev
from underlay.plan.checks import RULES, Declaration, findings
from underlay.plan.checks.examples import declared

MOST = 2
"""Cases of the corpus that are tried for each rule."""


def cases(rule: str) -> Iterator[Declaration]:
    """Yield declarations that have to name a rule: its own example first, then those of the corpus."""
    yield declared(dev(), RULES[rule].bad)
    named = [case for case in bad() if rule in {name for name, _ in case.expected}]
    for case in named[:MOST]:
        yield declared(site(case.base), case.example)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_silent_rule_is_missed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    red = [(case, findings(case)) for case in cases(rule)]
    assert all(rule in {finding.rule for finding in found} for _, found in red), f"a case does not name {rule}"
    monkeypatch.setitem(RULES, rule, replace(RULES[rule], check=lambda _: iter(())))
    for case, found in red:
        left = findings(case)
        assert rule not in {finding.rule for finding in left}
        assert left == [finding for finding in found if finding.rule != rule], "others depend on it"
