"""The corpus of sites as data: good ones, ones with warnings only, and changes of them that break rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from underlay.finding import Finding, Refused
from underlay.plan.checks import findings
from underlay.plan.checks.examples import declared
from underlay.plan.checks.registry import REMOVED, Example

SITES = Path(__file__).parent / "sites"
Data = dict[str, Any]
Told = list[tuple[str, str]]
"""Rule and place of each finding, sorted."""


def _read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


@cache
def site(name: str) -> Data:
    """Return a good site, or one with warnings only, as plain data."""
    [file] = SITES.glob(f"*/{name}.yaml")
    data: Data = _read(file)
    return data


def names(folder: str) -> list[str]:
    """Return the names of the sites of a folder."""
    return sorted(file.stem for file in (SITES / folder).glob("*.yaml"))


def expected(written: Mapping[str, str] | Sequence[Mapping[str, str]]) -> Told:
    """Return findings as they are written: one as a mapping, several as a list of them."""
    items = [written] if isinstance(written, Mapping) else written
    return sorted(pair for item in items for pair in item.items())


@dataclass(frozen=True)
class Case:
    """A change of a site, and exactly what has to be said about it."""

    name: str
    base: str
    example: Example
    expected: Told
    warned: bool
    """Whether the warnings of the site itself are left out of the comparison."""

    def told(self) -> Told:
        """Return what is said about the changed site."""
        own = warnings().get(self.base, []) if self.warned else []
        return [pair for pair in told(site(self.base), self.example) if pair not in own]


def told(base: Data, example: Example) -> Told:
    """Return rule and place of whatever is wrong with a changed site, in its shape or by the rules."""
    return sorted((finding.rule, finding.where) for finding in said(base, example))


def said(base: Data, example: Example) -> Sequence[Finding]:
    """Return whatever is wrong with a changed site."""
    try:
        return findings(declared(base, example))
    except Refused as refused:
        return refused.findings


@cache
def warnings() -> dict[str, Told]:
    """Return what has to be said about each site that has warnings only."""
    return {name: expected(written) for name, written in _read(SITES / "warned.yaml").items()}


@cache
def bad() -> tuple[Case, ...]:
    """Return every bad case of the corpus."""
    return tuple(_case(item) for file in sorted((SITES / "bad").glob("*.yaml")) for item in _read(file))


def _case(item: Data) -> Case:
    removed = dict.fromkeys(item.get("remove", ()), REMOVED)
    example = {**item.get("change", {}), **removed}
    return Case(item["case"], item["of"], example, expected(item["findings"]), item.get("warned", False))
