"""Both ends of every BGP session: as planned, as configurations say them, and how the two differ."""

from __future__ import annotations

from underlay.plan.ends.compare import Difference, Read, differences, near_end, unread
from underlay.plan.ends.declared import declared_ends
from underlay.plan.ends.end import End
from underlay.plan.ends.objects import node_ends
from underlay.plan.ends.planned import Session, planned
from underlay.plan.ends.texts import READERS, UNTRIED, digest

__all__ = [
    "READERS",
    "UNTRIED",
    "Difference",
    "End",
    "Read",
    "Session",
    "declared_ends",
    "differences",
    "digest",
    "near_end",
    "node_ends",
    "planned",
    "unread",
]
