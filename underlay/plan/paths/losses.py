"""What can fail, one at a time, and what of the fabric is left then."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from underlay.model import Egress
from underlay.plan.paths.fabric import Fabric, Group


class Kind(StrEnum):
    """A kind of loss."""

    ROUTER = "router"
    """The whole machine: every link of it goes down."""
    LINK = "link"
    """The cable between two routers, and so their session."""
    RACK_LINK = "rack link"
    """All ports of a router in one rack."""
    UPLINK = "uplink"
    """One of several cards of one node."""
    BGP = "BGP daemon"
    """Gone for longer than neighbours wait for it: the router answers, and has no route but to its own segments."""
    AGENT = "agent"
    """The BGP speaker of one node, for longer than a graceful restart lasts; the node forwards."""


class Loss(NamedTuple):
    """One loss; `other` is the peer router of a link, the rack of a rack link, an uplink or an agent."""

    kind: Kind
    router: str
    other: str = ""

    def __str__(self) -> str:
        """Name the loss for people."""
        return WORDS[self.kind].format(router=self.router, other=self.other)


WORDS: dict[Kind, str] = {
    Kind.ROUTER: "router {router}",
    Kind.LINK: "link {router} - {other}",
    Kind.RACK_LINK: "link {router} - {other}",
    Kind.UPLINK: "uplink of a node of {other} to {router}",
    Kind.BGP: "BGP daemon of {router}",
    Kind.AGENT: "agent of a node of {other}",
}


class State(NamedTuple):
    """What is gone."""

    dead: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    """Routers without their BGP daemon."""
    cut: frozenset[frozenset[str]] = frozenset()
    """Pairs of routers without the link between them."""
    unplugged: frozenset[tuple[str, str]] = frozenset()
    """Pairs of rack and router."""

    def senders(self, rack: Group) -> tuple[str, ...]:
        """Return the routers to which the rack's nodes may send: those that are alive on the segment."""
        return tuple(r for r in rack.routers if r not in self.dead and (rack.name, r) not in self.unplugged)

    def speakers(self, rack: Group) -> tuple[str, ...]:
        """Return the routers that learn the pods of a rack from its nodes."""
        return tuple(router for router in self.senders(rack) if router not in self.silent)

    def joined(self, one: str, other: str) -> bool:
        """Tell whether the session between two routers that declare it is up."""
        gone = self.dead | self.silent
        return one not in gone and other not in gone and not (self.cut and frozenset((one, other)) in self.cut)


WHOLE = State()


def after(loss: Loss) -> State:
    """Return what is gone for everybody after a loss; what only one node lost looks to routers as a rack link would."""
    match loss.kind:
        case Kind.ROUTER:
            return State(dead=frozenset({loss.router}))
        case Kind.BGP:
            return State(silent=frozenset({loss.router}))
        case Kind.LINK:
            return State(cut=frozenset({frozenset({loss.router, loss.other})}))
        case Kind.AGENT:
            return WHOLE
    return State(unplugged=frozenset({(loss.other, loss.router)}))


def losses(fabric: Fabric) -> Iterator[Loss]:
    """Yield every single loss that can touch pod traffic."""
    for router in fabric.asns:
        yield Loss(Kind.ROUTER, router)
        yield Loss(Kind.BGP, router)
        yield from (Loss(Kind.LINK, router, peer) for peer in fabric.peers[router] if router < peer)
    for rack in fabric.racks:
        yield from (Loss(Kind.RACK_LINK, router, rack.name) for router in rack.routers)
        if rack.egress is Egress.ECMP_LINK_STATE:
            yield from (Loss(Kind.UPLINK, router, rack.name) for router in rack.routers)
        yield Loss(Kind.AGENT, "", rack.name)
