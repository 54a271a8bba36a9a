"""The account of every shown command: the steps that run it, or where else it is run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("accounts.yaml")
CAMPAIGNS = ("engine", "lab")
"""Walks that a person starts; docs/results/walks.json says that somebody has."""
UNRUN = "unrun"
WALKS = ("pages", *CAMPAIGNS)
"""Accounts that are steps."""
PLACE = re.compile(r"(?<![A-Za-z_$-])(?:[A-Z]{2,}|mysite|production|default/web)(?![A-Za-z_=])")
"""A word of a shown command in place of another one."""


@dataclass(frozen=True)
class Step:
    """One line of a walk, or one change of a file between two lines."""

    shown: str = ""
    """The command that pages show; empty: a preparation that they leave to the reader."""
    line: str = ""
    """What is run."""
    code: int = 0
    says: str = ""
    typed: str = ""
    same: str = ""
    """Files that have to be as they were before."""
    edit: str = ""
    """The file that is changed, in which `old` becomes `new`."""
    old: str = ""
    new: str = ""


@dataclass(frozen=True)
class Accounts:
    """Everything that accounts for a shown command."""

    walks: Mapping[str, Mapping[str, tuple[Step, ...]]]
    """Place → name → steps."""
    others: Mapping[str, Mapping[str, Any]]
    """Kind → shown command → what runs it."""
    unrun: Mapping[str, str]
    """Walks without a recorded run, with the reason."""

    def commands(self) -> list[str]:
        """Return every command that is accounted for."""
        steps = [step.shown for walks in self.walks.values() for walk in walks.values() for step in walk if step.shown]
        return [*steps, *(command for table in self.others.values() for command in table)]


@cache
def accounts() -> Accounts:
    """Return the table."""
    told = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    walks = {place: {name: tuple(map(_step, steps)) for name, steps in told[place].items()} for place in WALKS}
    others = {kind: table for kind, table in told.items() if kind not in (*WALKS, UNRUN)}
    return Accounts(walks, others, told[UNRUN])


def _step(told: str | dict[str, Any]) -> Step:
    if isinstance(told, str):
        return Step(told, told)
    rest = {key: value for key, value in told.items() if key not in {"as", "prepare"}}
    return Step(line=told.get("as") or told.get("prepare") or told.get("shown", ""), **rest)


def stands_for(shown: str, line: str) -> bool:
    """Return whether a line is the shown command with its places filled."""
    pattern = PLACE.sub("\0", shown)
    return re.search(rf"{re.escape(pattern)}(?!\S)".replace("\0", r"\S+"), line) is not None
