"""Print what follows from the model for editors and people: `python3 -m underlay schema [site|stack|page]`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from underlay.commands import stack_file
from underlay.report.schema import site_schema, stack_schema, text
from underlay.report.site_page import page

ROOT = Path(__file__).parents[2]
EXAMPLES = ("Pulumi.production.yaml", "Pulumi.dev.yaml")
"""Stack files whose values are the page's examples."""

MADE: dict[str, Callable[[], str]] = {
    "site": lambda: text(site_schema()),
    "stack": lambda: text(stack_schema()),
    "page": lambda: page(site_schema(), [_site(name) for name in EXAMPLES]),
}


def main(argv: list[str]) -> int:
    """Print one of them; the site's schema when none is named."""
    parser = argparse.ArgumentParser(prog="underlay schema", description=__doc__)
    parser.add_argument("name", nargs="?", default="site", choices=MADE, help="the site's schema when none is named")
    print(MADE[parser.parse_args(argv).name](), end="")
    return 0


def _site(name: str) -> dict[str, Any]:
    site: dict[str, Any] = stack_file.config(ROOT / name)[stack_file.SITE]
    return site
