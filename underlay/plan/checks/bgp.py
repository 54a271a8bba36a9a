"""Rules about BGP: numbers and addresses agree on both sides of a session, timers can work."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from underlay.model import Neighbor, Platform, Router
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.ranges import special

DEFAULT = IPv4Network("0.0.0.0/0")
SHORTEST_RESTART = 15
"""Seconds; measured: 12.8 from an agent's end to its session."""
RESERVED = {
    23456: "which stands for four bytes where only two fit (RFC 6793)",
    65535: "the last of two bytes (RFC 7300)",
    4294967295: "the last of four bytes (RFC 7300)",
}
"""Numbers that nobody may have, with what they are."""

OF_CLUSTER = ("pod-pool", "service-range", "load-balancer-pool")
"""Kinds of ranges whose addresses the cluster gives away."""
RESERVED_HALF = 65535
"""First half of communities with a meaning of their own (RFC 1997, RFC 7999, RFC 8326)."""


@rule(
    "hold-below-three-keepalives",
    bad={"bgp.timers.hold": 5},
    good={"bgp.timers.hold": 9},
)
def hold_time_covers_three_keepalives(declaration: Declaration) -> Iterator[Problem]:
    """One lost packet must not end a session (RFC 4271, section 10)."""
    timers = declaration.site.bgp.timers
    if timers.hold < 3 * timers.keepalive:
        yield Problem("site.bgp.timers.hold", timers.hold, f"{3 * timers.keepalive} or more: three times keepalive")


@rule(
    "asn-reserved",
    bad={"routers.0.neighbors.1.asn": 23456},
    good={"routers.0.neighbors.1.asn": 65200},
)
def numbers_are_for_use(declaration: Declaration) -> Iterator[Problem]:
    """These stand for something else in BGP's own messages, and routers refuse a peer that has one."""
    for where, number in _numbers(declaration):
        if number in RESERVED:
            yield Problem(where, f"{number}, {RESERVED[number]}", "a number of your own, or a private one")


def _numbers(declaration: Declaration) -> Iterator[tuple[str, int]]:
    """Yield each number where it is decided: a neighbour's own only if it is no router of the site."""
    yield "site.bgp.asn", declaration.site.bgp.asn
    for index, router in enumerate(declaration.site.routers):
        yield f"site.routers.{index}.asn", router.asn
    for where, router, number in declaration.sessions():
        if router.neighbors[number].name not in declaration.site.router_names:
            yield f"{where}.asn", router.neighbors[number].asn


@rule(
    "community-reserved",
    bad={"bgp.communities": ["65535:65281"]},
    good={"bgp.communities": ["65010:100"]},
)
def communities_are_marks_only(declaration: Declaration) -> Iterator[Problem]:
    """Routers obey these: they keep pods from other racks (NO_EXPORT, 65535:65281), or discard their packets (666)."""
    for number, community in enumerate(declaration.site.bgp.communities):
        if int(community.partition(":")[0]) == RESERVED_HALF:
            expected = f"a mark of your own, from 0:0 to {RESERVED_HALF - 1}:65535"
            yield Problem(f"site.bgp.communities.{number}", community, expected)


@rule(
    "neighbor-address-of-cluster",
    bad={"routers.0.neighbors.1.remote": "10.244.0.3"},
    good={"routers.0.neighbors.1.remote": "172.30.255.3"},
)
def neighbors_are_outside_the_cluster(declaration: Declaration) -> Iterator[Problem]:
    """Addresses of pods and services are routed to nodes, and special ones nowhere: no router answers there."""
    ranges = [(one.network, one.where) for one in declaration.ranges if one.kind in OF_CLUSTER]
    fabric = declaration.site.addresses.fabric
    for where, router, number in declaration.sessions():
        remote = router.neighbors[number].remote
        if any(remote in network for network in fabric):
            continue  # the ranges themselves overlap then
        taken = [f"{network} ({place})" for network, place in ranges if remote in network]
        if found := taken or [str(one) for one in [special(IPv4Network(remote))] if one]:
            yield Problem(f"{where}.remote", f"{remote}, in {found[0]}", "the address of a router")


@rule(
    "neighbor-asn-differs",
    bad={"racks.1.links.0.router": "tor-a", "routers.1.neighbors.0.asn": 65109},
    good={"racks.1.links.0.router": "tor-a", "routers.1.neighbors.0.asn": 65101},
)
def neighbors_expect_the_declared_asn(declaration: Declaration) -> Iterator[Problem]:
    """A peer with another number is refused in its first message."""
    for where, _, neighbor, other in _inner(declaration):
        if other.asn != neighbor.asn:
            yield Problem(f"{where}.asn", neighbor.asn, f"{other.asn}, the number of router {other.name}")


