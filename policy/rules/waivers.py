"""Waivers that a cluster component carries: dated exceptions to single rules, shown at every run until they end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from pulumi_policy import EnforcementLevel, PolicyConfigSchema, ResourceValidationArgs, Severity

from ..marks import shown
from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, violation

CLUSTER = "underlay:cluster:Cluster"
REQUIRED = ("rule", "reason", "allowed_by", "until")
OPTIONAL = ("change",)
LONGEST_DAYS = 400
"""A waiver of more than a year is a decision that belongs into the rules."""

DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]00:00:00(Z|\+00:00| \+0000 UTC)?)?")
"""YYYY-MM-DD; the engine makes a midnight of a date that is written without quotes."""

IN_FORCE = About(
    name="waivers-in-force",
    description="Every waiver in force is shown at every run.",
    remediation="Remove the cause, then the waiver.",
    severity=Severity.MEDIUM,
    level=EnforcementLevel.ADVISORY,
)
COMPLETE = About(
    name="waivers-are-complete",
    description="A waiver names its rule, its reason, who allows it, and its last day.",
    remediation=f"Give each waiver {', '.join(REQUIRED)} (and `change`, where it allows one change), all as texts; "
    "`until` is the last day, as YYYY-MM-DD.",
    severity=Severity.HIGH,
    config=PolicyConfigSchema(
        properties={"longestDays": {"type": "integer", "minimum": 1, "default": LONGEST_DAYS}},
    ),
)


def today() -> date:
    """Return the day by which waivers are judged."""
    return datetime.now(UTC).date()


def in_force(props: Mapping[str, Any], day: date) -> dict[str, str]:
    """Return each waived rule with what people read of its waiver; one that is not complete waives nothing."""
    waivers = [waiver for waiver in props.get("waivers") or [] if not any(_lacks(waiver))]
    return {
        waiver["rule"]: f"{shown(waiver['rule'])} is waived until {until}: {shown(waiver['reason'])} "
        f"(allowed by {shown(waiver['allowed_by'])})"
        for waiver in waivers
        if (until := last_day(waiver["until"])) and day <= until
    }


def allowed_changes(props: Mapping[str, Any], day: date) -> dict[str, set[str]]:
    """Return each waived rule with the changes that its waivers allow; an empty one for a waiver that names none."""
    waivers = [waiver for waiver in props.get("waivers") or [] if not any(_lacks(waiver))]
    found: dict[str, set[str]] = {}
    for waiver in waivers:
        until = last_day(waiver["until"])
        if until and day <= until:
            found.setdefault(waiver["rule"], set()).add(str(waiver.get("change") or ""))
    return found


def last_day(text: object) -> date | None:
    """Return the day that a text names; None when it names none."""
    found = DAY.fullmatch(text) if isinstance(text, str) else None
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def show(args: ResourceValidationArgs) -> Judgement:
    """Report what is waived; the level of this policy makes it a warning."""
    if args.resource_type != CLUSTER:
        return not_applicable("no cluster component")
    found = in_force(args.props, today()).values()
    return violation("; ".join(found)) if found else PASSED


def are_complete(args: ResourceValidationArgs) -> Judgement:
    """Judge every waiver of a cluster component, ended ones too."""
    if args.resource_type != CLUSTER:
        return not_applicable("no cluster component")
    days = int(args.get_config().get("longestDays") or LONGEST_DAYS)
    wrong = [
        f"waivers.{index}: {problem}"
        for index, waiver in enumerate(args.props.get("waivers") or [])
        for problem in (*_lacks(waiver), *_lasts(waiver, days))
    ]
    return violation(f"{'; '.join(wrong)}. {COMPLETE.remediation}") if wrong else PASSED


def _lacks(waiver: object) -> Iterator[str]:
    """Yield what is wrong with the form of a waiver."""
    if not isinstance(waiver, Mapping):
        yield "is no mapping"
        return
    for key in (*REQUIRED, *(key for key in OPTIONAL if waiver.get(key) is not None)):
        value = waiver.get(key)
        if not isinstance(value, str) or not value.strip():
            yield f"`{key}` is missing or no text"
    for key in waiver:
        if key not in (*REQUIRED, *OPTIONAL):
            yield f"`{shown(key)}` is not a key of a waiver"
    if isinstance(waiver.get("until"), str) and not last_day(waiver["until"]):
        yield "`until` is no day"


def _lasts(waiver: object, days: int) -> Iterator[str]:
    until = last_day(waiver.get("until")) if isinstance(waiver, Mapping) else None
    if until and (until - today()).days > days:
        yield f"`until` is more than {days} days away"


POLICIES = [resource_policy(IN_FORCE, show), resource_policy(COMPLETE, are_complete)]
