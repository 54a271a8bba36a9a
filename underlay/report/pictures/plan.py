"""The address plan as a map: each range in the order of its addresses, what is taken of it, and what is left."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from underlay.model import Site
from underlay.plan.bgp import usable
from underlay.plan.ranges import Range, ranges
from underlay.report.pictures.canvas import MARGIN, Canvas
from underlay.report.pictures.drawing import Drawing

ROW, TOP, BAR, LEFT = 30.0, 84.0, 320.0, 330.0
MOST = 12
"""Ranges of one kind that have a row each; of more, only the fullest."""
WORDS = {
    "pod-pool": "pods",
    "service-range": "services, on nodes only",
    "load-balancer-pool": "service addresses",
    "node-subnet": "nodes",
    "out-of-band": "out of band",
    "fabric": "between routers",
    "external": "outside, speaks to pods",
    "other-cluster": "another cluster",
}
FULL = 0.9
"""Share from which a range is called nearly full."""


class Room(NamedTuple):
    """How much of a range is taken."""

    taken: int
    all: int
    unit: str

    @property
    def share(self) -> float:
        """Return the part that is taken, from 0 to 1."""
        return min(1.0, self.taken / self.all) if self.all else 1.0


class Row(NamedTuple):
    """A line of the map."""

    range: Range
    room: Room | None
    like: int
    """How many ranges it stands for."""


def plan(site: Site) -> Drawing:
    """Return the picture of a site's ranges."""
    rows = sorted(rows_of(site), key=lambda row: row.range.network)
    title = f"{site.name}: address plan"
    canvas = Canvas("ranges", title, " ".join(_sentence(row) for row in rows))
    canvas.words(MARGIN, 28, title, "title")
    canvas.words(
        MARGIN,
        48,
        "in the order of addresses; the bar shows what the declaration takes, a tick what no range holds",
        "soft",
    )
    last: IPv4Network | None = None
    y = TOP
    for row in rows:
        if last and int(row.range.network.network_address) > int(last.broadcast_address) + 1:
            canvas.line([(MARGIN + 6, y - 20), (MARGIN + 6, y - 10)], "line", "addresses that no range holds")
            y += 8
        _row(canvas, row, y)
        last, y = row.range.network, y + ROW
    return Drawing("ranges", title, canvas.svg())


def rows_of(site: Site) -> Iterator[Row]:
    """Yield the map's rows, unsorted; a kind of many ranges has one row, of the fullest."""
    kinds: dict[str, list[Row]] = {}
    pods = 0
    for one in ranges(site):
        room = _pods(site, one.network, pods) if one.kind == "pod-pool" else _room(site, one)
        pods += room.taken if room and one.kind == "pod-pool" else 0
        kinds.setdefault(one.kind, []).append(Row(one, room, 1))
    for found in kinds.values():
        if len(found) <= MOST:
            yield from found
        else:
            yield max(found, key=lambda row: row.room.share if row.room else 0)._replace(like=len(found))


def _pods(site: Site, pool: IPv4Network, before: int) -> Room:
    """Return the node networks of a pool that are taken, where former pools have taken some."""
    mask = site.addresses.pods.mask
    size = 1 << max(0, mask - pool.prefixlen)
    return Room(min(size, max(0, len(site.nodes) - before)), size, "node networks")


def _room(site: Site, one: Range) -> Room | None:
    if one.kind == "load-balancer-pool":
        planned = site.addresses.growth.load_balancers
        return Room(planned, usable(one.network), "addresses planned") if planned else None
    if one.kind not in ADDRESSES:
        return None
    hosts = max(1, one.network.num_addresses - (2 if one.network.prefixlen < 31 else 0))
    used = {address for address in _addresses(site, one.kind) if address in one.network}
    return Room(len(used), one.network.num_addresses if one.kind == "fabric" else hosts, "addresses")


ADDRESSES = ("node-subnet", "out-of-band", "fabric")


def _addresses(site: Site, kind: str) -> Iterator[IPv4Address]:
    if kind == "node-subnet":
        yield from (node.address for node in site.nodes)
        yield from (uplink.address for node in site.nodes for uplink in node.uplinks if uplink.address)
        yield from (address for rack in site.racks for address in (*rack.gateways, *(x.address for x in rack.links)))
    elif kind == "out-of-band":
        yield from (node.management.address for node in site.nodes)
        yield from (router.management.address for router in site.routers if router.management)
    else:
        yield from (end for one in site.routers for peer in one.neighbors for end in (peer.local, peer.remote))


def _row(canvas: Canvas, row: Row, y: float) -> None:
    canvas.words(MARGIN + 16, y, str(row.range.network), "strong")
    kind = WORDS[row.range.kind] + (f", fullest of {row.like}" if row.like > 1 else "")
    canvas.words(MARGIN + 150, y, kind, "soft")
    if row.room is None:
        canvas.words(LEFT, y, f"{row.range.network.num_addresses:,} addresses", "soft")
        return
    share = row.room.share
    canvas.box((LEFT, y - 12, BAR, 16), "room", corner=2)
    canvas.box((LEFT, y - 12, max(2.0, BAR * share), 16), "bad" if share >= FULL else "ok", _sentence(row), 2)
    canvas.words(LEFT + BAR + 10, y, _told(row.room), "bad-words" if share >= FULL else "")


def _told(room: Room) -> str:
    left = max(0, room.all - room.taken)
    words = f"{room.taken:,} of {room.all:,} {room.unit}, room for {left:,}"
    return f"nearly full: {words}" if room.share >= FULL else words


def _sentence(row: Row) -> str:
    kind = WORDS[row.range.kind]
    told = _told(row.room) if row.room else f"{row.range.network.num_addresses:,} addresses"
    return f"{row.range.network} ({kind}): {told}."
