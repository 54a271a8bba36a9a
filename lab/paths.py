"""The one place that says where the lab keeps its files."""

from __future__ import annotations

import os
from pathlib import Path

NAME = "underlay-lab"


def _place(variable: str, base_variable: str, base: str) -> Path:
    """Return the folder that a variable names, or ours below the user's base folder."""
    if named := os.environ.get(variable):
        return Path(named).expanduser().resolve()
    root = os.environ.get(base_variable) or Path.home() / base
    return Path(root).expanduser().resolve() / NAME


def repo() -> Path:
    """Return the root of this repository."""
    return Path(__file__).resolve().parent.parent


def cache() -> Path:
    """Return the folder of everything that can be made again: binaries, trees, images."""
    return _place("UNDERLAY_CACHE", "XDG_CACHE_HOME", ".cache")


def state() -> Path:
    """Return the folder of a running lab: keys, kubeconfig, engine state, logs; its owner's alone."""
    return _place("UNDERLAY_STATE", "XDG_STATE_HOME", ".local/state")


def keys() -> Path:
    """Return the folder of a running lab's keys and passwords."""
    return state() / "keys"


def store() -> Path:
    """Return the disk with images that new nodes begin with; tests of upgrades name one with two releases."""
    return cache() / os.environ.get("UNDERLAY_STORE", "store")


def binaries() -> Path:
    """Return the folder of all programs the lab runs, by their plain names."""
    return cache() / "bin"


def venv_python() -> Path:
    """Return the Python that has the packages of requirements.txt."""
    return cache() / "venv" / "bin" / "python"
