"""Explain rules: all of them as a page, or the ones that are named."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from underlay.commands import stack_file
from underlay.commands.common import Failure
from underlay.plan.checks import RULES
from underlay.plan.checks.reading import READING
from underlay.report.columns import harmless
from underlay.report.rules import PLAIN, entry, page, shape, table

BASE = Path(__file__).parents[2] / "Pulumi.dev.yaml"
"""The stack whose site the examples change."""


def main(argv: list[str]) -> int:
    """Print the page of all rules, or only the rules that are named."""
    parser = argparse.ArgumentParser(prog="underlay findings", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a rule, as it stands in brackets before a finding")
    parser.add_argument("--json", action="store_true", help="print severity and reason of each as JSON")
    arguments = parser.parse_args(argv)
    names: list[str] = arguments.names
    known = table()
    if unknown := sorted({*names} - {*known}):
        raise Failure("; ".join(f"no rule is called {harmless(name)}{_like(name, known)}" for name in unknown))
    if arguments.json:
        print(json.dumps({name: known[name] for name in names or known}, indent=2))
    else:
        print("\n".join(_told(name) for name in names) if names else page(base()), end="")
    return 0


def _like(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, known, 1)
    return f", perhaps {found[0]} is meant" if found else ", and without a name all of them are printed"


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
