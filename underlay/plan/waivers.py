"""Waivers: dated exceptions to single rules, declared in the stack file, shown at every run until they end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from underlay.finding import Finding, Refused
from underlay.model import Model
from underlay.plan.checks import RULES
from underlay.plan.prerequisites import RULES as NODE_RULES

STRUCTURE = frozenset(
    {
        "control-plane-size",
        "host-key-missing",
        "name-not-unique",
        "rack-unknown",
        "router-management-missing",
        "router-unknown",
        "uplink-missing",
    }
)
"""Rules that cannot be waived: without them nothing follows from the site, or nobody knows which machine answers."""


DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]00:00:00(Z|\+00:00| \+0000 UTC)?)?")
"""YYYY-MM-DD; the engine makes a midnight of a date that is written without quotes."""


def _day(value: object) -> date:
    found = DAY.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError("the last day, as YYYY-MM-DD")
    return date.fromisoformat(found[1])


Day = Annotated[date, BeforeValidator(_day)]


class Waiver(Model):
    """One exception: the rule, why it may be broken, and the last day on which it may."""

    rule: str
    reason: Annotated[str, Field(pattern=r"\S")]
    until: Day


@dataclass(frozen=True)
class Verdict:
    """What is refused, and what has to be said although it is not refused."""

    refused: Sequence[Finding]
    warnings: Sequence[str]


def load_waivers(declared: object) -> tuple[Waiver, ...]:
    """Return the waivers of a stack file; Refused lists every mistake in them."""
    try:
        return tuple(TypeAdapter(list[Waiver]).validate_python(declared))
    except ValidationError as error:
        raise Refused([_malformed(item) for item in error.errors()]) from None


def judge(findings: Iterable[Finding], waivers: Sequence[Waiver], today: date) -> Verdict:
    """Separate what a waiver in force excuses from what is refused."""
    found = list(findings)
    in_force = {waiver.rule: waiver for waiver in waivers if today <= waiver.until}
    excused = [finding for finding in found if finding.rule in in_force and finding.rule not in STRUCTURE]
    warnings = [f"waived until {in_force[item.rule].until} ({in_force[item.rule].reason}): {item}" for item in excused]
    broken = {finding.rule for finding in found}
    warnings += [
        f"the waiver of {rule} is not needed: nothing breaks that rule"
        for rule in in_force
        if rule not in broken and rule not in NODE_RULES
    ]
    warnings += [f"the waiver of {item.rule} ended on {item.until}" for item in waivers if today > item.until]
    warnings += [str(finding) for finding in found if finding.severity == "warning" and finding not in excused]
    kept = [finding for finding in found if finding not in excused and finding.severity == "error"]
    return Verdict([*kept, *_impossible(waivers)], warnings)


def in_force(waivers: Iterable[Waiver], today: date) -> dict[str, str]:
    """Return the reasons of the waivers that hold today, by rule; nodes excuse by them what they find."""
    return {waiver.rule: waiver.reason for waiver in waivers if today <= waiver.until}


def _impossible(waivers: Sequence[Waiver]) -> list[Finding]:
    expected = "the name of a rule that can be waived"
    return [
        Finding("waiver-not-possible", f"waivers.{index}.rule", waiver.rule, expected)
        for index, waiver in enumerate(waivers)
        if waiver.rule not in {**RULES, **NODE_RULES} or waiver.rule in STRUCTURE
    ]


def _malformed(item: ErrorDetails) -> Finding:
    where = ".".join(str(part) for part in ("waivers", *item["loc"]))
    return Finding("waiver-malformed", where, repr(item["input"])[:120], item["msg"].removeprefix("Value error, "))
