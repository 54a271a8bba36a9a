"""Rules about paths: every node's pods reach every other node's, and what several routers promise is kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from underlay.plan.checks.registry import REMOVED, Declaration, Problem, rule
from underlay.plan.checks.shapes import A_B, A_C, B_C, three
from underlay.plan.paths.gaps import Gap, island
from underlay.plan.paths.places import link_place, neighbor_place, router_place
from underlay.plan.paths.solve import Pair, Solution, Status


def _of(declaration: Declaration, cause: str) -> Iterator[Gap]:
    return (gap for gap in declaration.gaps if gap.cause == cause)


def _also(number: int, what: str) -> str:
    return f" (and {number:,} {what})" if number else ""


@rule("asn-not-unique", bad={"bgp.asn": 65102}, good={"bgp.asn": 65010})
def numbers_let_routes_pass(declaration: Declaration) -> Iterator[Problem]:
    """A router drops a route whose path holds its own number (RFC 4271, section 9.1.2).

    Equal numbers are fine where no such route is needed: two routers of one rack, or two that no third one joins.
    """
    site = declaration.site
    found: dict[int, list[Gap]] = {}
    for gap in _of(declaration, "loop"):
        found.setdefault(site.router(gap.router).asn, []).append(gap)
    for asn, items in found.items():
        gap = items[0]
        names = [router.name for router in site.routers if router.asn == asn and router.name != gap.router]
        owners = ", ".join([*(["the cluster"] if site.bgp.asn == asn else []), *names[:3]]) + _also(
            len(names[3:]), "more"
        )
        text = f"{asn}, as {owners}: {gap.router} drops what {gap.other} tells about the pods of {gap.pair.target}"
        yield Problem(f"{router_place(site, gap.router)}.asn", text, "a number of its own")


@rule(
    "ibgp-route-not-passed-on",
    bad=three(A_C, B_C, number=65101, redundant=False),
    good=three(A_C, B_C, redundant=False),
)
def inner_routes_reach_everyone(declaration: Declaration) -> Iterator[Problem]:
    """A router tells what it learned from a peer of its own number to no third router of that number."""
    site = declaration.site
    found = {(gap.router, gap.other): gap for gap in reversed([*_of(declaration, "inner")])}
    for (router, other), gap in found.items():
        text = f"{router} and {other} with one number: {router} does not tell {other} of the pods of {gap.pair.target}"
        expected = "sessions between all routers of one number, or a number for each"
        yield Problem(neighbor_place(site, router, other), text, expected)


@rule(
    "pod-path-missing",
    bad={"routers.0.neighbors.0": REMOVED, "routers.1.neighbors": []},
    good={
        "routers.0.neighbors.0": {"name": "tor-b", "asn": 65102, "local": "172.30.255.0", "remote": "172.30.255.1"},
        "routers.1.neighbors": [{"name": "tor-a", "asn": 65101, "local": "172.30.255.1", "remote": "172.30.255.0"}],
    },
)
def pods_of_all_racks_reach_each_other(declaration: Declaration) -> Iterator[Problem]:
    """Nodes send pods' packets to their rack's router; a chain of routers has to know the other rack's pod networks."""
    solution = declaration.paths
    found: dict[frozenset[str], list[Pair]] = {}
    for gap in _of(declaration, "silence"):
        if gap.status is Status.LOST:
            found.setdefault(_islands(solution, gap.pair), []).append(gap.pair)
    for pairs in found.values():
        both = {frozenset(pair): pair for pair in reversed(pairs)}
        one, other = pairs[0]
        expected = "routers that exchange pod networks by BGP, each declared as the other's neighbour"
        fix = "Declare the session between their routers on both sides."
        where = f"racks {one} and {other}" + _also(len(both) - 1, "other pairs")
        yield Problem(where, "no chain of routers between them", expected, fix)


def _islands(solution: Solution, pair: Pair) -> frozenset[str]:
    return frozenset(island(solution.fabric, solution.group(rack).routers[0]) for rack in pair)


@rule("pod-path-partial", bad=three(A_B), good=three(A_B, A_C, B_C))
def every_router_of_a_rack_knows_every_way(declaration: Declaration) -> Iterator[Problem]:
    """Nodes send to all routers of their rack; one without a route drops its share of the packets."""
    site = declaration.site
    partly = [gap for gap in _of(declaration, "silence") if gap.status is Status.PARTLY]
    for (source, router), group in groupby(partly, lambda gap: (gap.pair.source, gap.router)):
        targets = [gap.pair.target for gap in group]
        text = f"{router}, which never hears of the pods of {targets[0]}" + _also(len(targets) - 1, "other racks")
        fix = "Declare its session with a router that knows them, on both sides."
        yield Problem(link_place(site, source, router), text, "routers that all know every rack", fix)
