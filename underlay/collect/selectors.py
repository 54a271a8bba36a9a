"""Which objects a label selector of Kubernetes selects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

OPERATORS: Mapping[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
}


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Tell whether a selector selects what has these labels: none selects nothing, an empty one all.

    An operator that nobody knows counts as met: whoever reads such a selector stops there.
    """
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        OPERATORS[one["operator"]](labels.get(one["key"]), one.get("values") or ())
        for one in selector.get("matchExpressions") or ()
        if one["operator"] in OPERATORS
    )
