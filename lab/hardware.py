"""What the site's declaration means in hardware: machines, and the cables between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

import yaml

from underlay.model import Platform, Site, load_site

PROJECT = "cilium-underlay"
OPERATOR = "ops"
"""The far end of every out-of-band cable: the operator's network, which is the outer process's own."""


@dataclass(frozen=True)
class Cable:
    """A virtual cable; it is pulled and plugged together with the machine that owns it."""

    owner: str
    port: str
    far: str
    far_port: str
    bridge: str = ""
    mtu: int = 1500

    @property
    def mac(self) -> str:
        """Return the owner's hardware address: the same after each boot, as on a real card."""
        digest = hashlib.sha256(f"{self.owner} {self.port}".encode()).hexdigest()
        return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))


@dataclass(frozen=True)
class Machine:
    """One machine: a cluster node, a router, or a neighbour outside the site."""

    name: str
    kind: Literal["node", "frr", "bird", "outside"]
    addresses: tuple[tuple[str, str], ...]
    """Interface and address with prefix length."""
    bridges: tuple[str, ...] = ()
    gateway: str = ""
    session: tuple[str, ...] = ()
    """An outside neighbour's own autonomous system, then its peer's address and autonomous system."""

    def address(self, port: str) -> str:
        """Return the bare address of an interface, empty when it has none."""
        return dict(self.addresses).get(port, "").partition("/")[0]


@dataclass(frozen=True)
class Hardware:
    """The whole site."""

    site: Site
    machines: dict[str, Machine] = field(default_factory=dict)
    cables: tuple[Cable, ...] = ()

    def cables_of(self, name: str) -> tuple[Cable, ...]:
        """Return the cables that a machine owns."""
        return tuple(cable for cable in self.cables if cable.owner == name)

    @property
    def cabling(self) -> tuple[object, ...]:
        """Return what cannot change while the lab runs."""
        return (self.machines, self.cables)

    @property
    def nodes(self) -> tuple[Machine, ...]:
        """Return the machines of the cluster."""
        return tuple(machine for machine in self.machines.values() if machine.kind == "node")


def read(path: Path) -> Hardware:
    """Return the hardware of the site in a stack file."""
    return hardware(load_site(yaml.safe_load(path.read_text())["config"][f"{PROJECT}:site"]))


def hardware(site: Site) -> Hardware:
    """Return the hardware of a site."""
    machines = [*_nodes(site), *_routers(site), *_outside(site)]
    return Hardware(site, {machine.name: machine for machine in machines}, tuple(_cables(site, machines)))


def operator_address(site: Site) -> str:
    """Return the operator's address in the out-of-band network: its first one."""
    network = site.addresses.out_of_band
    return f"{network[1]}/{network.prefixlen}" if network else ""


def _managed(site: Site, address: IPv4Address | None) -> list[tuple[str, str]]:
    network = site.addresses.out_of_band
    return [("mgmt0", f"{address}/{network.prefixlen}")] if network and address else []


def _nodes(site: Site) -> Iterator[Machine]:
    for node in site.nodes:
        rack = site.rack(node.rack)
        fabric = (node.uplinks[0].name, f"{node.address}/{rack.links[0].subnet.prefixlen}")
        addresses = (fabric, *_managed(site, node.management.address))
        yield Machine(node.name, "node", addresses, gateway=str(rack.gateways[0]))


def _routers(site: Site) -> Iterator[Machine]:
    kinds: dict[Platform, Literal["frr", "bird"]] = {Platform.FRR: "frr", Platform.BIRD: "bird"}
    for router in site.routers:
        links = site.links_of(router.name)
        addresses = [(_port(rack.name), f"{link.address}/{link.subnet.prefixlen}") for rack, link in links]
        addresses += [(_port(n.name), _link(n.local, n.remote)) for n in router.neighbors]
        addresses += _managed(site, router.management.address if router.management else None)
        bridges = tuple(_port(rack.name) for rack, _ in links)
        yield Machine(router.name, kinds[router.platform], tuple(addresses), bridges)


def _outside(site: Site) -> Iterator[Machine]:
    """Yield a machine for each neighbour that is no router of the site; its own prefixes are what it may announce."""
    names = {router.name for router in site.routers}
    found = [(router, n) for router in site.routers for n in router.neighbors if n.name not in names]
    for index, (router, neighbor) in enumerate(found):
        network = site.addresses.out_of_band
        own = tuple(("lo", f"{prefix[0]}/32") for prefix in neighbor.accepts)
        uplink = (_port(router.name), _link(neighbor.remote, neighbor.local))
        managed = _managed(site, network[201 + index] if network else None)
        session = (str(neighbor.asn), str(neighbor.local), str(router.asn))
        yield Machine(neighbor.name, "outside", (*own, uplink, *managed), session=session)


def _cables(site: Site, machines: list[Machine]) -> Iterator[Cable]:
    for machine in machines:
        if machine.address("mgmt0"):
            yield Cable(machine.name, "mgmt0", OPERATOR, _port(machine.name), "oob")
    for node in site.nodes:
        rack = site.rack(node.rack)
        uplink = node.uplinks[0]
        yield Cable(node.name, uplink.name, rack.links[0].router, _port(node.name), _port(rack.name), uplink.mtu)
    yield from _spine(site)


def _spine(site: Site) -> Iterator[Cable]:
    """Yield one cable for each neighbour of a router; two routers that name each other share one."""
    seen: set[frozenset[str]] = set()
    for router in site.routers:
        for neighbor in router.neighbors:
            ends = frozenset((router.name, neighbor.name))
            if ends not in seen:
                seen.add(ends)
                yield Cable(router.name, _port(neighbor.name), neighbor.name, _port(router.name))


def _port(name: str) -> str:
    """Return an interface name for a neighbour's name: the kernel allows 15 characters."""
    return name if len(name) <= 15 else name[:9] + "-" + hashlib.sha256(name.encode()).hexdigest()[:5]


def _link(local: IPv4Address, remote: IPv4Address) -> str:
    """Return the local address with the longest prefix that holds both ends."""
    for length in range(31, 0, -1):
        if remote in IPv4Network((local, length), strict=False):
            return f"{local}/{length}"
    return f"{local}/32"
