"""What a change of policies does to reachability, in lines for a preview."""

from __future__ import annotations

from collections.abc import Mapping

from underlay.model import Site
from underlay.model.policies import Policies
from underlay.plan.policies.matrix import OPEN, Cell, matrix

DENIED, LIMITS = "denied", "; limits "
MOST = 60
"""Lines that a preview shows; `python3 -m underlay matrix --against FILE` has them all."""


def opened(policies: Policies) -> dict[str, str]:
    """Return what is not denied, as plain data that a stack's state keeps: cell to verdict and what decides."""
    return {cell.key: _kept(cell) for cell in matrix(policies) if cell.verdict != "denied"}


def verdicts(site: Site) -> dict[str, str] | None:
    """Return what a site's policies leave open; None where it declares none, and everything is."""
    return opened(site.policies) if site.policies else None


def difference(before: Mapping[str, str] | None, policies: Policies) -> list[str]:
    """Return what changes, a line a cell; None: no policies were there before."""
    after = {cell.key: cell for cell in matrix(policies)}
    lines = [line for cell in after.values() if (line := _changed(before, cell))]
    gone = [f"{key}: no longer told; was {_said(was)}" for key, was in (before or {}).items() if key not in after]
    return [*lines, *gone]


def told(before: Mapping[str, str] | None, site: Site) -> list[str]:
    """Return what a preview says about a site's policies; nothing where reachability stays as it is."""
    if not site.policies:
        return ["policies: none are declared any more; every pod reaches every pod"] if before is not None else []
    lines = difference(before, site.policies)
    more = len(lines) - MOST
    rest = [f"reachability: {more} more changes; `python3 -m underlay matrix` has them all"] if more > 0 else []
    return [*(f"reachability: {line}" for line in lines[:MOST]), *rest]


def _changed(before: Mapping[str, str] | None, cell: Cell) -> str:
    was = f"allowed by {OPEN}" if before is None else before.get(cell.key, DENIED)
    if was.partition(" ")[0] == cell.verdict and (cell.verdict != "partly" or was == _kept(cell)):
        return ""
    if _said(was) == _said(_kept(cell)):
        if LIMITS not in was:  # a former version kept none: nobody knows whether they have changed
            return ""
        return f"{cell}; was so too, to other requests, names or networks"
    return f"{cell}; was {_whole(cell) if was == DENIED else _said(was)}"


def _whole(cell: Cell) -> str:
    """Return what the state says of ports by telling nothing of them; parts of a range may have been open."""
    return "not open as a whole" if "-" in cell.port else DENIED


def _kept(cell: Cell) -> str:
    """Return what the state keeps of a cell: what people are told, and behind it the digest of its limits."""
    return f"{cell.verdict} by {cell.decided}" + (f"{LIMITS}{cell.limits}" if cell.limits else "")


def _said(kept: str) -> str:
    return kept.partition(LIMITS)[0]
