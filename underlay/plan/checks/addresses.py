"""Rules about address ranges: none overlaps another, and the pod pool is large enough."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.ranges import special

FORWARDED = ("pod-pool", "service-range", "load-balancer-pool", "node-subnet")
SMALLEST_SHARE = 30
"""Longest mask of a node's pod network: shorter ones have room for a router address and a pod."""


@rule(
    "pod-mask-outside-pool",
    bad={"addresses.pods.mask": 31},
    good={"addresses.pods.mask": 24},
)
def pod_mask_fits_the_pool(declaration: Declaration) -> Iterator[Problem]:
    """A mask shorter than a pool's leaves no network to give away: nodes would wait for ever, without an error."""
    pods = declaration.site.addresses.pods
    longest = max(pool.prefixlen for pool in pods.pools)
    if not longest <= pods.mask <= SMALLEST_SHARE:
        expected = f"a length from {longest} (the smallest pool's) to {SMALLEST_SHARE}"
        yield Problem("site.addresses.pods.mask", f"/{pods.mask}", expected)


@rule(
    "pod-pool-too-small",
    bad={"addresses.pods.pools": ["10.244.0.0/23"]},
    good={"addresses.pods.pools": ["10.244.0.0/20"]},
)
def pod_pool_has_room_for_every_node(declaration: Declaration) -> Iterator[Problem]:
    """Each node takes one network of the pool."""
    pods, count = declaration.site.addresses.pods, len(declaration.site.nodes)
    room = sum(2 ** (pods.mask - pool.prefixlen) for pool in pods.pools if pods.mask >= pool.prefixlen)
    if room < count:
        found = f"{', '.join(map(str, pods.pools))} with room for {room} networks of /{pods.mask}"
        fix = "Take a larger pool or a longer mask before the cluster is made; neither can change later."
        yield Problem("site.addresses.pods", found, f"room for {count} nodes", fix)


@rule(
    "range-special-purpose",
    bad={"addresses.services": "169.254.64.0/20"},
    good={"addresses.services": "10.96.0.0/16"},
)
def ranges_are_ordinary(declaration: Declaration) -> Iterator[Problem]:
    """No router forwards these addresses, whatever routes say."""
    for one in declaration.ranges:
        if one.kind in FORWARDED and (found := special(one.network)):
            yield Problem(one.where, f"{one.network}, which shares addresses with {found}", "addresses of hosts")
