"""Rules about address ranges: none overlaps another, and the pod pool is large enough."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import combinations, combinations_with_replacement

from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.ranges import KINDS, ranges, special

ALONE = ("service-range", "out-of-band")
"""Kinds that a site has once: they cannot overlap themselves."""
FORWARDED = ("pod-pool", "service-range", "load-balancer-pool", "node-subnet")
SMALLEST_SHARE = 30
"""Longest mask of a node's pod network: shorter ones have room for a router address and a pod."""


def overlaps(declaration: Declaration, first: str, second: str) -> Iterator[Problem]:
    """Yield each pair of ranges of two kinds that share addresses."""
    for one, other in combinations(ranges(declaration.site), 2):
        if (one.kind, other.kind) == (first, second) and one.network.overlaps(other.network):
            found = f"{one.network}, which shares addresses with {other.network} ({other.where})"
            yield Problem(one.where, found, "ranges that share no address", "Move one of the two.")


for _first, _second in combinations_with_replacement(KINDS, 2):
    if _first != _second or _first not in ALONE:
        rule(f"{_first}-overlaps-{_second}")(partial(overlaps, first=_first, second=_second))


@rule("pod-mask-outside-pool")
def pod_mask_fits_the_pool(declaration: Declaration) -> Iterator[Problem]:
    """A mask shorter than a pool's leaves no network to give away: nodes would wait for ever, without an error."""
    pods = declaration.site.addresses.pods
    longest = max(pool.prefixlen for pool in pods.pools)
    if not longest <= pods.mask <= SMALLEST_SHARE:
        expected = f"a length from {longest} (the smallest pool's) to {SMALLEST_SHARE}"
        yield Problem("site.addresses.pods.mask", f"/{pods.mask}", expected)


@rule("pod-pool-too-small")
def pod_pool_has_room_for_every_node(declaration: Declaration) -> Iterator[Problem]:
    """Each node takes one network of the pool."""
    pods, count = declaration.site.addresses.pods, len(declaration.site.nodes)
    room = sum(2 ** (pods.mask - pool.prefixlen) for pool in pods.pools if pods.mask >= pool.prefixlen)
    if room < count:
        found = f"{', '.join(map(str, pods.pools))} with room for {room} networks of /{pods.mask}"
        fix = "Take a larger pool or a longer mask before the cluster is made; neither can change later."
        yield Problem("site.addresses.pods", found, f"room for {count} nodes", fix)


@rule("range-special-purpose")
def ranges_are_ordinary(declaration: Declaration) -> Iterator[Problem]:
    """The kernel never forwards these addresses, whatever routes say."""
    for one in ranges(declaration.site):
        if one.kind in FORWARDED and (found := special(one.network)):
            yield Problem(one.where, f"{one.network}, which shares addresses with {found}", "addresses of hosts")
