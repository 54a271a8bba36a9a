"""What a router may learn from a neighbour beside pod networks, in as few entries as say exactly that.

A fabric of 125 racks has 250 segments, and each of its 250 routers may learn all but its own from each neighbour;
neighbouring segments of one length are therefore told as one entry: every part of 172.16.0.0/19 that is a /26.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, collapse_addresses
from typing import NamedTuple

from underlay.model import Neighbor, Router, Site
from underlay.plan.once import per_site
from underlay.plan.reach import bits, reach

Networks = frozenset[IPv4Network]


class Entry(NamedTuple):
    """Every part of a network that has a certain prefix length, and nothing else."""

    network: IPv4Network
    length: int


class Learned(NamedTuple):
    """What may be learned: entries in the order of their addresses, and how many networks they stand for."""

    entries: tuple[Entry, ...]
    networks: int

    def holds(self, network: IPv4Network) -> bool:
        """Tell whether a network is one of them."""
        return any(network.prefixlen == one.length and network.subnet_of(one.network) for one in self.entries)


def learned(site: Site, router: Router, neighbor: Neighbor) -> Learned:
    """Return what a router may learn from a neighbour: what is accepted from it, and what lies behind it."""
    known, told = reach(site), _told(site)
    here, there = known.number[router.name], known.number.get(neighbor.name)
    if there is None or not known.next_to[here] >> there & 1:
        return _gathered(neighbor.accepts)
    part, far = known.part(here), known.beyond(there, without=here)
    lost = part & ~far
    if lost.bit_count() > far.bit_count() or not all(told.tellers.get(one, 0) & far for one in neighbor.accepts):
        return _gathered({*neighbor.accepts, *told.by(far)})
    return _without(told.whole(part), {network for network in told.by(lost) if not told.tellers[network] & far})


def covering(site: Site, router: Router) -> tuple[IPv4Network, ...]:
    """Return what covers the pod networks and may still be learned, as a default route from outside."""
    wide = _wide(site)
    told = [learned(site, router, peer) for peer in router.neighbors] if wide else ()
    return tuple(sorted(network for network in wide if any(one.holds(network) for one in told)))


@per_site
def _wide(site: Site) -> Networks:
    outside = {network for router in site.routers for peer in router.neighbors for network in peer.accepts}
    segments = {subnet for rack in site.racks for subnet in rack.subnets}
    return frozenset(network for network in outside | segments if site.addresses.pods.native.subnet_of(network))


class _Told:
    """Which router tells which networks: its racks' segments, and what it takes from neighbours outside."""

    def __init__(self, site: Site) -> None:
        self._by = [_own(site, name) for name in reach(site).names]
        self.tellers: dict[IPv4Network, int] = {}
        for number, networks in enumerate(self._by):
            for network in networks:
                self.tellers[network] = self.tellers.get(network, 0) | 1 << number
        self._whole: dict[int, Learned] = {}

    def by(self, routers: int) -> Networks:
        """Return what these routers tell together."""
        return frozenset().union(*(self._by[number] for number in bits(routers)))

    def whole(self, part: int) -> Learned:
        """Return what all the routers of a part of the fabric tell together."""
        if part not in self._whole:
            self._whole[part] = _gathered(self.by(part))
        return self._whole[part]


_told = per_site(_Told)


def _own(site: Site, name: str) -> Networks:
    segments = (link.subnet for _, link in site.links_of(name))
    outside = (network for neighbor in site.router(name).neighbors for network in neighbor.accepts)
    return frozenset((*segments, *outside))


def _gathered(networks: Iterable[IPv4Network]) -> Learned:
    lengths: dict[int, list[IPv4Network]] = {}
    for network in set(networks):
        lengths.setdefault(network.prefixlen, []).append(network)
    entries = [Entry(found, length) for length, many in lengths.items() for found in collapse_addresses(many)]
    return Learned(tuple(sorted(entries)), sum(map(len, lengths.values())))


def _without(whole: Learned, lost: Iterable[IPv4Network]) -> Learned:
    entries, left = set(whole.entries), whole.networks
    for network in lost:
        holder = next(one for one in _holders(network) if one in entries)
        entries.remove(holder)
        entries.update(Entry(rest, holder.length) for rest in holder.network.address_exclude(network))
        left -= 1
    return Learned(tuple(sorted(entries)), left)


def _holders(network: IPv4Network) -> Iterator[Entry]:
    """Yield every entry that could stand for a network, the narrowest first."""
    for length in range(network.prefixlen, -1, -1):
        yield Entry(network.supernet(new_prefix=length), network.prefixlen)
