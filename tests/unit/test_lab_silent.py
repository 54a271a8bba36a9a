"""The table of silent errors: each known one once, refused by the rule that it names, its damage seen in one place."""

from __future__ import annotations

import pytest

from lab.paths import repo
from tests.lab.silent import acts, measures, steps
from tests.lab.silent.table import Case, cases, groups, past_the_rules, rows, together
from tests.oracle.space import declare
from underlay.plan.checks import findings
from underlay.plan.prerequisites import KEPT
from underlay.plan.prerequisites import RULES as NODE_RULES

KNOWN = [f"S{number}" for number in range(1, 27)]
REFUSED = [case for case in cases() if case.bad and case.rule not in NODE_RULES]


def test_every_known_error_has_a_row() -> None:
    assert [row.id for row in rows()] == KNOWN
    ids = [case.id for case in cases()]
    assert len({*ids}) == len(ids)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_the_rule_refuses_the_bad_example(case: Case) -> None:
    assert case.rule in {finding.rule for finding in findings(declare(case.bad))}


def test_cases_without_an_example_are_nodes_own() -> None:
    assert {case.rule for case in cases() if not case.bad} <= {*NODE_RULES, *KEPT, "session-ends"}


def test_every_damage_has_its_measure_and_every_step_its_group() -> None:
    for case in cases():
        assert not case.measure or hasattr(measures, case.measure) or hasattr(acts, case.measure), case.id
    assert {*steps.BEFORE, *steps.AFTER} <= groups().keys()
    files = {case.elsewhere.partition(" ")[0].rstrip(",") for case in cases() if case.elsewhere}
    assert [name for name in files if not (repo() / name).exists()] == []


def test_what_a_person_adds_reaches_helm_past_the_rules() -> None:
    values = past_the_rules(together(groups()["routes"]))
    assert values["bgpControlPlane"]["enabled"] is False
    assert values["autoDirectNodeRoutes"] is True
    assert past_the_rules({})["bgpControlPlane"]["enabled"] is True
