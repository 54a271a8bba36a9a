"""Print what follows from the model for editors and people: `python3 -m underlay schema [site|stack|page]`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from underlay.commands.common import Failure
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
    name = argv[0] if argv else "site"
    if name not in MADE or argv[1:]:
        raise Failure(f"no such schema: {' '.join(argv)}; there are {', '.join(MADE)}")
    print(MADE[name](), end="")
    return 0


def _site(name: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    site: dict[str, Any] = content["config"]["cilium-underlay:site"]
    return site
