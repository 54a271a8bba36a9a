"""A declaration with its plain mistakes put right, so that the rules can be asked in the same run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from underlay.model.mistakes import causes, meant
from underlay.model.reading import ascii_of

PLAIN = {"int_type": re.compile(r"[0-9]{1,20}"), "bool_type": re.compile(r"true|false")}
"""Texts that are numbers or truth values in quotes."""


class Unclear(Exception):
    """A mistake of which nobody can tell what was meant."""


def repaired(root: type[BaseModel], declared: object, errors: Sequence[ErrorDetails]) -> object:
    """Return the declaration as it was probably meant; Unclear where a mistake leaves that open."""
    data = deepcopy(declared)
    for item in causes(root, errors):
        _repair(root, data, item)
    return data


def _repair(root: type[BaseModel], data: Any, item: ErrorDetails) -> None:  # noqa: ANN401 - plain data of any kind
    *way, last = item["loc"] or (None,)
    if last is None:
        raise Unclear
    place = data
    for part in way:
        place = place[part]
    if item["type"] != "extra_forbidden":
        place[last] = _right(root, item)
        return
    value, likely = place.pop(last), meant(root, item)
    if likely and likely not in place:
        place[likely] = value


def _right(root: type[BaseModel], item: ErrorDetails) -> object:
    value, kind = item["input"], item["type"]
    if likely := meant(root, item):
        return likely
    if kind == "string_type" and isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, str) and kind in PLAIN and PLAIN[kind].fullmatch(value):
        return json.loads(value) if kind == "bool_type" else int(value)
    if isinstance(value, str) and not value.isascii():
        return ascii_of(value)
    raise Unclear
