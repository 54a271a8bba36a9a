"""FRR configurations as sets of lines in their contexts, and the commands that lead from one to another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import groupby

Path = tuple[str, ...]
Entry = tuple[Path, str]
"""A line in its context; an empty line stands for the context itself."""

CONTEXT = re.compile(r"(router bgp|route-map) ")
SILENT = re.compile(r"neighbor \S+ activate$")
"""What a running configuration does not show, because it is the default."""
OVERWRITTEN = re.compile(r"neighbor \S+ (password|remote-as|description|timers connect|timers|maximum-prefix)\b")
"""Lines whose new value replaces the old one without a `no`."""


def entries(text: str) -> dict[Entry, None]:
    """Return every line with its context, in order."""
    return {(path, line): None for _, path, line in located(text) if line is not None}


def located(text: str) -> Iterator[tuple[str, Path, str | None]]:
    """Yield each raw line with its context and what it says: nothing at a context's head, None at ends and comments."""
    path: Path = ()
    for raw in text.splitlines(keepends=True):
        line = raw.strip()
        if not line or line.startswith("!"):
            yield raw, path, None
            continue
        if line in ("exit", "end", "exit-address-family"):
            yield raw, path, None
            path = path[:1] if line == "exit-address-family" else ()
            continue
        if not raw[0].isspace():
            path = ()
        opens = CONTEXT.match(line) if not path else line.startswith("address-family ")
        if opens:
            path = (*path[:1], line)
        yield raw, path, "" if opens else line


def additions(running: Iterable[Entry], new: Iterable[Entry]) -> list[str]:
    """Return the commands that add what is wanted and does not run."""
    have = set(running)
    missing = {entry for entry in new if entry not in have and not SILENT.match(entry[1])}
    touched = {path for path, _ in missing}
    return _commands(entry for entry in new if entry in missing or (entry[0] in touched and SILENT.match(entry[1])))


def removals(running: Iterable[Entry], old: Iterable[Entry], new: Iterable[Entry], *, own_bgp: bool) -> list[str]:
    """Return the commands that take out what the old part brought and the new one does not want."""
    have, wanted = set(running), set(new)
    overwritten = {_setting(line) for _, line in wanted} - {""}
    gone = [entry for entry in old if entry in have and entry not in wanted and _setting(entry[1]) not in overwritten]
    contexts = {
        path for path, line in gone if not line and len(path) == 1 and (own_bgp or path[0].startswith("route-map"))
    }
    neighbors = _neighbors(old) - _neighbors(new)
    rest = [
        (path, f"no {line}")
        for path, line in gone
        if line and path[:1] not in contexts and not (line.startswith("neighbor ") and line.split()[1] in neighbors)
    ]
    whole: list[Entry] = [
        ((router,), f"no neighbor {name}{group}") for router, name, group in _whole(gone, neighbors, contexts)
    ]
    return [*_commands([*whole, *rest]), *(f"no {path[0]}" for path in sorted(contexts))]


def _whole(gone: list[Entry], neighbors: set[str], contexts: AbstractSet[Path]) -> Iterable[tuple[str, str, str]]:
    """Yield each neighbour or group that goes as a whole, members before their group."""
    lines = [
        (path[0], line.split()) for path, line in gone if line.startswith("neighbor ") and path[:1] not in contexts
    ]
    names = dict.fromkeys((router, words[1]) for router, words in lines if words[1] in neighbors)
    for router, name in sorted(names, key=lambda item: not item[1][0].isdigit()):
        yield router, name, "" if name[0].isdigit() else " peer-group"


def _neighbors(part: Iterable[Entry]) -> set[str]:
    return {line.split()[1] for _, line in part if line.startswith("neighbor ")}


def _setting(line: str) -> str:
    """Return what a line sets of whom, where a new value of it replaces the old one."""
    found = OVERWRITTEN.match(line)
    return found[0] if found else ""


def _commands(wanted: Iterable[Entry]) -> list[str]:
    commands: list[str] = []
    for path, group in groupby(wanted, key=lambda entry: entry[0]):
        closing = ["exit-address-family", "exit"][2 - len(path) :]
        commands += [*path, *(line for _, line in group if line), *closing]
    return commands
