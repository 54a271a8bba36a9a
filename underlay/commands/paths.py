"""`python3 -m underlay paths`: which way pods take between nodes, and what remains of it after each loss."""

from __future__ import annotations

import argparse
import json
import sys

from underlay.commands import stack_file
from underlay.commands.common import site_option
from underlay.plan.paths import solve
from underlay.report.paths import document, show
from underlay.report.terminal import screen


def main(argv: list[str]) -> int:
    """Show a site's paths; a gap is no failure here, because the rules say it at preview."""
    parser = argparse.ArgumentParser(prog="underlay paths", description="Show the ways of pods, and what losses leave.")
    site_option(parser)
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    arguments = parser.parse_args(argv)
    site = stack_file.site(arguments.site)
    solution = solve(site)
    if arguments.json:
        print(json.dumps(document(solution, site.bgp), indent=2))
    else:
        show(solution, site.name, screen(sys.stdout))
    return 0
