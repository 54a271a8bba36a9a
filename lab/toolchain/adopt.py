"""Take programs the machine has, or the person put into a folder, in place of building them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab.toolchain import plugins
from lab.toolchain.machine import OFFICIAL, Found, Probe, version_of
from lab.toolchain.part import Part, Step
from lab.toolchain.process import StepError

DIGESTS = "SHA256SUMS"


def adopt(found: Found, probe: Probe) -> Callable[[Step], None]:
    """Return the step that copies what was found; what the person named must be of the right version."""
    return partial(_adopt, found, probe)


def _adopt(found: Found, probe: Probe, step: Step) -> None:
    if found.stated:
        _check(found, probe, step.part)
    for output in step.part.outputs:
        source = found.programs[Path(output).name]
        step.log.write_text(f"copied from {source}\n")
        shutil.copy2(source, step.staged(output))


def _check(found: Found, probe: Probe, part: Part) -> None:
    first = found.programs[probe.programs[0]]
    for program in found.programs.values():
        check_digest(program)
    version = plugins.plugin_version(first) if probe.plugin else version_of(probe, first)
    if version != part.version:
        raise StepError(f"{first} says version {version or 'unknown'}, expected {part.version} (see {OFFICIAL})")


def check_digest(program: Path) -> None:
    """Compare a program with the SHA256SUMS file beside it, where there is one."""
    table = program.parent / DIGESTS
    if not table.is_file():
        return
    rows = [line.split(maxsplit=1) for line in table.read_text().splitlines() if " " in line]
    wanted = {name.strip().lstrip("*"): digest for digest, name in rows}.get(program.name)
    with program.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if wanted != digest:
        raise StepError(f"{program} has sha256 {digest}, {table} says {wanted or 'nothing of it'}")
