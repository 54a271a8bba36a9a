"""`python3 -m underlay groups`: what has to pass around nodes, as a table, as JSON, and as lists for devices."""

from __future__ import annotations

import argparse
import json

from rich.console import Console
from rich.table import Table

from underlay.commands import stack_file
from underlay.commands.common import say, site_option
from underlay.model import Site
from underlay.plan.acl import RENDERED, needs
from underlay.plan.security import table

COLUMNS = ("group", "direction", "the other side", "protocol", "why")


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
        _show(site)
    return 0


def document(site: Site) -> dict[str, object]:
    """Return rules, members and needs as plain data."""
    members = {group.name: list(group.nodes) for group in site.security_groups}
    rules, least = table(site), needs(site)
    return {
        "site": site.name,
        "groups": members,
        "rules": [line._asdict() for line in rules],
        "needs": [one._asdict() for one in least],
    }


def _show(site: Site) -> None:
    shown = Table(*COLUMNS, title=f"Security groups of {site.name}", title_justify="left")
    for line in table(site):
        shown.add_row(*line)
    Console().print(shown)
