"""Texts that travel with the program, read once: the plan puts them together and opens no file itself."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def responder() -> str:
    """Return the text of the responder: a python3 program, run as `python3 FILE PORT`."""
    return (Path(__file__).parents[1] / "bpf" / "responder.py").read_text(encoding="utf-8")


@cache
def template(name: str) -> str:
    """Return a template of a router's configuration."""
    return files("underlay.plan").joinpath("templates", name).read_text(encoding="utf-8")
