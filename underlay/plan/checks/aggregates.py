"""Rules about aggregates, and about lists in which an item counts once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network

from underlay.plan.checks.registry import Declaration, Problem, rule

OURS = ("service-range", "load-balancer-pool", "node-subnet", "fabric")
"""Kinds beside pods that a router of the site may announce as one."""


@rule(
    "aggregate-splits-pool",
    bad={"routers.0.aggregates": ["10.244.0.0/17"]},
    good={"routers.0.aggregates": ["10.244.0.0/16"]},
)
def aggregates_cover_whole_pools(declaration: Declaration) -> Iterator[Problem]:
    """Cilium gives a node of any rack any network of a pool: a part of the pool belongs to no router."""
    for where, aggregate in _aggregates(declaration):
        for pool in declaration.site.addresses.pods.pools:
            if aggregate != pool and aggregate.subnet_of(pool):
                yield Problem(where, f"{aggregate}, a part of the pod pool {pool}", f"{pool} as a whole")


@rule(
    "aggregate-outside-ranges",
    bad={"routers.0.aggregates": ["10.240.0.0/12"]},
    good={"routers.0.aggregates": ["10.244.0.0/16"]},
)
def aggregates_are_ours(declaration: Declaration) -> Iterator[Problem]:
    """The router draws the traffic of the whole aggregate and discards what is not ours: somebody else's packets."""
    own = [one.network for one in declaration.ranges if one.kind in OURS]
    allowed = [declaration.site.addresses.pods.native, *own]
    for where, aggregate in _aggregates(declaration):
        if not any(aggregate.subnet_of(network) for network in allowed):
            expected = "a part of one declared range of pods, services, load balancers, nodes or the fabric"
            yield Problem(where, aggregate, expected)


def _aggregates(declaration: Declaration) -> Iterator[tuple[str, IPv4Network]]:
    for index, router in enumerate(declaration.site.routers):
        for number, aggregate in enumerate(router.aggregates):
            yield f"site.routers.{index}.aggregates.{number}", aggregate


@rule(
    "item-not-unique",
    bad={"security_groups.0.nodes.4": "worker-3"},
    good={"security_groups.0.nodes": ["cp-1", "worker-1", "worker-2", "worker-3"]},
)
def lists_name_an_item_once(declaration: Declaration) -> Iterator[Problem]:
    """A second mention does nothing; mostly another item was meant, which is then missing."""
    for where, items in _lists(declaration):
        for item, count in Counter(map(str, items)).items():
            if count > 1:
                yield Problem(where, f"{count} times {item}", "each item once")


def _lists(declaration: Declaration) -> Iterator[tuple[str, Sequence[object]]]:
    for index, router in enumerate(declaration.site.routers):
        yield f"site.routers.{index}.aggregates", router.aggregates
    for where, router, number in declaration.sessions():
        yield f"{where}.accepts", router.neighbors[number].accepts
    for index, group in enumerate(declaration.site.security_groups):
        yield f"site.security_groups.{index}.nodes", group.nodes
        yield f"site.security_groups.{index}.allow", [tuple(allow.model_dump().values()) for allow in group.allow]
