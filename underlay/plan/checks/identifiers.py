"""Rules about router ids: the BGP identifiers by which speakers of one number are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from underlay.plan.bgp import router_id_pool
from underlay.plan.checks.cilium import values
from underlay.plan.checks.fabric import owned
from underlay.plan.checks.registry import Declaration, Problem, rule

NOBODY, NO_HOST = IPv4Address("0.0.0.0"), IPv4Network("224.0.0.0/3")  # noqa: S104 - the same
"""What a peer refuses; and from multicast to the end of the address space, what some routers refuse."""
POOL = "bgpControlPlane.routerIDAllocation.ipPool"


@rule(
    "router-id-impossible",
    bad={"nodes.1.router_id": "0.0.0.0"},  # noqa: S104 - nothing binds to it
    good={"nodes.1.router_id": "192.0.2.12"},
)
def router_ids_are_taken_by_peers(declaration: Declaration) -> Iterator[Problem]:
    """A peer answers 0.0.0.0 with "Bad BGP Identifier" (RFC 6286, section 2.2), and older ones a multicast address."""
    for where, identity, _ in _declared(declaration):
        if identity == NOBODY or identity in NO_HOST:
            yield Problem(where, identity, "the form of a host's address, as in 192.0.2.12")


@rule(
    "router-id-not-unique",
    bad={"nodes.1.router_id": "172.30.1.11"},
    good={"nodes.1.router_id": "192.0.2.12"},
)
def router_ids_are_unique(declaration: Declaration) -> Iterator[Problem]:
    """Each speaker of a number needs an identifier of its own (RFC 6286); without one it is the machine's address.

    Routers settle equal paths and crossing connections by it.
    """
    owners: dict[IPv4Address, dict[str, str]] = {}
    for address, owner, place in owned(declaration):
        owners.setdefault(address, {}).setdefault(owner, place)
    for where, identity, node in _declared(declaration):
        owners.setdefault(identity, {}).setdefault(node, where)
    pool = _network(router_id_pool(declaration.site) or "")
    for where, identity, node in _declared(declaration):
        others = [place for owner, place in owners[identity].items() if owner != node]
        others += [f"{pool}, from which Cilium gives router ids away"] if pool and identity in pool else []
        if others:
            yield Problem(where, f"{identity}, as in {', '.join(others)}", "an identifier of its own")


@rule(
    "router-id-pool-unusable",
    bad=values(bgpControlPlane={"routerIDAllocation": {"mode": "ip-pool", "ipPool": "192.0.2.0/31"}}),
    good=values(bgpControlPlane={"routerIDAllocation": {"mode": "ip-pool", "ipPool": "192.0.2.0/24"}}),
)
def the_pool_of_router_ids_is_large_enough(declaration: Declaration) -> Iterator[Problem]:
    """Chart and agents take any text here; nodes that the operator has no router id for open no session."""
    text = router_id_pool(declaration.site)
    if text is None:
        return
    pool, needed = _network(text), len(declaration.site.nodes)
    if pool is None or pool.num_addresses < needed:
        expected = f"an IPv4 network with {needed} addresses or more, one for each node"
        yield Problem(f"site.cilium.values.{POOL}", text or "nothing", expected)


def _declared(declaration: Declaration) -> Iterator[tuple[str, IPv4Address, str]]:
    """Yield each declared router id with its place and its node."""
    for index, node in enumerate(declaration.site.nodes):
        if node.router_id:
            yield f"site.nodes.{index}.router_id", node.router_id, node.name


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False) if text else None
    except ValueError:
        return None
