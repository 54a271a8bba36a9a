"""What has to be made, in which order, and how long it will take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path

from lab.toolchain import machine
from lab.toolchain.adopt import adopt
from lab.toolchain.part import Part, is_current, read_stamp
from lab.toolchain.process import StepError


@dataclass(frozen=True)
class Plan:
    """The parts to make, each after what it needs, and the keys they will bear."""

    parts: tuple[Part, ...]
    keys: Mapping[str, str]

    @property
    def seconds(self) -> int:
        """Return how long it takes: the longest chain, or all of the work that goes one at a time."""
        names = {part.name for part in self.parts}
        ends: dict[str, int] = {}
        for part in self.parts:
            ends[part.name] = part.seconds + max((ends[need] for need in part.needs if need in names), default=0)
        lanes = [sum(part.seconds for part in self.parts if part.lane == lane) for lane in ("compile", "fetch")]
        return max([*ends.values(), *lanes], default=0)


def keys_of(parts: Mapping[str, Part]) -> dict[str, str]:
    """Return every part's key; each stands on the keys of what it needs."""
    keys: dict[str, str] = {}
    for name in TopologicalSorter({name: part.needs for name, part in parts.items()}).static_order():
        keys[name] = parts[name].key(keys)
    return keys


def make_plan(parts: Mapping[str, Part], cache: Path, only: Iterable[str] = ()) -> Plan:
    """Return what is missing of the wanted parts; what only serves to make others is made only for them."""
    keys = keys_of(parts)
    wanted = _known(parts, only) or {name for name, part in parts.items() if not part.transient}
    missing: dict[str, Part] = {}
    queue = list(wanted)
    while queue:
        name = queue.pop()
        if name in missing or _settled(cache, parts[name], keys[name]):
            continue
        missing[name] = _as_found(parts[name])
        queue.extend(missing[name].needs)
    needs = {name: [need for need in part.needs if need in missing] for name, part in missing.items()}
    order = {name: number for number, name in enumerate(parts)}
    return Plan(tuple(missing[name] for name in _ordered(needs, order)), keys)


def state_of(cache: Path, part: Part, key: str) -> str:
    """Return one word: ready, stale (made by another recipe) or missing."""
    if is_current(cache, part, key):
        return "ready"
    return "stale" if read_stamp(cache, part) else "missing"


def _settled(cache: Path, part: Part, key: str) -> bool:
    """Say whether a part can stay: current, and the official one where the person asks for that."""
    if not is_current(cache, part, key):
        return False
    asked = part.probe is not None and machine.stated(part.probe)
    stamp = read_stamp(cache, part)
    return not asked or (stamp is not None and stamp.source.startswith(machine.OFFICIAL_SOURCE))


def _known(parts: Mapping[str, Part], only: Iterable[str]) -> set[str]:
    wanted = set(only)
    if unknown := sorted(wanted - parts.keys()):
        raise StepError(f"no part is called {', '.join(unknown)}; parts are: {', '.join(parts)}")
    return wanted


def _as_found(part: Part) -> Part:
    """Return the part as the machine has it, if it has it; then nothing else is needed."""
    found = machine.find(part.probe, part.version) if part.probe else None
    if found is None or part.probe is None:
        return part
    checked = ("venv",) if found.stated and part.probe.plugin else ()
    make = adopt(found, part.probe)
    return replace(part, make=make, needs=checked, source=found.source, seconds=1, lane="tree")


def _ordered(needs: Mapping[str, list[str]], order: Mapping[str, int]) -> list[str]:
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    result: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=order.__getitem__)
        result.extend(ready)
        sorter.done(*ready)
    return result
