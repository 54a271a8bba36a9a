"""Find or make every program and tree the lab needs, in a cache outside the repository; standard library only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from lab import paths
from lab.toolchain.catalogue import parts as all_parts
from lab.toolchain.golang import BUILDS
from lab.toolchain.plan import make_plan
from lab.toolchain.plugins import install_plugins
from lab.toolchain.process import StepError
from lab.toolchain.progress import Progress, clock
from lab.toolchain.schedule import Run, alone
from lab.toolchain.store import image_names

KEEP = "UNDERLAY_KEEP_BUILDS"
STEPS = "steps"
"""The folder of stamps; without it a folder is not the toolchain's."""
MADE = (
    "base",
    "bin",
    "browser",
    "chart",
    "clang",
    "engine*",
    "go",
    "images",
    "lock",
    "log",
    "noderoot",
    STEPS,
    "store*",
    "tools",
    "venv*",
    "work",
)
"""What the toolchain makes in its folder."""

__all__ = ["StepError", "drop", "ensure", "image_names", "install_plugins"]


def ensure(parts: Iterable[str] | None = None) -> None:
    """Make what is missing of the named parts, or of all; raise StepError with one line if that failed."""
    wanted, cache = tuple(parts or ()), paths.cache()
    if not (plan := make_plan(all_parts(), cache, wanted)).parts:
        return
    with alone(cache, progress := Progress(plan)):
        plan = make_plan(all_parts(), cache, wanted)
        progress = Progress(plan)
        progress.say(f"{len(plan.parts)} parts to make in {cache}, about {clock(plan.seconds)} minutes")
        failed = Run(plan, cache, progress).carry_out()
        if failed:
            names = ", ".join(part.title for part in failed)
            raise StepError(f"not made: {names}; the reason is printed above")
        progress.say("all parts are there")
        _drop_builds()


def drop() -> None:
    """Remove everything that was made, and nothing else that may lie in the same folder."""
    cache = paths.cache()
    if not (cache / STEPS).is_dir():
        return
    for place in [found for name in MADE for found in cache.glob(name)]:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink()
    if not any(cache.iterdir()):
        cache.rmdir()


def _drop_builds() -> None:
    """Remove Go's build cache (12 GB after a whole run) once no program is left to compile."""
    cache = paths.cache()
    if os.environ.get(KEEP) or any(part.lane == "compile" for part in make_plan(all_parts(), cache).parts):
        return
    shutil.rmtree(cache / BUILDS, ignore_errors=True)
