"""Every address range of a site with what it is for and where it is declared."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import NamedTuple

from underlay.model import Site

KINDS = ("pod-pool", "service-range", "node-subnet", "out-of-band", "fabric", "external")
"""In the order in which a pair of them is named."""


class Range(NamedTuple):
    """One address range."""

    kind: str
    where: str
    network: IPv4Network


def ranges(site: Site) -> Iterator[Range]:
    """Yield every range, in the order of KINDS."""
    addresses = site.addresses
    yield Range("pod-pool", "site.addresses.pods.pool", addresses.pods.pool)
    yield Range("service-range", "site.addresses.services", addresses.services)
    for index, rack in enumerate(site.racks):
        yield Range("node-subnet", f"site.racks.{index}.subnet", rack.subnet)
    if addresses.out_of_band:
        yield Range("out-of-band", "site.addresses.out_of_band", addresses.out_of_band)
    for index, network in enumerate(addresses.fabric):
        yield Range("fabric", f"site.addresses.fabric.{index}", network)
    for index, network in enumerate(addresses.external):
        yield Range("external", f"site.addresses.external.{index}", network)


SPECIAL = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"))
"""This network, loopback, link-local and multicast (RFC 6890)."""


def special(network: IPv4Network) -> IPv4Network | None:
    """Return the range of special purpose with which a network shares addresses; None when there is none."""
    return next((one for one in SPECIAL if one.overlaps(network)), None)
