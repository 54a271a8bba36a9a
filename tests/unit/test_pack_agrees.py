"""Preview and pack judge the same settings apart from each other, and never say the opposite."""

from __future__ import annotations

import pytest

from policy.rules import birth
from policy.rules.underlay import ENCAPSULATES, POLICIES
from policy.strict import Answer
from policy.testing import Resource, answer
from tests.oracle.space import SETTINGS, declare
from tests.unit.plan_sites import dev
from underlay.plan import first_release
from underlay.plan.chart.rendered import ENCAPSULATING
from underlay.plan.checks import RULES, findings
from underlay.plan.checks.examples import declared
from underlay.plan.checks.registry import Declaration

SAID = [(path, value) for path, values in SETTINGS.items() for value in values if value is not None]
OLD = {"tunnel", "enable-high-scale-ipcache"}
"""Options that today's charts do not write, so that only stacks of others have them."""
BARE = next(policy for policy in POLICIES if policy.name == "underlay-without-encapsulation")


def refused(declaration: Declaration) -> set[str]:
    """Return the rules by which the preview refuses a declaration."""
    return {finding.rule for finding in findings(declaration) if finding.severity == "error"}


def told(declaration: Declaration) -> dict[str, str]:
    """Return what the pack refuses of the release that follows from a declaration, by rule."""
    release = Resource("kubernetes:helm.sh/v3:Release", {"chart": "cilium", "values": dict(declaration.settings.final)})
    answers = {policy.name: answer(policy, release) for policy in POLICIES}
    return {name: reason for name, (found, reason) in answers.items() if found is Answer.VIOLATION}


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_pack_refuses_no_example_that_the_preview_accepts(name: str) -> None:
    assert told(declared(dev(), RULES[name].good)) == {}


@pytest.mark.parametrize(("path", "value"), SAID)
def test_the_pack_refuses_no_setting_that_the_preview_accepts(path: str, value: object) -> None:
    declaration = declare({path: value})
    assert refused(declaration) or told(declaration) == {}


def test_both_give_a_first_release_the_same_time_and_name_its_waiver_alike() -> None:
    assert (birth.FIRST_HOURS, birth.TOO_LATE) == (first_release.HOURS, first_release.TOO_LATE)


def test_both_know_the_same_options_that_encapsulate() -> None:
    assert {option.data for option, _, _ in ENCAPSULATES} - OLD == ENCAPSULATING.keys()


@pytest.mark.parametrize(("option", "value"), [(option, to) for option, many in ENCAPSULATING.items() for to in many])
def test_the_pack_refuses_what_the_preview_refuses_in_the_rendered_chart(option: str, value: str) -> None:
    data = {"routing-mode": "native", option: value}
    config = Resource("kubernetes:core/v1:ConfigMap", {"metadata": {"name": "cilium-config"}, "data": data})
    assert answer(BARE, config)[0] is Answer.VIOLATION
