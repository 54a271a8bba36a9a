"""Every address range of a site with what it is for and where it is declared."""

from __future__ import annotations

from collections.abc import Iterator
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


SPECIAL = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"))
"""This network, loopback, link-local and multicast (RFC 6890)."""


def special(network: IPv4Network) -> IPv4Network | None:
    """Return the range of special purpose with which a network shares addresses; None when there is none."""
    return next((one for one in SPECIAL if one.overlaps(network)), None)
