"""Let the site's adapter give back what each port had before the stack came."""

from __future__ import annotations

from underlay.commands.common import no_words, read_input
from underlay.commands.ports import asked


def main(argv: list[str]) -> int:
    """Read {"adapter", "ports", "groups"} and let the adapter remove what it applied: it remembers what was before."""
    no_words("ports-back", __doc__, argv)
    asked("remove", read_input("adapter", "ports"))
    return 0
