"""BGP as the declared sessions carry it: who learns the pods of which rack from whom, and who drops them and why.

A route grows by one number at each session between different numbers (eBGP). Between equal numbers (iBGP) it does not
grow, and is not told to a third router of that number (RFC 4271, section 9.2.1). A router drops a route whose path
holds its own number (section 9.1.2). The shortest path wins, eBGP before iBGP; equals share the traffic. Which of them
is told to others depends on identifiers that no site declares, so a neighbour counts as served only if any of them is.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Literal, NamedTuple

from underlay.plan.paths.fabric import Fabric, Group
from underlay.plan.paths.losses import WHOLE, State


class Route(NamedTuple):
    """What a router knows about the pods of a rack."""

    length: int
    inner: bool
    """Learned from a peer with the same number."""
    numbers: frozenset[int]
    """Every autonomous system number that may be in the path."""
    via: tuple[str, ...]
    """Routers that are the next hop; empty where the nodes themselves are."""


class Drop(NamedTuple):
    """A route that one router could have had from another."""

    giver: str
    taker: str
    reason: Literal["loop", "inner"]
    """The path holds the taker's number; or both routers have one number, and the giver learned it inside, too."""


Routes = dict[str, Route]


def spread(fabric: Fabric, rack: Group, state: State = WHOLE) -> tuple[Routes, list[Drop]]:
    """Return each router's route to the pods of a rack, and the routes that were dropped on the way."""
    offers: dict[str, list[Route]] = {}
    waiting: list[tuple[int, bool, str]] = []
    for router in state.speakers(rack):
        _offer(offers, waiting, router, _first(fabric, router))
    found: Routes = {}
    drops: list[Drop] = []
    while waiting:
        length, inner, router = heapq.heappop(waiting)
        if router in found:
            continue
        found[router] = route = _merged([one for one in offers[router] if (one.length, one.inner) == (length, inner)])
        for peer, told in _told(fabric, router, route, state):
            if isinstance(told, Drop):
                drops.append(told)
            elif peer not in found:
                _offer(offers, waiting, peer, told)
    return found, drops


def _offer(offers: dict[str, list[Route]], waiting: list[tuple[int, bool, str]], router: str, route: Route) -> None:
    offers.setdefault(router, []).append(route)
    heapq.heappush(waiting, (route.length, route.inner, router))


def _first(fabric: Fabric, router: str) -> Route:
    """Return the route that a router has from the nodes of its own rack."""
    if fabric.asns[router] == fabric.cluster_asn:
        return Route(0, True, frozenset(), ())
    return Route(1, False, frozenset({fabric.cluster_asn}), ())


def _merged(equals: list[Route]) -> Route:
    numbers = frozenset().union(*(route.numbers for route in equals))
    via = () if any(not route.via for route in equals) else tuple(sorted({peer for one in equals for peer in one.via}))
    return equals[0]._replace(numbers=numbers, via=via)


def _told(fabric: Fabric, router: str, route: Route, state: State) -> Iterator[tuple[str, Route | Drop]]:
    """Yield for each peer what it hears of a route, or why it takes nothing."""
    own = fabric.asns[router]
    for peer in fabric.peers[router]:
        if peer in route.via or not state.joined(router, peer):
            continue
        number = fabric.asns[peer]
        if number == own:
            yield (
                peer,
                Drop(router, peer, "inner") if route.inner else Route(route.length, True, route.numbers, (router,)),
            )
        elif number in route.numbers:
            yield peer, Drop(router, peer, "loop")
        else:
            yield peer, Route(route.length + 1, False, route.numbers | {own}, (router,))


def table(fabric: Fabric, state: State = WHOLE) -> dict[str, Routes]:
    """Return for each rack the routers' routes to its pods."""
    return {rack.name: spread(fabric, rack, state)[0] for rack in fabric.racks}


def knowledge(fabric: Fabric, state: State = WHOLE) -> dict[str, int]:
    """Return for each router the racks whose pods it has a route to, as bits in the order of the racks."""
    known = dict.fromkeys(fabric.asns, 0)
    if fabric.plain:
        return known | _parts(fabric, state)
    for bit, rack in enumerate(fabric.racks):
        for router in spread(fabric, rack, state)[0]:
            known[router] |= 1 << bit
    return known


def _parts(fabric: Fabric, state: State) -> dict[str, int]:
    """Return the same where nothing is ever dropped: whoever is connected knows everything."""
    own: dict[str, int] = {}
    for bit, rack in enumerate(fabric.racks):
        for router in state.speakers(rack):
            own[router] = own.get(router, 0) | 1 << bit
    known: dict[str, int] = {}
    for start in own:
        if start not in known:
            part, racks = [start], 0
            seen = {start}
            for router in part:
                racks |= own.get(router, 0)
                fresh = [peer for peer in fabric.peers[router] if peer not in seen and state.joined(router, peer)]
                seen.update(fresh)
                part.extend(fresh)
            known.update(dict.fromkeys(part, racks))
    return known
