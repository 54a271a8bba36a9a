"""How pod traffic gets from node to node: over which routers, in both directions, and what remains after each loss."""

from __future__ import annotations

from underlay.plan.paths.fabric import Fabric, Group, fabric_of
from underlay.plan.paths.losses import Kind, Loss
from underlay.plan.paths.routes import Drop, Route, table
from underlay.plan.paths.sessions import Adjacency, adjacency, beyond, learnable, mirrors
from underlay.plan.paths.solve import Pair, Remains, Solution, Status, Way, solve

__all__ = [
    "Adjacency",
    "Drop",
    "Fabric",
    "Group",
    "Kind",
    "Loss",
    "Pair",
    "Remains",
    "Route",
    "Solution",
    "Status",
    "Way",
    "adjacency",
    "beyond",
    "fabric_of",
    "learnable",
    "mirrors",
    "solve",
    "table",
]
