"""Security groups for people and machines: a row a line that passes, and as data what nodes need at least."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from underlay.model import Site
from underlay.plan.acl import needs
from underlay.plan.security import table

COLUMNS = ("group", "direction", "the other side", "protocol", "why")


def show(site: Site, console: Console) -> None:
    """Print the rules as a table."""
    shown = Table(*COLUMNS, title=f"Security groups of {site.name}", title_justify="left")
    for line in table(site):
        shown.add_row(*line)
    console.print(shown)


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
