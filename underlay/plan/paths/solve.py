"""The solution: each class of node pairs with its way in both directions, and what every loss leaves of it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from underlay.model import Site
from underlay.plan.paths.alike import reduced
from underlay.plan.paths.fabric import Fabric, Group, fabric_of
from underlay.plan.paths.losses import WHOLE, Kind, Loss, State, after, losses
from underlay.plan.paths.routes import Drop, Routes, knowledge, spread


class Status(StrEnum):
    """What becomes of packets in one direction."""

    CARRIED = "carried"
    PARTLY = "partly"
    """Only of those that the node sends to the right router."""
    LOST = "lost"


class Way(NamedTuple):
    """One direction: the routers at each step, each as good as the others; no step where one segment carries it."""

    status: Status
    hops: tuple[tuple[str, ...], ...] = ()

    def __str__(self) -> str:
        """Return the way as one line for people."""
        if self.status is Status.LOST:
            return "none"
        text = " > ".join("|".join(step) for step in self.hops) or "direct"
        return text if self.status is Status.CARRIED else f"{text}, not from every router"


class Pair(NamedTuple):
    """A class of node pairs: inside one rack, or from one rack to another."""

    source: str
    target: str

    def __str__(self) -> str:
        """Name the class for people."""
        return f"inside {self.source}" if self.source == self.target else f"{self.source} to {self.target}"


class Remains(NamedTuple):
    """What a loss does to the classes that it does not leave as they are."""

    loss: Loss
    harmed: dict[Pair, Status]
    excused: bool
    """No rack promised to survive it."""


class Solution:
    """The paths of a site; racks that are alike are solved once."""

    def __init__(self, fabric: Fabric) -> None:
        """Solve the fabric as it is declared; losses are worked out when they are asked for."""
        self.whole = fabric
        self.fabric = reduced(fabric)
        self.pairs = tuple(_pairs(self.fabric))

    @cached_property
    def routes(self) -> dict[str, tuple[Routes, list[Drop]]]:
        """Return for each rack the routers' routes to its pods, and what was dropped."""
        return {rack.name: spread(self.fabric, rack) for rack in self.fabric.racks}

    def group(self, name: str) -> Group:
        """Return a rack by name."""
        return self.fabric.racks[self.fabric.index[name]]

    def way(self, pair: Pair) -> Way:
        """Return the way of a class in one direction while nothing is lost."""
        source = self.group(pair.source)
        status = self.statuses.get(pair, Status.CARRIED)
        if pair.source == pair.target and source.direct:
            return Way(status)
        routes = self.routes[pair.target][0]
        steps, step = [], set(WHOLE.senders(source)) & routes.keys()
        while step:
            steps.append(tuple(sorted(step)))
            step = {peer for router in step for peer in routes[router].via}
        return Way(status, tuple(steps))

    @cached_property
    def statuses(self) -> dict[Pair, Status]:
        """Return the classes that are not carried while nothing is lost."""
        return self._harm(WHOLE, knowledge(self.fabric))

    def number_of(self, pair: Pair) -> int:
        """Return how many pairs of racks a class stands for, counted in one direction."""
        like = self.fabric.like
        if pair.source == pair.target:
            return like[pair.source]
        if self._alike(pair.source, pair.target):
            return like[pair.source] * (like[pair.source] - 1)
        return like[pair.source] * like[pair.target]

    def _alike(self, one: str, other: str) -> bool:
        return self.fabric.kinds[one] == self.fabric.kinds[other]

    @cached_property
    def remains(self) -> tuple[Remains, ...]:
        """Return what each loss leaves, one for all losses that are alike."""
        before = self.statuses
        return tuple(self._remains(loss, before) for loss in losses(self.fabric) if self._first(loss))

    def _first(self, loss: Loss) -> bool:
        """Tell whether no earlier rack that is alike has the same loss."""
        racks = [rack.name for name in (loss.router, loss.other) for rack in self.fabric.behind.get(name, ())]
        racks += [loss.other] if loss.other in self.fabric.index else []
        return all(self.fabric.kinds[rack] == rack or self.fabric.like[rack] == 1 for rack in racks)

    def number_of_losses(self, loss: Loss) -> int:
        """Return how many losses one stands for."""
        racks = {rack.name for name in (loss.router, loss.other) for rack in self.fabric.behind.get(name, ())}
        racks |= {loss.other} & self.fabric.index.keys()
        return max((self.fabric.like[rack] for rack in racks), default=1)

    def _remains(self, loss: Loss, before: dict[Pair, Status]) -> Remains:
        gaps = before.keys() | {Pair(target, source) for source, target in before}
        harmed = {pair: status for pair, status in self.harm(loss).items() if pair not in gaps}
        return Remains(loss, harmed, not any(self.promised(loss, *harm) for harm in harmed.items()))

    def harm(self, loss: Loss) -> dict[Pair, Status]:
        """Return the classes that are not carried after a loss; an uplink's and an agent's are those of one node."""
        state = after(loss)
        known = knowledge(self.fabric, state)
        if loss.kind is Kind.UPLINK:
            return self._uplink(loss, known)
        if loss.kind is Kind.AGENT:
            return self._agent(self.group(loss.other))
        return self._harm(state, known)

    def _harm(self, state: State, known: dict[str, int]) -> dict[Pair, Status]:
        full = (1 << len(self.fabric.racks)) - 1
        harmed: dict[Pair, Status] = {}
        for rack in self.fabric.racks:
            every, some = _masks(state.senders(rack), known)
            if rack.nodes < 2 or (rack.direct and _segment_lives(rack, state)):
                own = 1 << self.fabric.index[rack.name]
                every, some = every | own, some | own
            if every != full:
                harmed.update(self._told(rack, full & ~every, some))
        return harmed

    def _told(self, source: Group, missing: int, some: int) -> Iterator[tuple[Pair, Status]]:
        for bit, target in enumerate(self.fabric.racks):
            if missing >> bit & 1:
                yield Pair(source.name, target.name), Status.PARTLY if some >> bit & 1 else Status.LOST

    def _uplink(self, loss: Loss, known: dict[str, int]) -> dict[Pair, Status]:
        """Return what one node loses with one of its uplinks: packets to it, then packets from it."""
        hit, own = self.group(loss.other), 1 << self.fabric.index[loss.other]
        harmed: dict[Pair, Status] = {}
        for source in self.fabric.racks:
            every, some = _masks(WHOLE.senders(source), known)
            if source is hit and source.direct:
                every = some = 0 if loss.router in hit.homes else own
            if not every & own and (source is not hit or hit.nodes > 1):
                harmed[Pair(source.name, hit.name)] = Status.PARTLY if some & own else Status.LOST
        every, some = _masks(after(loss).senders(hit), known)
        others = (1 << len(self.fabric.racks)) - 1 & ~own
        return harmed | dict(self._told(hit, others & ~every, some))

    def _agent(self, hit: Group) -> dict[Pair, Status]:
        """Return which classes lose the pods of a node that no router hears of any more."""
        sources = (one for one in self.fabric.racks if one is not hit or (hit.nodes > 1 and not hit.direct))
        return {Pair(source.name, hit.name): Status.LOST for source in sources}

    def promised(self, loss: Loss, pair: Pair, status: Status) -> bool:
        """Tell whether a rack with several routers is harmed, and not by what a rack with one router has chosen."""
        ends = (self.group(pair.source), self.group(pair.target))
        if loss.kind is Kind.AGENT or not any(rack.redundant for rack in ends):
            return False
        if status is Status.PARTLY:
            return True  # another router of the rack still has a way
        return not any({loss.router, loss.other} & {*rack.routers} for rack in ends if not rack.redundant)


def _masks(senders: tuple[str, ...], known: dict[str, int]) -> tuple[int, int]:
    """Return the racks that every router of a rack knows, and those that at least one knows."""
    every, some = (-1 if senders else 0), 0
    for router in senders:
        every, some = every & known[router], some | known[router]
    return every, some


def _segment_lives(rack: Group, state: State) -> bool:
    """Tell whether a rack's nodes still send to each other directly: a switch outlives routers, their ports do not.

    With a segment to each router a direct route leaves with its segment, and what is left are the other routers.
    """
    lost = [router for router in rack.routers if router not in state.senders(rack)]
    return rack.shared or not lost


def _pairs(fabric: Fabric) -> Iterator[Pair]:
    """Yield one pair of racks for each kind of pair, both directions of it in one."""
    seen: set[frozenset[str]] = set()
    for number, source in enumerate(fabric.racks):
        for target in fabric.racks[number:]:
            if source is target and source.nodes < 2:
                continue
            kind = frozenset({fabric.kinds[source.name], fabric.kinds[target.name], "same" if source is target else ""})
            if kind not in seen:
                seen.add(kind)
                yield Pair(source.name, target.name)


def solve(site: Site) -> Solution:
    """Return the paths of a site."""
    return Solution(fabric_of(site))
