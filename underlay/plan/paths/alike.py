"""Racks that are alike up to their names need one solution: of each kind only as many are kept as can meet.

Two racks are alike if swapping them, with the routers that serve them alone, changes nothing else: same egress, same
neighbours outside, same sessions inside, same pattern of numbers. One of them can be hit by a loss, two more can be
the ends of a path, and one for each router of a rack can be on the way; more than these change no answer.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from underlay.plan.paths.fabric import Fabric, Group

ENDS = 3
"""The rack that a loss hits, and the two ends of a path that it does not hit."""

Signature = tuple[object, ...]


def reduced(fabric: Fabric) -> Fabric:
    """Return the fabric without racks of which enough others are alike, and with how many each one stands for."""
    kinds: dict[Signature, list[Group]] = {}
    for rack in fabric.racks:
        kinds.setdefault(_signature(fabric, rack), []).append(rack)
    gone: set[str] = set()
    like: dict[str, int] = {}
    kind: dict[str, str] = {}
    for racks in kinds.values():
        kept = ENDS + len(racks[0].routers)
        like.update({rack.name: len(racks) for rack in racks[:kept]})
        kind.update({rack.name: racks[0].name for rack in racks[:kept]})
        gone.update(rack.name for rack in racks[kept:])
    lost = {router for rack in fabric.racks if rack.name in gone for router in rack.routers}
    return replace(
        fabric,
        asns={name: asn for name, asn in fabric.asns.items() if name not in lost},
        peers={
            name: tuple(peer for peer in peers if peer not in lost)
            for name, peers in fabric.peers.items()
            if name not in lost
        },
        racks=tuple(rack for rack in fabric.racks if rack.name not in gone),
        like=like,
        kind=kind,
    )


def _signature(fabric: Fabric, rack: Group) -> Signature:
    """Return what racks that are alike have in common; a rack that shares a router is like no other."""
    if not rack.routers or any(len(fabric.behind[router]) > 1 for router in rack.routers):
        return (rack.name,)
    place = {router: number for number, router in enumerate(rack.routers)}
    inside = [tuple(place[peer] for peer in fabric.peers[router] if peer in place) for router in rack.routers]
    outside = [tuple(peer for peer in fabric.peers[router] if peer not in place) for router in rack.routers]
    homes = tuple(router in rack.homes for router in rack.routers)
    pattern = (rack.egress, rack.direct, min(rack.nodes, 2), homes)
    return (pattern, tuple(map(tuple, map(sorted, inside))), tuple(outside), _numbers(fabric, rack))


def _numbers(fabric: Fabric, rack: Group) -> tuple[object, ...]:
    """Return the routers' numbers: as they are where others have them too, else which of them are equal."""
    own = [fabric.asns[router] for router in rack.routers]
    counts = Counter(own)
    return tuple(
        asn if fabric.counts[asn] > counts[asn] or asn == fabric.cluster_asn else ("own", own.index(asn)) for asn in own
    )
