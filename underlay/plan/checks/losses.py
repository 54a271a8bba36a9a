"""Rules about losses: what a rack with several routers promises holds when one thing fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from underlay.model import Egress
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.checks.shapes import A_B, A_C, B_C, three
from underlay.plan.paths.losses import Kind, Loss
from underlay.plan.paths.places import place
from underlay.plan.paths.solve import Pair, Remains, Solution

SEES: dict[Egress, str] = {
    Egress.SINGLE: "has one router only",
    Egress.ECMP_LINK_STATE: "sees its links, not the router's routes",
    Egress.ANYCAST_GATEWAY: "sends to every router that answers for the gateway",
    Egress.VRRP: "follows the router that is alive, not the one with routes",
}
"""Why the nodes of a rack go on sending to a router without a route."""
MEND: dict[Kind, str] = {
    Kind.ROUTER: "Give the other router of the rack a way of its own.",
    Kind.RACK_LINK: "Give the other router of the rack a way of its own.",
    Kind.LINK: "Declare a session between the rack's routers, or a second link to the rest of the fabric.",
    Kind.UPLINK: "Declare a session between the rack's routers, with one number or two different ones.",
    Kind.BGP: "Let the router give up the rack when its daemon ends, or shorten the time until it is back.",
}


class Harm(NamedTuple):
    """Losses of one kind that break a promise, told by the first of them."""

    remains: Remains
    pair: Pair
    number: int


def _own(solution: Solution, loss: Loss) -> bool:
    """Tell whether a rack with several routers has this one."""
    return any(rack.redundant for rack in solution.fabric.behind[loss.router])


def _harms(solution: Solution, chosen: Callable[[Loss], bool]) -> Iterator[Harm]:
    """Yield the broken promises by kind of loss and of egress."""
    found: dict[tuple[Kind, Egress], Harm] = {}
    promised = solution.promised
    for remains in solution.remains:
        if not remains.excused and chosen(remains.loss):
            pair = next(pair for pair, status in remains.harmed.items() if promised(remains.loss, pair, status))
            key = (remains.loss.kind, solution.group(pair.source).egress)
            first = found.get(key, Harm(remains, pair, 0))
            found[key] = first._replace(number=first.number + solution.number_of_losses(remains.loss))
    yield from found.values()


def _problem(declaration: Declaration, harm: Harm) -> Problem:
    solution, (loss, harmed, _) = declaration.paths, harm.remains
    source = solution.group(harm.pair.source)
    more = f" (and {len(harmed) - 1} other classes)" if len(harmed) > 1 else ""
    alike = f", and {harm.number - 1} losses like it" if harm.number > 1 else ""
    why = f"; {source.egress} {SEES[source.egress]}" if loss.kind in {Kind.BGP, Kind.LINK} else ""
    text = f"{harm.pair} {harmed[harm.pair]} without {loss}{more}{alike}{why}"
    return Problem(place(declaration.site, loss), text, "pods that reach each other without it", MEND[loss.kind])


@rule("router-loss-not-survived", bad=three(A_B, B_C), good=three(A_B, A_C, B_C))
def racks_survive_their_routers(declaration: Declaration) -> Iterator[Problem]:
    """Several routers in a rack promise that one of them can be lost."""
    solution = declaration.paths
    for harm in _harms(solution, lambda loss: loss.kind in {Kind.ROUTER, Kind.RACK_LINK} and _own(solution, loss)):
        yield _problem(declaration, harm)


@rule("transit-loss-not-survived", severity="warning", bad=three(A_B, A_C), good=three(A_B, A_C, B_C))
def racks_survive_what_is_between(declaration: Declaration) -> Iterator[Problem]:
    """Racks with several routers can still hang on one link or on one router between them."""
    solution = declaration.paths
    between = {Kind.LINK, Kind.UPLINK}
    for harm in _harms(
        solution, lambda loss: loss.kind in between or (loss.kind is Kind.ROUTER and not _own(solution, loss))
    ):
        yield _problem(declaration, harm)


@rule("bgp-loss-not-survived", severity="warning", bad=three(A_B, A_C, B_C), good=three(A_B, A_C, B_C, redundant=False))
def racks_survive_a_daemon(declaration: Declaration) -> Iterator[Problem]:
    """No egress mechanism notices a router without routes: it still answers, and drops what it gets."""
    solution = declaration.paths
    for harm in _harms(solution, lambda loss: loss.kind is Kind.BGP and _own(solution, loss)):
        yield _problem(declaration, harm)
