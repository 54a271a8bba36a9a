"""The site: one tree, read from the stack file, every mistake reported at once."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from underlay.finding import Finding, Refused
from underlay.model.base import Model, Name
from underlay.model.cluster import Addresses, Bgp, Cilium, Cluster
from underlay.model.fabric import Node, Rack, Router, SecurityGroup


class Verification(Model):
    """How the datapath is verified."""

    image: Annotated[str, Field(pattern=r"^[!-~]+$")]
    """Image of the responder pods; it has to contain python3."""


class Site(Model):
    """One on-premises site with one cluster."""

    name: Name
    cluster: Cluster
    addresses: Addresses
    cilium: Cilium
    bgp: Bgp
    racks: Annotated[tuple[Rack, ...], Field(min_length=1)]
    routers: Annotated[tuple[Router, ...], Field(min_length=1)]
    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    security_groups: tuple[SecurityGroup, ...] = ()
    verification: Verification

    def rack(self, name: str) -> Rack:
        """Return the rack of that name; KeyError when there is none."""
        return {rack.name: rack for rack in self.racks}[name]

    def router(self, name: str) -> Router:
        """Return the router of that name; KeyError when there is none."""
        return {router.name: router for router in self.routers}[name]

    def node(self, name: str) -> Node:
        """Return the node of that name; KeyError when there is none."""
        return {node.name: node for node in self.nodes}[name]

    def nodes_of(self, rack: str) -> tuple[Node, ...]:
        """Return the nodes of a rack in the order of the declaration."""
        return tuple(node for node in self.nodes if node.rack == rack)

    def racks_of(self, router: str) -> tuple[Rack, ...]:
        """Return the racks behind a router."""
        return tuple(rack for rack in self.racks if rack.router == router)


def load_site(declared: object) -> Site:
    """Return the site that plain data declare; Refused lists every key that is wrong, with its path.

    Strictly: a text is no number, a number no address, a boolean no number; JSON has a text for each other kind.
    """
    try:
        return Site.model_validate_json(json.dumps(declared, default=str), strict=True)
    except ValidationError as error:
        raise Refused([_finding(item) for item in error.errors()]) from None


def _finding(item: ErrorDetails) -> Finding:
    where = ".".join(str(part) for part in ("site", *item["loc"]))
    found = "nothing" if item["type"] == "missing" else repr(item["input"])[:120]
    return Finding(
        rule="site-" + item["type"].replace("_", "-"),
        where=where,
        found=found,
        expected=item["msg"].removeprefix("Value error, "),
    )
