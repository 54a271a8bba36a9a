"""Waivers: dated exceptions to single rules, declared in the stack file, shown at every run until they end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from underlay.finding import LONGEST, Finding, Refused, printable
from underlay.model import Model
from underlay.model.mistakes import Part, mistakes
from underlay.model.plain import require_plain
from underlay.plan.checks import RULES
from underlay.plan.checks.transitions import CHANGES, LIVE
from underlay.plan.first_release import RULES as CLUSTER_RULES
from underlay.plan.prerequisites import RULES as NODE_RULES
from underlay.plan.routers import RULES as ROUTER_RULES

LATER = {**NODE_RULES, **ROUTER_RULES, **CLUSTER_RULES}
"""Rules that only a machine's or the cluster's answer can break, when the declaration is applied there."""
STRUCTURE = frozenset(
    {
        "control-plane-size",
        "host-key-missing",
        "name-not-unique",
        "node-address-outside-rack",
        "rack-unknown",
        "router-management-missing",
        "router-unknown",
        "service-range-size",
        "uplink-address-missing",
        "uplink-address-outside-rack",
        "uplink-missing",
    }
)
"""Rules that cannot be waived: without them nothing follows from the site, or nobody knows which machine answers, or by
which address."""

EXPECTED = {
    "missing": "a value",
    "extra_forbidden": "one of rule, reason, allowed_by, until, change",
    "string_type": "a text",
    "string_pattern_mismatch": "a text that is not empty",
    "model_type": "a mapping with rule, reason, allowed_by and until",
    "list_type": "a list of waivers",
}
"""What a malformed waiver should have had, by pydantic's kind of error; other kinds say it themselves."""
PART = Part("waivers", "waiver-malformed", words=EXPECTED)
DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]00:00:00(Z|\+00:00| \+0000 UTC)?)?")
"""YYYY-MM-DD; the engine makes a midnight of a date that is written without quotes."""


def _day(value: object) -> date:
    found = DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise ValueError("the last day, as YYYY-MM-DD") from None


Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[str, Field(pattern=r"\S")]


class Waiver(Model):
    """One exception: the rule, why it may be broken, who allows it, and the last day on which it may."""

    rule: str
    reason: Text
    allowed_by: Text
    """Who answers for the exception: a person, a group, the number of an approval."""
    until: Day
    change: Text | None = None
    """For rules about change only: the change as the finding prints it, `old -> new`."""

    def excuses(self, finding: Finding) -> bool:
        """Tell whether this waiver is about a finding: its rule, and the very change where the rule is about one."""
        change = finding.found if self.rule in CHANGES else None
        return self.rule == finding.rule and self.rule not in STRUCTURE and self.change == change

    def __str__(self) -> str:
        """Return the waiver as people read it."""
        return f"until {self.until} by {self.allowed_by} ({self.reason})"


@dataclass(frozen=True)
class Verdict:
    """What is refused, and what has to be said although it is not refused."""

    refused: Sequence[Finding]
    warnings: Sequence[str]


def load_waivers(declared: object) -> tuple[Waiver, ...]:
    """Return the waivers of a stack file; Refused lists every mistake in them."""
    require_plain(declared, PART.place, PART.rule)
    try:
        return tuple(TypeAdapter(list[Waiver]).validate_python(declared))
    except ValidationError as error:
        raise Refused(mistakes(Waiver, error.errors(), PART)) from None


def judge(findings: Iterable[Finding], waivers: Sequence[Waiver], today: date) -> Verdict:
    """Separate what a waiver in force excuses from what is refused; what two find alike is told once."""
    found = list(dict.fromkeys(findings))
    holding = [waiver for waiver in waivers if today <= waiver.until]
    excused = {finding: waiver for finding in found for waiver in holding if waiver.excuses(finding)}
    warnings = [f"waived {waiver}: {finding}" for finding, waiver in excused.items()]
    warnings += [text for waiver in holding if waiver not in excused.values() for text in _idle(waiver, found)]
    warnings += [f"the waiver of {item.rule} ended on {item.until}" for item in waivers if today > item.until]
    warnings += [str(finding) for finding in found if finding.severity == "warning" and finding not in excused]
    kept = [finding for finding in found if finding not in excused and finding.severity == "error"]
    return Verdict([*kept, *_impossible(waivers)], [printable(warning, most=4 * LONGEST) for warning in warnings])


def in_force(waivers: Iterable[Waiver], today: date) -> dict[str, str]:
    """Return the reasons of the waivers that hold today, by rule; nodes excuse by them what they find."""
    return {waiver.rule: waiver.reason for waiver in waivers if today <= waiver.until}


def of_nodes(waivers: Iterable[Waiver]) -> list[dict[str, str]]:
    """Return the waivers of what nodes find as plain data, ended ones too: whoever reads them knows the day."""
    return [waiver.model_dump(mode="json", exclude_none=True) for waiver in waivers if waiver.rule in NODE_RULES]


def changes(rule: str, waivers: Sequence[Waiver], today: date) -> list[str]:
    """Return the changes by a rule that are allowed today, for those who learn of the change later."""
    return [waiver.change for waiver in waivers if waiver.rule == rule and waiver.change and today <= waiver.until]


def _idle(waiver: Waiver, found: Sequence[Finding]) -> Iterator[str]:
    """Say why a waiver in force excuses nothing; what only cluster or node knows is not known yet."""
    texts = [finding.found for finding in found if finding.rule == waiver.rule]
    if not texts and waiver.rule not in {*LIVE, *LATER}:
        yield f"the waiver of {waiver.rule} is not needed: nothing breaks that rule"
    elif texts and waiver.change:
        yield f"the waiver of {waiver.rule} is for the change `{waiver.change}`; found `{', '.join(texts)}`"


def _impossible(waivers: Sequence[Waiver]) -> Iterator[Finding]:
    for index, waiver in enumerate(waivers):
        about_change = waiver.rule in CHANGES
        if not about_change and (waiver.rule not in {**RULES, **LATER} or waiver.rule in STRUCTURE):
            expected = "the name of a rule that can be waived"
            yield Finding("waiver-not-possible", f"waivers.{index}.rule", waiver.rule, expected)
        elif about_change and not waiver.change:
            expected = "the change that is allowed, `old -> new` as the finding of that rule prints it"
            yield Finding("waiver-without-change", f"waivers.{index}.change", "nothing", expected)
        elif waiver.change and not about_change:
            expected = f"no change, because {waiver.rule} is not about one"
            yield Finding("waiver-with-change", f"waivers.{index}.change", waiver.change, expected)
