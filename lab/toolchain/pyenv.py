"""The Python environment of requirements.txt, every file checked by its hash."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from lab import paths
from lab.toolchain.debian import unpack
from lab.toolchain.part import Step


def make_venv(step: Step) -> None:
    """Make the environment at its final place (it cannot be moved) and hand out a link to it."""
    place = step.cache / f"venv-{step.key}"
    _forget_others(step)
    if place.exists():  # the same recipe again: its outputs are gone or it was never finished
        shutil.rmtree(place)
    pip = _empty_environment(step, place)
    python = str(place / "bin" / "python")
    quiet = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    wanted = ["--require-hashes", "--no-deps", "-r", str(paths.repo() / "requirements.txt")]
    step.run([python, *pip, "install", *quiet, *wanted])
    step.staged("venv").symlink_to(place.name)


def _empty_environment(step: Step, place: Path) -> list[str]:
    """Make an environment without packages and return the words that run pip in it.

    Debian's plain python3 comes without ensurepip; there pip itself is taken out of Debian's package of its wheel.
    """
    if importlib.util.find_spec("ensurepip"):
        step.run([_interpreter(), "-m", "venv", str(place)])
        return ["-m", "pip"]
    step.run([_interpreter(), "-m", "venv", "--without-pip", str(place)])
    wheels = unpack(step, ["python3-pip-whl"]) / "usr/share/python-wheels"
    return [str(next(wheels.glob("pip-*.whl")) / "pip")]


def _forget_others(step: Step) -> None:
    """Remove unfinished and outdated environments; the one in use stays until the new one is whole."""
    used = (step.cache / "venv").resolve()
    for place in step.cache.glob("venv-*"):
        if place.resolve() != used:
            shutil.rmtree(place)


def _interpreter() -> str:
    return str(getattr(sys, "_base_executable", None) or sys.executable)
