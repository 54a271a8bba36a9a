"""Let the site's adapter give back the check that each port had before the stack came."""

from __future__ import annotations

from underlay.commands.common import no_words, read_input
from underlay.commands.ports import asked


def main(argv: list[str]) -> int:
    """Read {"adapter", "ports"} and let the adapter remove what it applied; what it remembers of before is its own."""
    no_words("ports-back", __doc__, argv)
    data = read_input("adapter", "ports")
    asked(data["adapter"], "remove", data["ports"])
    return 0
