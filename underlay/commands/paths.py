"""`python3 -m underlay paths`: which way pods take between nodes, and what remains of it after each loss."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import yaml
from rich.console import Console

from underlay.commands.common import Failure
from underlay.finding import Refused
from underlay.model import Site, load_site
from underlay.plan.paths import solve
from underlay.report.paths import document, show

KEY = ":site"
"""How the site's key ends in a stack file; the project's name stands before it."""


def main(argv: list[str]) -> int:
    """Show a site's paths; a gap is no failure here, because the rules say it at preview."""
    parser = argparse.ArgumentParser(prog="underlay paths", description="Show the ways of pods, and what losses leave.")
    parser.add_argument("--site", type=Path, required=True, metavar="FILE", help="a stack file, as Pulumi.dev.yaml")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    arguments = parser.parse_args(argv)
    site = read_site(arguments.site)
    solution = solve(site)
    if arguments.json:
        print(json.dumps(document(solution), indent=2))
    else:
        show(solution, site.name, Console())
    return 0


def read_site(path: Path) -> Site:
    """Return the site in a stack file; Failure says what of it cannot be read."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return load_site(_declared(content))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise Failure(f"{path} cannot be read: {error}") from None
    except Refused as refused:
        raise Failure(f"{path} is refused:\n{refused}") from None


def _declared(content: object) -> object:
    config = content.get("config") if isinstance(content, dict) else None
    for key, value in (config if isinstance(config, dict) else {}).items():
        if str(key).endswith(KEY):
            return value
    raise Failure("the file has no key `config: cilium-underlay:site`; Pulumi.dev.yaml is an example")
