"""Where in the declaration something is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from underlay.model import Site
from underlay.plan.paths.losses import Kind, Loss


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def router_place(site: Site, name: str) -> str:
    """Return where a router is declared."""
    return f"site.routers.{_at(site.routers, name)}"


def neighbor_place(site: Site, name: str, other: str) -> str:
    """Return where a router declares another as its neighbour."""
    return f"{router_place(site, name)}.neighbors.{_at(site.router(name).neighbors, other)}"


def link_place(site: Site, rack: str, router: str) -> str:
    """Return where a rack declares a router."""
    number = [link.router for link in site.rack(rack).links].index(router)
    return f"site.racks.{_at(site.racks, rack)}.links.{number}"


def place(site: Site, loss: Loss) -> str:
    """Return where that is declared which is lost."""
    if loss.kind is Kind.LINK:
        return neighbor_place(site, loss.router, loss.other)
    if loss.kind in {Kind.ROUTER, Kind.BGP}:
        return router_place(site, loss.router)
    return link_place(site, loss.other, loss.router)


def _at(items: Sequence[_Named], name: str) -> int:
    return next(number for number, item in enumerate(items) if item.name == name)
