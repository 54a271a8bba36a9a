"""Pictures of a site: what stands where, who reaches whom, and how much room the address plan has."""

from __future__ import annotations

from underlay.model import Site
from underlay.report.pictures.drawing import Drawing
from underlay.report.pictures.matrix import matrix
from underlay.report.pictures.plan import plan
from underlay.report.pictures.seen import Seen, seen
from underlay.report.pictures.site import diagram

__all__ = ["Drawing", "Seen", "drawings", "seen"]


def drawings(site: Site, what: Seen | None = None) -> list[Drawing]:
    """Return the pictures of a site; the matrix only where something was tried."""
    found = what or Seen()
    reached = [matrix(site, found)] if found.probed else []
    return [diagram(site, found), *reached, plan(site)]
