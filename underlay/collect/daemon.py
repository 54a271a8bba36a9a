"""The agents' DaemonSet against the released one: what their containers are started with, and whether all are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from underlay.plan.chart.objects import AGENT, Object, containers

WORDS = ("image", "command", "args")
"""What is shown where it differs; values of the environment may be secrets and are not."""
SHOWN = 200
"""Characters of these."""
REFERENCES: Mapping[str, Mapping[str, str]] = {
    "fieldRef": {"apiVersion": "v1"},
    "resourceFieldRef": {"divisor": "0"},
    "configMapKeyRef": {"optional": "False"},
    "secretKeyRef": {"optional": "False"},
    "fileKeyRef": {"optional": "False"},
}
"""What the API server adds to where a variable's value comes from, or what means the same as nothing."""


def differences(released: Object, found: Object) -> Iterator[str]:
    """Yield how the containers differ in what they are started with."""
    wanted, there = dict(containers([released])), dict(containers([found]))
    for name in {**wanted, **there}:
        if name not in there:
            yield f"{name} is not there"
        elif name not in wanted:
            yield f"{name} is none of the release's"
        else:
            yield from (f"{name}: {told}" for told in _container(wanted[name], there[name]))


def unfinished(found: Object) -> Iterator[str]:
    """Yield what is left to do until each agent is of the DaemonSet's last revision."""
    status = found.get("status") or {}
    if status.get("observedGeneration") != found["metadata"].get("generation"):
        yield f"DaemonSet {AGENT}: its controller has not seen the last change"
        return
    updated, desired = (status.get(f"{name}NumberScheduled", 0) for name in ("updated", "desired"))
    if updated != desired:
        yield f"DaemonSet {AGENT}: {updated} of {desired} agents are of its last revision"


def _container(wanted: Object, found: Object) -> Iterator[str]:
    for word in WORDS:
        if (found.get(word) or None) != (wanted.get(word) or None):
            yield f"{word} is {_shown(found.get(word))}, released {_shown(wanted.get(word))}"
    there, released = _environment(found.get("env")), _environment(wanted.get("env"))
    for name in sorted({*there, *released}):
        if name not in released:
            yield f"variable {name} is added"
        elif there.get(name) != released[name]:
            yield f"variable {name} is {'changed' if name in there else 'not there'}"
    if (found.get("envFrom") or []) != (wanted.get("envFrom") or []):
        yield "envFrom is not as released"


def _environment(variables: Sequence[Object] | None) -> dict[str, Any]:
    """Return where each variable's value comes from; the last one of a name counts."""
    return {
        str(one["name"]): _reference(one.get("valueFrom")) or str(one.get("value") or "") for one in variables or ()
    }


def _reference(source: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        kind: {name: str(value) for name, value in part.items() if REFERENCES.get(kind, {}).get(name) != str(value)}
        for kind, part in (source or {}).items()
        if part is not None
    }


def _shown(value: object) -> str:
    return "nothing" if not value else repr(value)[:SHOWN]
