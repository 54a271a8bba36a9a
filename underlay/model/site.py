"""The site: one tree, read from the stack file, every mistake reported at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from ipaddress import IPv4Address
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from underlay.finding import Refused
from underlay.model.access import Ssh
from underlay.model.base import Model, Name, Word
from underlay.model.cilium import Cilium
from underlay.model.cluster import Addresses, Bgp, Cluster
from underlay.model.fabric import Link, Node, Rack, Router, SecurityGroup
from underlay.model.intrusion import IntrusionDetection
from underlay.model.mistakes import UNREADABLE, mistakes
from underlay.model.plain import require_plain
from underlay.model.policies import Policies
from underlay.model.repairs import Unclear, repaired

T = TypeVar("T")


class Verification(Model):
    """How the datapath is verified."""

    image: Annotated[str, Field(pattern=r"^[!-~]+$")]
    """Image of the responder pods; it has to contain python3."""


class Site(Model):
    """One on-premises site with one cluster."""

    name: Name
    """The site's name."""
    cluster: Cluster
    """The Kubernetes cluster."""
    addresses: Addresses
    """The address plan: every range that is in use here or near."""
    cilium: Cilium
    """Cilium: which version, how it forwards, and who owns it."""
    bgp: Bgp
    """The nodes' side of BGP."""
    racks: Annotated[tuple[Rack, ...], Field(min_length=1)]
    """Where nodes stand, and which routers are there."""
    routers: Annotated[tuple[Router, ...], Field(min_length=1)]
    """Every router that carries pods."""
    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    """Every machine of the cluster."""
    security_groups: tuple[SecurityGroup, ...] = ()
    """The platform's packet filters around nodes; left out where there are none."""
    port_adapter: tuple[Word, ...] = ()
    """The command that sets, by the platform's API, what says `check_switched_by: adapter` or `applied_by: adapter`."""
    ssh: Ssh = Ssh()
    """How SSH reaches the machines; left out: directly."""
    verification: Verification
    """How the running site is verified."""
    policies: Policies | None = None
    """Who may talk to whom; None: everybody, as in Kubernetes without policies."""
    intrusion_detection: IntrusionDetection | None = None
    """An engine that reads pods' packets and writes alerts; None: no engine."""

    @property
    def dns(self) -> IPv4Address:
        """Return where pods ask for names."""
        return self.cluster.dns.address or self.addresses.services[10]

    def rack(self, name: str) -> Rack:
        """Return the rack of that name; KeyError when there is none."""
        return self._racks[name]

    def router(self, name: str) -> Router:
        """Return the router of that name; KeyError when there is none."""
        return self._routers[name]

    @cached_property
    def rack_names(self) -> frozenset[str]:
        """Return the names of the racks."""
        return frozenset(self._racks)

    @cached_property
    def router_names(self) -> frozenset[str]:
        """Return the names of the site's own routers."""
        return frozenset(self._routers)

    def node(self, name: str) -> Node:
        """Return the node of that name; KeyError when there is none."""
        return self._nodes[name]

    def nodes_of(self, rack: str) -> tuple[Node, ...]:
        """Return the nodes of a rack in the order of the declaration."""
        return self._members.get(rack, ())

    def links_of(self, router: str) -> tuple[tuple[Rack, Link], ...]:
        """Return the racks behind a router, each with the router's place in it."""
        return self._links.get(router, ())

    @cached_property
    def _racks(self) -> dict[str, Rack]:
        return {rack.name: rack for rack in self.racks}

    @cached_property
    def _routers(self) -> dict[str, Router]:
        return {router.name: router for router in self.routers}

    @cached_property
    def _nodes(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _members(self) -> dict[str, tuple[Node, ...]]:
        return _grouped((node.rack, node) for node in self.nodes)

    @cached_property
    def _links(self) -> dict[str, tuple[tuple[Rack, Link], ...]]:
        return _grouped((link.router, (rack, link)) for rack in self.racks for link in rack.links)


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def load_site(declared: object) -> Site:
    """Return the site that plain data declare; Refused lists every key that is wrong, with its path.

    Strictly: a text is no number, a number no address, a boolean no number; JSON has a text for each other kind.
    """
    require_plain(declared, "site", UNREADABLE)
    try:
        return Site.model_validate_json(json.dumps(declared, default=str), strict=True)
    except ValidationError as error:
        errors = error.errors()
        raise Refused(mistakes(Site, errors), meant=_meant(declared, errors)) from None


def _meant(declared: object, errors: Sequence[ErrorDetails]) -> Site | None:
    """Return the site that was probably meant; None where a mistake leaves that open."""
    try:
        return Site.model_validate_json(json.dumps(repaired(Site, declared, errors), default=str), strict=True)
    except (Unclear, ValidationError):
        return None