def _inner(declaration: Declaration) -> Iterator[tuple[str, Router, Neighbor, Router]]:
    """Yield place, router, neighbour and the neighbour's own declaration for each session within the site."""
    site = declaration.site
    for where, router, number in declaration.sessions():
        neighbor = router.neighbors[number]
        if neighbor.name in site.router_names:
            yield where, router, neighbor, site.router(neighbor.name)


@rule(
    "neighbor-not-mutual",
    bad={"racks.1.links.0.router": "tor-a", "routers.1.neighbors": []},
    good={"racks.1.links.0.router": "tor-a"},
)
def routers_declare_each_other(declaration: Declaration) -> Iterator[Problem]:
    """A session needs both sides, with the same two addresses."""
    for where, router, neighbor, other in _inner(declaration):
        if other.asn == neighbor.asn and not _answers(router, neighbor, other):
            expected = (
                f"router {other.name} to declare {router.name} with local {neighbor.remote}, remote {neighbor.local}"
            )
            yield Problem(where, f"{neighbor.local} to {neighbor.remote} on one side only", expected)


def _answers(router: Router, neighbor: Neighbor, other: Router) -> bool:
    """Tell whether the other side declares the session, whatever number it expects: another rule compares numbers."""
    return any(
        back.name == router.name and (back.local, back.remote) == (neighbor.remote, neighbor.local)
        for back in other.neighbors
    )


@rule(
    "accepted-prefix-not-external",
    bad={"routers.0.neighbors.1.accepts": ["198.51.100.0/24"]},
    good={"routers.0.neighbors.1.accepts": ["203.0.113.0/24"]},
)
def accepted_prefixes_are_external(declaration: Declaration) -> Iterator[Problem]:
    """A neighbour that could announce other ranges could take over pods, nodes or services; a default route cannot."""
    external = declaration.site.addresses.external
    for where, router, number in declaration.sessions():
        for network in router.neighbors[number].accepts:
            if network != DEFAULT and not any(network.subnet_of(allowed) for allowed in external):
                expected = "a part of one of site.addresses.external, or the default route 0.0.0.0/0"
                yield Problem(f"{where}.accepts", network, expected, "Declare the outside network first.")


@rule(
    "neighbor-asn-not-external",
    bad={"routers.0.neighbors.1.asn": 65010},
    good={"routers.0.neighbors.1.asn": 65200},
)
def outside_neighbors_have_other_numbers(declaration: Declaration) -> Iterator[Problem]:
    """A peer outside with a number of the site: it drops paths that hold it already, and so does that router."""
    site = declaration.site
    for where, router, number in declaration.sessions():
        neighbor = router.neighbors[number]
        owners = {other.asn: f"router {other.name}" for other in site.routers} | {site.bgp.asn: "the cluster"}
        if neighbor.name not in site.router_names and neighbor.asn in owners:
            yield Problem(f"{where}.asn", f"{neighbor.asn}, as {owners[neighbor.asn]}", "a number of its own")


@rule(
    "dynamic-nodes-not-on-platform",
    bad={"routers.0.platform": "vrp", "routers.0.managed": False, "routers.0.dynamic_nodes": True},
    good={"routers.0.dynamic_nodes": True},
)
def platforms_take_nodes_without_names(declaration: Declaration) -> Iterator[Problem]:
    """FRR and BIRD take any peer of a segment; for VRP this has not been written, because nobody has run it here."""
    for index, router in enumerate(declaration.site.routers):
        if router.dynamic_nodes and router.platform is Platform.VRP:
            fix = "Leave dynamic_nodes out: each node is then a neighbour by its address."
            yield Problem(f"site.routers.{index}.dynamic_nodes", f"true on {router.platform}", "frr or bird", fix)


@rule(
    "graceful-restart-too-short",
    bad={"bgp.graceful_restart.restart": 14},
    good={"bgp.graceful_restart.restart": 15},
)
def graceful_restart_outlasts_an_agent(declaration: Declaration) -> Iterator[Problem]:
    """Routers that give up earlier drop a node's pods while its agent restarts, although the kernel forwards them."""
    restart = declaration.site.bgp.graceful_restart
    if restart and restart.restart < SHORTEST_RESTART:
        expected = f"{SHORTEST_RESTART} or more: an agent needs 12.8 s to restart"
        yield Problem("site.bgp.graceful_restart.restart", restart.restart, expected)
