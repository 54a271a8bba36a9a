"""How pod traffic gets from node to node: over which routers, in both directions, and what remains after each loss."""

from __future__ import annotations

from underlay.plan.paths.fabric import Fabric, fabric_of
from underlay.plan.paths.losses import Kind, Loss
from underlay.plan.paths.routes import table
from underlay.plan.paths.sessions import adjacency
from underlay.plan.paths.solve import Pair, Remains, Solution, Status, solve

__all__ = [
    "Fabric",
    "Kind",
    "Loss",
    "Pair",
    "Remains",
    "Solution",
    "Status",
    "adjacency",
    "fabric_of",
    "solve",
    "table",
]
