"""`python3 -m underlay groups`: what has to pass around nodes, as a table, as JSON, and as lists for devices."""

from __future__ import annotations

import argparse
import json
import sys

from underlay.commands import stack_file
from underlay.commands.common import say, site_option
from underlay.plan.acl import RENDERED
from underlay.report.groups import document, show
from underlay.report.terminal import screen


def main(argv: list[str]) -> int:
    """Print the rules of a site's security groups."""
    parser = argparse.ArgumentParser(prog="underlay groups", description="Show what has to pass around nodes.")
    site_option(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="print rules, and the least that nodes need, as JSON")
    what.add_argument("--acl", choices=RENDERED, help="print access lists for a device")
    arguments = parser.parse_args(argv)
    site = stack_file.site(arguments.site)
    if arguments.json:
        print(json.dumps(document(site), indent=2))
    elif not site.security_groups:
        say(f"{site.name} declares no security groups; --json says what nodes need")
    elif arguments.acl:
        print(RENDERED[arguments.acl](site), end="")
    else:
        show(site, screen(sys.stdout))
    return 0
