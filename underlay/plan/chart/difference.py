"""The difference between two states of the release as people read it: what changes, and what it does to traffic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from underlay.plan.chart.effects import EFFECTS
from underlay.plan.chart.objects import AGENT, Object, configuration, containers, named
from underlay.plan.chart.workloads import AROUND, IMAGE, RESTART, TEMPLATE, VOLATILE, WATCHED, Summary, told

REPLACED = "replaces the programs of every link"
VERSION = "Cilium, version"
ITEM = re.compile(r"template\.spec\.(?:volumes\[[^]]+\]|\w+\[[^]]+\](?:\.(?:ports|volumeMounts|env)\[[^]]+\])?)")
"""A volume, a container, or a port, mount or variable of a container."""


@dataclass(frozen=True)
class Change:
    """One change of the release."""

    what: str
    """Where: the agents' option, a container's image, a part of the DaemonSet, an object."""
    before: str | None
    after: str | None
    effects: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line, as in `routing-mode: tunnel -> native: restarts all agents, disrupts pod traffic`."""
        said = f"{self.what}: {_said(self.before)} -> {_said(self.after)}"
        return f"{said}: {', '.join(self.effects)}" if self.effects else said

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return asdict(self)


def differences(before: Sequence[Object], after: Sequence[Object], *, running: bool = False) -> list[Change]:
    """Return every change between two states, each a list of Kubernetes objects.

    `running`: the state before comes from a cluster, which adds defaults; only what is rendered is compared then.
    """
    if not configuration(before):
        return [Change("Cilium", None, "installed")]
    changes = [*option_changes(configuration(before), configuration(after)), *_images(before, after)]
    changes += _agents(before, after, running=running)
    return changes if running else [*changes, *_objects(before, after)]


def option_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Return the changes of the agents' options, each with what it does to a running cluster."""
    changed = sorted(option for option in {*before, *after} if before.get(option) != after.get(option))
    return [
        Change(option, before.get(option), after.get(option), tuple(filter(None, (RESTART, EFFECTS.get(option)))))
        for option in changed
    ]


def release_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return the changes between two states of a release: its version, its agents' options, its workloads."""
    was, will = before.get("version"), after.get("version")
    version = [Change(VERSION, was and str(was), will and str(will), (RESTART, REPLACED))] if was != will else []
    found = [*version, *option_changes(before.get("options") or {}, after.get("options") or {})]
    old, new = (state.get("workloads") or {} for state in (before, after))
    return [*found, *(_workloads(old, new, explained=bool(found)) if old and new else ())]


def _workloads(before: Summary, after: Summary, *, explained: bool) -> Iterator[Change]:
    """Yield what changes of the workloads; containers with one image share its change.

    Pods that differ in nothing that is told restart all the same, as they do for another option or version.
    """
    for title in (title for title in WATCHED if title in before or title in after):
        if not (title in before and title in after):
            yield Change(title, "there" if title in before else None, "added" if title in after else None)
            continue
        old, new = before[title], after[title]
        found = dict.fromkeys(_parts(title, old, new))
        yield from found
        if old.get(TEMPLATE) != new.get(TEMPLATE) and not found and not explained:
            yield Change(f"{title}, {TEMPLATE}", "as applied", told(new.get(TEMPLATE)), (WATCHED[title],))


def _parts(title: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for part in sorted({*old, *new} - {TEMPLATE}):
        if old.get(part) != new.get(part):
            was, will = told(old.get(part)), told(new.get(part))
            image = part.endswith(f", {IMAGE}") and None not in (was, will)
            what = f"image of {title}" if image else f"{title}, {part}"
            effects = () if part in AROUND else (WATCHED[title],)
            yield Change(what, was, f"{will}, others" if was == will else will, effects)


def _images(before: Sequence[Object], after: Sequence[Object]) -> Iterator[Change]:
    """Yield each image that changes, once for each workload."""
    old, new = (
        {where: str(container.get("image")) for where, container in containers(objects)} for objects in (before, after)
    )
    pairs = {
        (where.partition(", ")[0], old[where], new[where]) for where in {*old} & {*new} if old[where] != new[where]
    }
    for workload, was, will in sorted(pairs):
        yield Change(f"image of {workload}", was, will, (RESTART,) if workload == f"DaemonSet {AGENT}" else ())


def _agents(before: Sequence[Object], after: Sequence[Object], *, running: bool) -> Iterator[Change]:
    """Yield what changes in the agents' DaemonSet beside images; an item that comes or goes is one change."""
    old, new = (dict(_flat(named(one, "DaemonSet", AGENT).get("spec", {}))) for one in (before, after))
    compared = {*new} if running else {*old, *new}
    for path in sorted(path for path in compared if old.get(path) != new.get(path)):
        if path.endswith((".image", *VOLATILE)):
            continue
        item = ITEM.match(path)
        whole = item[0] if item else path
        effects = () if path.startswith(AROUND) else (RESTART,)
        gone, comes = (not any(one.startswith(whole) for one in state) for state in (new, old))
        if not (gone or comes):
            yield Change(f"DaemonSet {AGENT}, {path}", old.get(path), new.get(path), effects)
        elif path == min(one for one in (old if gone else new) if one.startswith(whole)):
            yield Change(f"DaemonSet {AGENT}, {whole}", "there" if gone else None, None if gone else "added", effects)


def _objects(before: Sequence[Object], after: Sequence[Object]) -> Iterator[Change]:
    old, new = ({_key(one) for one in objects} for objects in (before, after))
    for key in sorted(new - old):
        yield Change(key, None, "created")
    for key in sorted(old - new):
        yield Change(key, "exists", None)


def _key(one: Object) -> str:
    return f"{one.get('kind')} {one.get('metadata', {}).get('name')}"


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each value with its path; items with a name are found by it, wherever they stand."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _flat(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            name = below.get("name", index) if isinstance(below, Mapping) else index
            yield from _flat(below, f"{path}[{name}]")
    else:
        yield path, str(value)


def _said(value: str | None) -> str:
    return "nothing" if value is None else value or "empty"
