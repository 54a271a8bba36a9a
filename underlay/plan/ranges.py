"""Every address range of a site with what it is for and where it is declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from typing import NamedTuple

from underlay.model import Site

KINDS = (
    "pod-pool",
    "service-range",
    "load-balancer-pool",
    "node-subnet",
    "out-of-band",
    "fabric",
    "external",
    "other-cluster",
)
"""In the order in which a pair of them is named."""


class Range(NamedTuple):
    """One address range."""

    kind: str
    where: str
    network: IPv4Network


def ranges(site: Site) -> Iterator[Range]:
    """Yield every range, in the order of KINDS."""
    addresses = site.addresses
    yield from _many("pod-pool", "site.addresses.pods.pools", addresses.pods.pools)
    yield Range("service-range", "site.addresses.services", addresses.services)
    yield from _many("load-balancer-pool", "site.addresses.load_balancers", addresses.load_balancers)
    for index, rack in enumerate(site.racks):
        for subnet in rack.subnets:
            number = next(number for number, link in enumerate(rack.links) if link.subnet == subnet)
            yield Range("node-subnet", f"site.racks.{index}.links.{number}.subnet", subnet)
    if addresses.out_of_band:
        yield Range("out-of-band", "site.addresses.out_of_band", addresses.out_of_band)
    yield from _many("fabric", "site.addresses.fabric", addresses.fabric)
    yield from _many("external", "site.addresses.external", addresses.external)
    for index, other in enumerate(addresses.other_clusters):
        yield from _many("other-cluster", f"site.addresses.other_clusters.{index}.networks", other.networks)


def _many(kind: str, where: str, networks: tuple[IPv4Network, ...]) -> Iterator[Range]:
    return (Range(kind, f"{where}.{index}", network) for index, network in enumerate(networks))


def overlapping(found: Sequence[Range]) -> Iterator[tuple[Range, Range]]:
    """Yield each range with the nearest one of each kind that shares addresses with it, in the order of `found`.

    Two networks are apart or one holds the other, so one pass over the sorted ranges meets every pair of neighbours.
    """
    around: dict[str, list[tuple[int, Range]]] = {kind: [] for kind in KINDS}
    for place, one in sorted(enumerate(found), key=_by_address):
        for holders in around.values():
            while holders and holders[-1][1].network.broadcast_address < one.network.network_address:
                holders.pop()
            if holders:
                (_, first), (_, second) = sorted([holders[-1], (place, one)])
                yield first, second
        around[one.kind].append((place, one))


def _by_address(numbered: tuple[int, Range]) -> tuple[int, int, int]:
    place, one = numbered
    return int(one.network.network_address), one.network.prefixlen, place


SPECIAL = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"))
"""This network, loopback, link-local, and from multicast to the end of the address space (RFC 6890)."""


def special(network: IPv4Network) -> IPv4Network | None:
    """Return the range of special purpose with which a network shares addresses; None when there is none."""
    return next((one for one in SPECIAL if one.overlaps(network)), None)
