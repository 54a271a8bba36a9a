"""Where each rack, router and outside peer stands in the diagram of a site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from underlay.model import Rack, Router, Site
from underlay.report.pictures.canvas import MARGIN

CARD, SQUARE = (150.0, 36.0), 14.0
"""A node as a card with its name, and as a square where nodes are many."""
RACK = 336.0
PER_ROW = 4
FEW_RACKS, FEW_NODES = 8, 10
"""Up to so many racks, with so many nodes each, every node has a card."""
ROUTER = (164.0, 58.0)
SQUARES = 18
"""Squares in a line of a rack."""
TOP, HEAD, GAP, LEVEL = 70.0, 48.0, 24.0, 108.0

Place = tuple[float, float, float, float]


@dataclass(frozen=True)
class Layout:
    """Left, top, width and height of everything."""

    cards: bool
    racks: dict[str, Place] = field(default_factory=dict)
    routers: dict[str, Place] = field(default_factory=dict)
    outside: dict[str, Place] = field(default_factory=dict)
    bottom: float = 0


def layout(site: Site) -> Layout:
    """Return the places of a site."""
    racks = [rack for rack in site.racks if site.nodes_of(rack.name)]
    cards = len(racks) <= FEW_RACKS and all(len(site.nodes_of(rack.name)) <= FEW_NODES for rack in racks)
    columns = min(len(racks), PER_ROW if cards else max(PER_ROW, ceil(len(racks) ** 0.5)))
    width = columns * (RACK + GAP) - GAP
    leaves = _leaves(site, racks)
    own = [router for router in site.routers if not site.links_of(router.name)]
    peers = _outside(site)
    levels: list[tuple[list[str], dict[str, Place]]] = []
    made = Layout(cards)
    levels += [(peers, made.outside)] if peers else []
    levels += [([router.name for router in own], made.routers)] if own else []
    levels += [([router.name for router in leaves], made.routers)] if len(racks) <= PER_ROW else []
    y = TOP
    for names, places in levels:
        y = _level(names, places, y, width)
    bottom = _racks(site, racks, made, (y, columns))
    return Layout(cards, made.racks, made.routers, made.outside, bottom)


def _leaves(site: Site, racks: Sequence[Rack]) -> list[Router]:
    names = dict.fromkeys(link.router for rack in racks for link in rack.links)
    return [site.router(name) for name in names if name in site.router_names]


def _outside(site: Site) -> list[str]:
    return list(
        dict.fromkeys(
            peer.name for router in site.routers for peer in router.neighbors if peer.name not in site.router_names
        )
    )


def _level(names: Sequence[str], places: dict[str, Place], y: float, width: float) -> float:
    """Place a line of boxes, or several lines, and return where the next level begins."""
    wide, high = ROUTER
    fit = max(1, int((width + GAP) // (wide + GAP)))
    for start in range(0, len(names), fit):
        line = names[start : start + fit]
        slot = width / len(line)
        for number, name in enumerate(line):
            places[name] = (MARGIN + slot * (number + 0.5) - wide / 2, y, wide, high)
        y += high + GAP
    return y + LEVEL - high - GAP


def _racks(site: Site, racks: Sequence[Rack], made: Layout, at: tuple[float, int]) -> float:
    y, columns = at
    for start in range(0, len(racks), columns):
        line = racks[start : start + columns]
        high = max(_height(len(site.nodes_of(rack.name)), cards=made.cards) for rack in line)
        for number, rack in enumerate(line):
            made.racks[rack.name] = (MARGIN + number * (RACK + GAP), y, RACK, high)
        y += high + GAP
    return y


def _height(nodes: int, *, cards: bool) -> float:
    if cards:
        return HEAD + ceil(nodes / 2) * (CARD[1] + 10) + 8
    return HEAD + 22 + ceil(nodes / SQUARES) * (SQUARE + 3) + 8
