"""Rules about single ranges: sizes that Kubernetes and Cilium can use, addresses that routers forward."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.plan.checks.registry import REMOVED, Declaration, Problem, rule
from underlay.plan.ranges import special

FORWARDED = ("pod-pool", "service-range", "load-balancer-pool", "node-subnet", "fabric")
SMALLEST_SHARE = 29
"""Longest mask of a node's pod network: of /30 the agent keeps both addresses for itself, and no pod gets one."""
LARGEST_SERVICES, SMALLEST_SERVICES = 12, 28
"""Prefix lengths: the API server takes no more than 20 bits of addresses, and DNS has the tenth one by custom."""
NAMED = 3
"""Ranges that a message names; the others are counted."""


@rule("pod-mask-outside-pool", bad={"addresses.pods.mask": 31}, good={"addresses.pods.mask": 24})
def pod_mask_fits_the_pool(declaration: Declaration) -> Iterator[Problem]:
    """A mask shorter than a pool's leaves no network to give away: nodes would wait for ever, without an error."""
    pods = declaration.site.addresses.pods
    longest = max(pool.prefixlen for pool in pods.pools)
    if not longest <= pods.mask <= SMALLEST_SHARE:
        expected = f"a length from {longest} (the smallest pool's) to {SMALLEST_SHARE}"
        yield Problem("site.addresses.pods.mask", f"/{pods.mask}", expected)


@rule(
    "service-range-size",
    bad={"addresses.services": "10.96.0.0/11"},
    good={"addresses.services": "10.96.0.0/12"},
)
def services_fit_the_api_server(declaration: Declaration) -> Iterator[Problem]:
    """The API server does not start with a larger range, and cluster DNS finds no address in a smaller one."""
    services = declaration.site.addresses.services
    if not LARGEST_SERVICES <= services.prefixlen <= SMALLEST_SERVICES:
        expected = f"a length from /{LARGEST_SERVICES} to /{SMALLEST_SERVICES}"
        yield Problem("site.addresses.services", services, expected, "It cannot change once the cluster is made.")


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


@rule(
    "native-cidr-swallows-range",
    bad={"addresses.pods.pools.1": "10.100.0.0/16", "security_groups": REMOVED},
    good={"addresses.pods.pools.1": "10.245.0.0/16", "security_groups": REMOVED},
)
def native_cidr_holds_pods_only(declaration: Declaration) -> Iterator[Problem]:
    """Cilium routes and does not translate towards the smallest network around all pools: nothing else may be in it."""
    pods = declaration.site.addresses.pods
    swallowed = [
        one
        for one in declaration.ranges
        if one.network.overlaps(pods.native) and not any(one.network.overlaps(pool) for pool in pods.pools)
    ]
    if swallowed:
        names = ", ".join(f"{one.network} ({one.where})" for one in swallowed[:NAMED])
        more = f" and {len(swallowed) - NAMED} more" if len(swallowed) > NAMED else ""
        found = f"{', '.join(map(str, pods.pools))}, whose common network {pods.native} holds {names}{more}"
        fix = "Take pools that lie side by side."
        yield Problem("site.addresses.pods.pools", found, "pools whose common network holds pods only", fix)
