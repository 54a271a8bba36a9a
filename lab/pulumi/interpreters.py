"""Which Python runs a program: what the options `toolchain` and `virtualenv` of its Pulumi.yaml say."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.pulumi.serve import CallError

LOCK_FILES = {"uv.lock": "uv", "poetry.lock": "poetry"}

POETRY_SECONDS = 60


@dataclass(frozen=True)
class Place:
    """Where a program lies, and the virtual environment that its options name, if any."""

    root: Path
    program: Path
    virtualenv: str = ""


@dataclass(frozen=True)
class Interpreter:
    """A Python to run programs with; `folder` is its virtual environment."""

    path: str
    toolchain: str
    folder: Path | None = None

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return variables with the virtual environment activated in them."""
        if self.folder is None:
            return dict(base)
        kept = {name: value for name, value in base.items() if name != "PYTHONHOME"}
        path = os.pathsep.join([str(self.folder / "bin"), base.get("PATH", os.defpath)])
        return {**kept, "PATH": path, "VIRTUAL_ENV": str(self.folder)}


def interpreter(options: Mapping[str, Any], root: str, program: str, *, plugin: bool = False) -> Interpreter:
    """Return the Python that the options ask for; raise `CallError` when there is none or they are wrong."""
    for name in ("toolchain", "virtualenv"):
        if not isinstance(options.get(name, ""), str):
            raise CallError(f"runtime option '{name}' is {options[name]!r}; expected a text")
    if "typechecker" in options:
        raise CallError(
            "runtime option 'typechecker' is not offered by this language host; take it out and run the type checker "
            "by itself"
        )
    default = "venv" if plugin else ""
    place = Place(Path(root), Path(program), options.get("virtualenv") or default)
    toolchain = options.get("toolchain") or _detected(place)
    if toolchain not in TOOLCHAINS:
        raise CallError(f"runtime option 'toolchain' is {toolchain!r}; expected one of {', '.join(TOOLCHAINS)}")
    folder = TOOLCHAINS[toolchain](place)
    return Interpreter(_ambient() if folder is None else _checked(folder, toolchain), toolchain, folder)


def _detected(place: Place) -> str:
    found = (name for folder in _upward(place.program) for name in LOCK_FILES if (folder / name).exists())
    return LOCK_FILES.get(next(found, ""), "pip")


def _upward(folder: Path) -> Iterator[Path]:
    yield from (folder, *folder.parents)


def _pip(place: Place) -> Path | None:
    return place.root / place.virtualenv if place.virtualenv else None


def _uv(place: Place) -> Path:
    if place.virtualenv:
        return place.root / place.virtualenv
    marks = (
        folder
        for mark in ("uv.lock", "pyproject.toml")
        for folder in _upward(place.program)
        if (folder / mark).exists()
    )
    return next(marks, place.program) / os.environ.get("UV_PROJECT_ENVIRONMENT", ".venv")


def _poetry(place: Place) -> Path:
    if shutil.which("poetry") is None:
        raise CallError("runtime option 'toolchain' is 'poetry', but poetry is not on the PATH; install it")
    words = ["poetry", "env", "info", "--path"]
    found = subprocess.run(
        words, cwd=place.program, capture_output=True, text=True, check=False, timeout=POETRY_SECONDS
    )
    if found.returncode:
        raise CallError(f"'{' '.join(words)}' in {place.program} failed: {found.stderr.strip()}")
    return Path(found.stdout.strip())


TOOLCHAINS: Mapping[str, Callable[[Place], Path | None]] = {"pip": _pip, "uv": _uv, "poetry": _poetry}


def _checked(folder: Path, toolchain: str) -> str:
    python = folder / "bin" / "python"
    if python.exists():
        return str(python)
    state = "is no virtual environment" if folder.exists() else "does not exist"
    steps = {
        "pip": f"python3 -m venv {folder}, then {python} -m pip install -r requirements.txt",
        "uv": "uv sync",
        "poetry": "poetry install",
    }
    raise CallError(f"the program's virtual environment {folder} {state}; make it with: {steps[toolchain]}")


def _ambient() -> str:
    names = [name] if (name := os.environ.get("PULUMI_PYTHON_CMD")) else ["python3", "python"]
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise CallError(f"none of {', '.join(names)} is on the PATH; install Python or set PULUMI_PYTHON_CMD")
    return found
