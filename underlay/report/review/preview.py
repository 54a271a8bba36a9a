"""What the engine tells of a preview: its steps with old and new state, its messages, and what policies said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SIGNATURE, UNKNOWN = "4dabf18193072939515e22adb298388d", "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The key by which the engine marks a secret, and the text that stands for a value not known yet."""
SECRET = "(secret)"  # noqa: S105 - what is shown in place of one
COLOUR = re.compile(r"<\{%[^%]*%\}>|\x1b\[[0-9;]*m")
SAME = "same"
Object = Mapping[str, Any]


class Unreadable(ValueError):
    """The text is no preview; it says what was expected."""


@dataclass(frozen=True)
class Step:
    """What becomes of one resource; no value in it is secret."""

    op: str
    urn: str
    kind: str
    old: Object | None
    """Its former inputs; None where it is new."""
    new: Object | None
    """Its inputs to come; None where it goes."""
    changed: tuple[str, ...] = ()
    """Paths of the inputs that differ, as the engine names them."""

    @property
    def name(self) -> str:
        """Return the resource's name."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Told:
    """A message of the program or the engine."""

    severity: str
    text: str


@dataclass(frozen=True)
class Policy:
    """A policy's word about one resource."""

    name: str
    level: str
    resource: str
    text: str


@dataclass
class Preview:
    """Everything that was told."""

    steps: list[Step] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    judged: bool = False
    """Whether a policy pack has told anything, be it only that all is well."""
    complete: bool = False
    """Whether the engine came to its end."""


def read_preview(*texts: str) -> Preview:
    """Return what some files tell together: streams of events, event logs, or the digest of an older engine."""
    found = Preview()
    for text in texts:
        for event in _events(text):
            _take(found, event)
    found.steps = list({(step.urn, step.op): step for step in found.steps}.values())
    found.told = list(dict.fromkeys(found.told))
    found.policies = list(dict.fromkeys(found.policies))
    if not found.steps and not found.told:
        raise Unreadable("no event of a preview is in it; make it by `pulumi preview --json > FILE`")
    return found


def _events(text: str) -> Iterator[Object]:
    """Yield events: each line is one, or the whole text is one digest."""
    lines = [line for line in text.splitlines() if line.startswith("{")]
    parsed = [one for line in lines if isinstance(one := _json(line), dict)]
    if parsed:
        yield from parsed
    elif isinstance(whole := _json(text[text.find("{") :] if "{" in text else ""), dict):
        yield whole


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _take(found: Preview, event: Object) -> None:
    for step in event.get("steps") or ():
        found.steps.append(_digest_step(step))
        found.complete = True
    if metadata := (event.get("resourcePreEvent") or {}).get("metadata"):
        found.steps.append(_step(metadata))
    notes = [*(event.get("diagnostics") or ()), *([event["diagnosticEvent"]] if "diagnosticEvent" in event else [])]
    found.told += [_told(note) for note in notes if note.get("severity") in {"warning", "error", "info#err"}]
    if policy := event.get("policyEvent"):
        found.policies.append(_policy(policy))
    found.judged |= any(key.startswith("policy") for key in event)
    found.complete |= "summaryEvent" in event


def _step(metadata: Object) -> Step:
    changed = metadata.get("detailedDiff") or metadata.get("diffs") or metadata.get("keys") or ()
    old, new = (_inputs(metadata.get(side)) for side in ("old", "new"))
    return Step(str(metadata.get("op")), str(metadata.get("urn")), str(metadata.get("type")), old, new, tuple(changed))


def _digest_step(step: Object) -> Step:
    old, new = (step.get(side) or {} for side in ("oldState", "newState"))
    changed = tuple(step.get("detailedDiff") or step.get("diffReasons") or ())
    kind = str(new.get("type") or old.get("type") or "")
    return Step(
        str(step.get("op")), str(step.get("urn")), kind, _inputs(old or None), _inputs(new or None), tuple(changed)
    )


def _inputs(state: Object | None) -> Object | None:
    return None if state is None else without_secrets(state.get("inputs") or {})


def without_secrets(value: Any) -> Any:  # noqa: ANN401 - a property is of any type
    """Return a value with a word in place of everything that the engine marks as secret."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return SECRET
        return {key: without_secrets(below) for key, below in value.items()}
    return [without_secrets(below) for below in value] if isinstance(value, list) else value


def _told(note: Object) -> Told:
    severity = str(note.get("severity"))
    return Told("error" if severity == "info#err" else severity, COLOUR.sub("", str(note.get("message") or "")).strip())


def _policy(event: Object) -> Policy:
    text = COLOUR.sub("", str(event.get("message") or "")).strip()
    name = str(event.get("resourceUrn") or "").rpartition("::")[2]
    return Policy(str(event.get("policyName")), str(event.get("enforcementLevel")), name, text)


def of_kind(steps: Iterable[Step], kind: str, name: str = "") -> Sequence[Step]:
    """Return the steps of a type whose name starts with a text."""
    return [step for step in steps if step.kind == kind and step.name.startswith(name)]
