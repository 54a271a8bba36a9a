"""Waivers that a cluster component carries: dated exceptions to single rules, shown at every run until they end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from pulumi_policy import EnforcementLevel, ResourceValidationArgs, Severity

from ..strict import PASSED, About, Judgement, not_applicable, resource_policy, violation

CLUSTER = "underlay:cluster:Cluster"

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
    """Return each waived rule with what people read of its waiver."""
    waivers = [dict(waiver) for waiver in props.get("waivers") or []]
    return {
        str(waiver["rule"]): f"{waiver['rule']} is waived until {waiver['until']}: {waiver['reason']}"
        for waiver in waivers
        if day <= date.fromisoformat(str(waiver["until"])[:10])
    }


def show(args: ResourceValidationArgs) -> Judgement:
    """Report what is waived; the level of this policy makes it a warning."""
    if args.resource_type != CLUSTER:
        return not_applicable("no cluster component")
    texts = in_force(args.props, today()).values()
    return violation("; ".join(texts)) if texts else PASSED


POLICIES = [resource_policy(ABOUT, show)]
