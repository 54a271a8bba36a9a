"""Cases of the two rules about waivers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from policy.rules.waivers import today
from policy.testing import Resource
from tests.policy.cases.case import CLUSTER, NOT_APPLICABLE, PASS, RELEASE, VIOLATION, Case, one

COMPLETE, IN_FORCE = "waivers-are-complete", "waivers-in-force"


def waiver(days: int = 30, **other: Any) -> dict[str, Any]:
    """Return a complete waiver that ends in so many days, with these keys changed; None removes one."""
    until = (today() + timedelta(days=days)).isoformat()
    made = {"rule": "some-rule", "reason": "a trial", "allowed_by": "network team", "until": until, **other}
    return {key: value for key, value in made.items() if value is not None}


WRONG: dict[str, Any] = {
    "without a rule": waiver(rule=None),
    "without a reason": waiver(reason=None),
    "with an empty reason": waiver(reason=" "),
    "that nobody allowed": waiver(allowed_by=None),
    "without a day": waiver(until=None),
    "with a number for a day": waiver(until=20990101),
    "with a day that is none": waiver(until="2099-02-31"),
    "with more than a day": waiver(until="2099-01-011"),
    "with a change that is no text": waiver(change=5),
    "with an unknown key": waiver(because="x"),
    "for ever": waiver(days=500),
    "that is a word": "some-rule",
}


def cases() -> Iterator[Case]:
    """Yield every case."""
    for title, wrong in WRONG.items():
        yield one(COMPLETE, f"a waiver {title}", VIOLATION, Resource(CLUSTER, {"waivers": [waiver(), wrong]}))
    for title, props in {"none": {}, "one": {"waivers": [waiver()]}, "an old one": {"waivers": [waiver(-5)]}}.items():
        yield one(COMPLETE, title, PASS, Resource(CLUSTER, props))
    with_change = Resource(CLUSTER, {"waivers": [waiver(change="podPool: 10.1.0.0/16 -> 10.2.0.0/16")]})
    yield one(COMPLETE, "one with its change", PASS, with_change)
    yield one(COMPLETE, "a shorter limit", VIOLATION, Resource(CLUSTER, {"waivers": [waiver(30)]}), {"longestDays": 7})
    yield one(COMPLETE, "a release", NOT_APPLICABLE, Resource(RELEASE, {"chart": "cilium"}))
    yield one(IN_FORCE, "a waiver in force", VIOLATION, Resource(CLUSTER, {"waivers": [waiver(0)]}))
    yield one(IN_FORCE, "a waiver that ended", PASS, Resource(CLUSTER, {"waivers": [waiver(-1)]}))
    yield one(IN_FORCE, "a waiver that is not complete", PASS, Resource(CLUSTER, {"waivers": [waiver(reason=" ")]}))
    yield one(IN_FORCE, "a release", NOT_APPLICABLE, Resource(RELEASE, {"chart": "cilium"}))
