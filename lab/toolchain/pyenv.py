"""The Python environment of requirements.txt, every file checked by its hash."""

from __future__ import annotations

import shutil
import sys

from lab import paths
from lab.toolchain.part import Step


def make_venv(step: Step) -> None:
    """Make the environment at its final place (it cannot be moved) and hand out a link to it."""
    place = step.cache / f"venv-{step.key}"
    _forget_others(step)
    if place.exists():  # the same recipe again: its outputs are gone or it was never finished
        shutil.rmtree(place)
    step.run([_interpreter(), "-m", "venv", str(place)])
    python = str(place / "bin" / "python")
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    wanted = ["--require-hashes", "--no-deps", "-r", str(paths.repo() / "requirements.txt")]
    step.run([python, "-m", "pip", "install", *quiet, *wanted])
    step.staged("venv").symlink_to(place.name)


def _forget_others(step: Step) -> None:
    """Remove unfinished and outdated environments; the one in use stays until the new one is whole."""
    used = (step.cache / "venv").resolve()
    for place in step.cache.glob("venv-*"):
        if place.resolve() != used:
            shutil.rmtree(place)


def _interpreter() -> str:
    return str(getattr(sys, "_base_executable", None) or sys.executable)
