"""Why a class of node pairs has no way, or not from every router: who drops the route, or that nobody tells it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from underlay.plan.paths.fabric import Fabric
from underlay.plan.paths.losses import WHOLE
from underlay.plan.paths.routes import Routes
from underlay.plan.paths.solve import Pair, Solution, Status

Cause = Literal["loop", "inner", "silence"]


class Gap(NamedTuple):
    """One direction that is lost, or partly so."""

    pair: Pair
    status: Status
    cause: Cause
    router: str
    """Who drops the route, or keeps it to itself; without either, the first router that never hears of it."""
    other: str = ""
    """From whom it is dropped, or to whom it is not told."""


def gaps(solution: Solution) -> Iterator[Gap]:
    """Yield every gap while nothing is lost; racks without any router are another rule's."""
    for pair, status in solution.statuses.items():
        if solution.group(pair.source).routers and solution.group(pair.target).routers:
            yield _explained(solution, pair, status)


def _explained(solution: Solution, pair: Pair, status: Status) -> Gap:
    routes, drops = solution.routes[pair.target]
    ignorant = [one for one in WHOLE.senders(solution.group(pair.source)) if one not in routes]
    unreached = _around(solution.fabric, ignorant, routes)
    for drop in drops:
        if drop.taker in unreached:
            ends = (drop.taker, drop.giver) if drop.reason == "loop" else (drop.giver, drop.taker)
            return Gap(pair, status, drop.reason, *ends)
    return Gap(pair, status, "silence", ignorant[0])


def _around(fabric: Fabric, ignorant: list[str], routes: Routes) -> set[str]:
    """Return the routers over which those could hear of a route, as far as these do not have it either."""
    seen = set(ignorant)
    edge = [*ignorant]
    for router in edge:
        fresh = [peer for peer in fabric.peers[router] if peer not in seen and peer not in routes]
        seen.update(fresh)
        edge.extend(fresh)
    return seen


def island(fabric: Fabric, router: str) -> str:
    """Return a name for all routers that are connected by sessions: the first of them in the alphabet."""
    return min(_around(fabric, [router], {}))
