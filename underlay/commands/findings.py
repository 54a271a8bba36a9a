"""Explain rules: all of them as a page, or the ones that are named."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from underlay.commands import stack_file
from underlay.commands.common import Failure
from underlay.plan.checks import RULES
from underlay.plan.checks.reading import READING
from underlay.report.rules import PLAIN, entry, page, shape

BASE = Path(__file__).parents[2] / "Pulumi.dev.yaml"
"""The stack whose site the examples change."""


def main(argv: list[str]) -> int:
    """Print the page of all rules, or only the rules that are named."""
    parser = argparse.ArgumentParser(prog="underlay findings", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a rule, as it stands in brackets before a finding")
    names: list[str] = parser.parse_args(argv).names
    unknown = sorted(set(names) - {*RULES, *READING, *_reasons()})
    if unknown:
        raise Failure(f"no rule is called {', '.join(unknown)}; without a name all of them are printed")
    print("\n".join(_told(name) for name in names) if names else page(base()), end="")
    return 0


def _reasons() -> dict[str, str]:
    return {name: reason for reasons in PLAIN.values() for name, reason in reasons.items()}


def _told(name: str) -> str:
    if name in RULES:
        return entry(RULES[name], base())
    return shape(name, base()) if name in READING else f"### {name}\n\n{_reasons()[name]}\n"


def base() -> dict[str, Any]:
    """Return the plain site that the examples change."""
    site: dict[str, Any] = stack_file.config(BASE)[stack_file.SITE]
    return site
