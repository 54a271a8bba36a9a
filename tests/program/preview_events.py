"""A preview as the engine tells it, made from two runs of the program: one for what was applied, one for what is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.program.recorder import SIGNATURE, Resource, Run

SECRET_MARK = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's own constant
"""The value by which the engine marks a secret."""
NO_INPUTS: dict[str, Any] = {}


def events(before: Run | None, after: Run) -> str:
    """Return the stream of a preview."""
    old = {one.urn: one for one in before.resources} if before else {}
    new = {one.urn: one for one in after.resources}
    gone = [] if after.code else old  # a program that ends early lets the engine plan no deletion
    made = [_event(urn, old.get(urn), new.get(urn)) for urn in dict.fromkeys([*new, *gone])]
    made += [_diagnostic(text) for text in after.messages]
    made.append({"summaryEvent": {"resourceChanges": {}}})
    return "\n".join(json.dumps({"sequence": number, **event}) for number, event in enumerate(made))


def _event(urn: str, old: Resource | None, new: Resource | None) -> dict[str, Any]:
    differs = sorted(_changed(old, new))
    op = "create" if old is None else "delete" if new is None else "update" if differs else "same"
    kind = next(one.kind for one in (new, old) if one)
    changed = {key: {"kind": "update"} for key in differs} if op == "update" else None
    metadata = {
        "op": op,
        "urn": urn,
        "type": kind,
        "old": _state(old),
        "new": _state(new),
        "detailedDiff": changed,
    }
    return {"resourcePreEvent": {"metadata": metadata, "planning": True}}


def _changed(old: Resource | None, new: Resource | None) -> Iterator[str]:
    was, will = (one.inputs if one else NO_INPUTS for one in (old, new))
    yield from (key for key in {*was, *will} if was.get(key) != will.get(key))


def _state(one: Resource | None) -> dict[str, Any] | None:
    return {"inputs": blinded(one.inputs)} if one else None


def blinded(value: Any) -> Any:
    """Return inputs as the engine tells them: every secret's text is another one."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            return {SIGNATURE: SECRET_MARK, "ciphertext": "[secret]"}
        return {key: blinded(below) for key, below in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)  # the engine writes whole numbers without a point
    return [blinded(below) for below in value] if isinstance(value, list) else value


def _diagnostic(text: str) -> dict[str, Any]:
    severity, _, message = text.partition(": ")
    return {"diagnosticEvent": {"severity": severity, "message": f"<{{%reset%}}>{message}<{{%reset%}}>\n"}}
