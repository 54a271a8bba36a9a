"""Rules about every pair of kinds of ranges: no two share an address."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement

from underlay.plan.checks.registry import REMOVED, Check, Declaration, Example, Problem, rule
from underlay.plan.ranges import KINDS

ALONE = ("service-range", "out-of-band")
"""Kinds that a site has once: they cannot overlap themselves."""

PARTS = {
    "pod-pool": "10.244.64.0/24",
    "service-range": "10.96.7.0/24",
    "node-subnet": "172.30.2.128/26",
    "out-of-band": "192.168.250.64/26",
    "fabric": "172.30.255.64/26",
    "external": "203.0.113.128/26",
}
"""A part of a range of each kind that the examples' site declares."""
FREE = "10.200.7.0/24"
"""A network that the examples' site does not use."""


def _check(first: str, second: str) -> Check:
    def overlaps(declaration: Declaration) -> Iterator[Problem]:
        for one, other in declaration.overlaps.get((first, second), ()):
            same = f"{one.network}, the same range as {other.where}"
            shared = f"{one.network}, which shares addresses with {other.network} ({other.where})"
            found = same if one.network == other.network else shared
            yield Problem(one.where, found, "ranges that share no address", "Move one of the two.")

    overlaps.__doc__ = f"An address of both a {first} and a {second} leads to one of them only; the other is cut off."
    return overlaps


def _placed(kind: str, network: str) -> Example:
    """Return the change of the examples' site that declares one more range of a kind."""
    host = network.replace(".0/", ".1/").replace(".64/", ".65/").replace(".128/", ".129/").partition("/")[0]
    rack = {"name": "rack-c", "egress": "single", "links": [{"router": "tor-b", "subnet": network, "address": host}]}
    places: dict[str, Example] = {
        "pod-pool": {"addresses.pods.pools.1": network},
        "service-range": {"addresses.services": network},
        "load-balancer-pool": {"addresses.load_balancers": [network]},
        "node-subnet": {"racks.2": rack},
        "fabric": {"addresses.fabric.1": network},
        "external": {"addresses.external.1": network},
        "other-cluster": {"addresses.other_clusters": [{"name": "older", "networks": [network]}]},
    }
    return places[kind]


def _two(one: str, other: str, *, of: str) -> Example:
    pools: Example = {"addresses.load_balancers": [one, other]}
    clusters: Example = {"addresses.other_clusters": [{"name": "older", "networks": [one, other]}]}
    return pools if of == "load-balancer-pool" else clusters


def _wide(pool: str) -> Example:
    return {"addresses.out_of_band": "192.168.0.0/16", "addresses.pods.pools": [pool], "security_groups": REMOVED}


def _examples(first: str, second: str) -> tuple[Example, Example]:
    if (first, second) == ("pod-pool", "out-of-band"):
        return _wide("192.168.0.0/17"), _wide("10.244.0.0/16")
    if (first, second) == ("pod-pool", "pod-pool"):
        placed = _placed(second, PARTS[first])
        return placed, {"addresses.pods.pools.1": "10.245.0.0/24", "security_groups": REMOVED}
    if first in PARTS and second != "out-of-band":
        return _placed(second, PARTS[first]), _placed(second, FREE)
    if second in PARTS:
        return _placed(first, PARTS[second]), _placed(first, FREE)
    if first == second:
        return _two("192.0.2.0/24", "192.0.2.128/25", of=first), _two("192.0.2.0/25", "192.0.2.128/25", of=first)
    pool = _placed(first, "192.0.2.0/24")
    return {**pool, **_placed(second, "192.0.2.128/25")}, {**pool, **_placed(second, FREE)}


for _first, _second in combinations_with_replacement(KINDS, 2):
    if _first != _second or _first not in ALONE:
        _bad, _good = _examples(_first, _second)
        rule(f"{_first}-overlaps-{_second}", bad=_bad, good=_good)(_check(_first, _second))
