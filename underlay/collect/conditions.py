"""Conditions, by which every object of the Kubernetes API says how it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]
SKEW = timedelta(seconds=30)
"""By how much clocks may differ."""


def condition(item: Object, kind: str) -> Object:
    """Return a condition of an object's status; empty when it has none of that type."""
    conditions = item.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})


def is_true(item: Object, kind: str) -> bool:
    """Tell whether a condition of an object is True."""
    return condition(item, kind).get("status") == "True"


def is_young(found: Object, within: timedelta) -> bool:
    """Tell whether a condition became what it is within some time; one that does not say when is old."""
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(str(found.get("lastTransitionTime", "")))
    except (ValueError, TypeError):
        return False
    return -SKEW < age < within
