"""Files of kernel settings on a node, in the order in which a start reads them: the last one that names a key wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from underlay.remote.machine import Trouble
from underlay.remote.node_facts import Check, Input, System

OURS = "90-underlay.conf"
FOLDERS = ("usr/lib/sysctl.d", "usr/local/lib/sysctl.d", "run/sysctl.d", "etc/sysctl.d")
"""Weakest first: a file hides those of its name in the folders before."""
LAST = "etc/sysctl.conf"


def in_order(system: System, folders: Sequence[str]) -> dict[str, str]:
    """Return the files that a service reads from its folders, weakest first, by name in the order of reading."""
    places = {name: folder for folder in folders for name in system.names(folder) if name.endswith(".conf")}
    return {name: f"{places[name]}/{name}" for name in sorted(places)}


def others(system: System) -> Iterator[tuple[str, str, bool]]:
    """Yield (file, its text, whether it comes after ours) for every file but ours, in the order of a start."""
    for name, file in in_order(system, FOLDERS).items():
        if name != OURS:
            yield file, system.text(file), name > OURS
    yield LAST, system.text(LAST), True


def values(text: str) -> dict[str, str]:
    """Return what a file sets: path below /proc/sys to value; patterns yield to whoever names a key."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().lstrip("-").partition("=")
        if equals and not key.startswith(("#", ";")):
            found[_path(key.strip())] = " ".join(value.split())
    return found


def _path(key: str) -> str:
    """Return a key as a path: where a dot comes first, dots separate and a slash stands for a dot."""
    first = next((letter for letter in key if letter in "./"), "/")
    return key.translate(str.maketrans("./", "/.")) if first == "." else key


def settings_are_not_overruled(system: System, data: Input) -> Iterator[Trouble]:
    """Require that no later file takes our settings back at the next start."""
    last: dict[str, tuple[str, str]] = {}
    for file, text, later in others(system):
        found = values(text) if later else {}
        last |= {key: (file, value) for key, value in found.items() if key in data["settings"]}
    for key, (file, value) in last.items():
        wanted = data["settings"][key]
        if value != wanted:
            fix = f"Take the line out: it overrules {OURS} at the next start."
            yield Trouble("setting-overruled", f"/{file}", f"{key} = {value}", wanted, fix)


CHECKS: tuple[Check, ...] = (settings_are_not_overruled,)
