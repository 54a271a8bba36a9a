"""Waivers that a cluster component carries: dated exceptions to single rules, shown at every run until they end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, violation

CLUSTER = "underlay:cluster:Cluster"

DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]00:00:00(Z|\+00:00| \+0000 UTC)?)?")
"""YYYY-MM-DD; the engine makes a midnight of a date that is written without quotes."""

ABOUT = About(
    name="waivers-in-force",
    description="Every waiver in force is shown at every run.",
    remediation="Remove the cause, then the waiver.",
    severity=Severity.MEDIUM,
    level=EnforcementLevel.ADVISORY,
)


def today() -> date:
    """Return the day by which waivers are judged."""
    return datetime.now(UTC).date()


def in_force(props: Mapping[str, Any], day: date) -> dict[str, str]:
    """Return each waived rule with what people read of its waiver; one without a reason or a day waives nothing."""
    waivers = [dict(waiver) for waiver in props.get("waivers") or []]
    return {
        str(waiver.get("rule")): f"{waiver.get('rule')} is waived until {until}: {waiver['reason']}"
        for waiver in waivers
        if (until := last_day(waiver.get("until"))) and day <= until and str(waiver.get("reason") or "").strip()
    }


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
    texts = in_force(args.props, today()).values()
    return violation("; ".join(texts)) if texts else PASSED


POLICIES = [resource_policy(ABOUT, show)]
