"""Texts that travel with the program, read once: the plan puts them together and opens no file itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any


@cache
def responder() -> str:
    """Return the text of the responder: a python3 program, run as `python3 FILE PORT`."""
    return (Path(__file__).parents[1] / "bpf" / "responder.py").read_text(encoding="utf-8")


@cache
def mirror() -> dict[str, str]:
    """Return the files of the node's mirror by path: a python3 program, run as `python3 -m bpf.mirror ORDER FILE`."""
    root = Path(__file__).parents[1]
    shared = [root / "bpf" / name for name in ("__init__.py", "syscall.py", "loading.py", "programs.py")]
    files_ = [*shared, *sorted((root / "bpf/mirror").glob("*.py"))]
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in files_}


@cache
def template(name: str) -> str:
    """Return a template of a router's configuration."""
    return files("underlay.plan").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def chart_facts(minor: str) -> Mapping[str, Any]:
    """Return the keys and the images of the charts of a minor version of Cilium."""
    text = files("underlay.plan.chart").joinpath(f"facts-{minor}.json").read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found
