"""Conditions, by which every object of the Kubernetes API says how it is."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def condition(item: Object, kind: str) -> Object:
    """Return a condition of an object's status; empty when it has none of that type."""
    conditions = item.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})


def is_true(item: Object, kind: str) -> bool:
    """Tell whether a condition of an object is True."""
    return condition(item, kind).get("status") == "True"
