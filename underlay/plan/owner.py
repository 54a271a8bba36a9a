"""The line by which a machine's part says whose it is; `underlay.remote.owner` reads it on the machine."""

from __future__ import annotations

from underlay.model import Site


def owner_line(site: Site, machine: str) -> str:
    """Return the line without the sign that makes it a comment."""
    return f"owner: site {site.name}, machine {machine}"
