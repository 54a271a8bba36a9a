"""Find what the machine has already: on the PATH, in the engine's plugin folder, or where the person points us."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.toolchain import process
from lab.toolchain.process import StepError

OFFICIAL = "UNDERLAY_OFFICIAL_DIR"
OFFICIAL_SOURCE = "official release"


@dataclass(frozen=True)
class Probe:
    """How to recognise a part on the machine: its first program prints a version, the others stand beside it."""

    programs: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    pattern: str = ""
    plugin: str = ""
    official: bool = False


@dataclass(frozen=True)
class Found:
    """Programs of the machine that serve as a part; `stated` when the person named them, so they must be right."""

    programs: Mapping[str, Path]
    stated: bool = False

    @property
    def source(self) -> str:
        """Return where they are, as people read it."""
        first = next(iter(self.programs.values()))
        return f"{OFFICIAL_SOURCE if self.stated else 'on this machine'}: {first}"


def find(probe: Probe, version: str) -> Found | None:
    """Return the machine's own programs for a part, if they are all there and of this version."""
    if named := stated(probe):
        return Found(named, stated=True)
    if probe.plugin:
        return _installed_plugin(probe, version)
    found = _all_in(probe, _search_path())
    if found and version_of(probe, found[probe.programs[0]]) == version:
        return Found(found)
    return None


def stated(probe: Probe) -> dict[str, Path]:
    """Return the official programs for a part out of the folder that the person named, or nothing."""
    return _all_in(probe, [official_folder()]) if probe.official else {}


def version_of(probe: Probe, program: Path) -> str:
    """Return the version a program prints, or an empty text."""
    try:
        said = process.read([str(program), *probe.arguments], timeout=20)
    except StepError:
        return ""
    match = re.search(probe.pattern, said)
    return match.group(1) if match else ""


def official_folder() -> Path | None:
    """Return the folder of official binaries that the person named, if any."""
    named = os.environ.get(OFFICIAL)
    return Path(named).expanduser().resolve() if named else None


def _search_path() -> list[Path]:
    ours = paths.binaries()
    return [Path(entry) for entry in os.get_exec_path() if entry and Path(entry).resolve() != ours]


def _all_in(probe: Probe, folders: list[Path] | list[Path | None]) -> dict[str, Path]:
    where = os.pathsep.join(str(folder) for folder in folders if folder is not None)
    found = {name: shutil.which(name, path=where) for name in probe.programs} if where else {}
    return {name: Path(path) for name, path in found.items() if path} if all(found.values()) else {}


def _installed_plugin(probe: Probe, version: str) -> Found | None:
    for home in _plugin_homes():
        program = home / "plugins" / f"resource-{probe.plugin}-v{version}" / probe.programs[0]
        if os.access(program, os.X_OK) and not program.parent.with_name(f"{program.parent.name}.partial").exists():
            return Found({probe.programs[0]: program})
    return None


def _plugin_homes() -> Iterator[Path]:
    yield Path.home() / ".pulumi"
