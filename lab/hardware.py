"""What the site's declaration means in hardware: machines, and the cables between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from lab.failure import Failure
from underlay.commands import common, stack_file
from underlay.model import SHARED_GATEWAY, Egress, Link, Node, Platform, Rack, Site

OPERATOR = "ops"
"""The far end of every out-of-band cable: the operator's network, which is the outer process's own."""
SEGMENT = "segment"
"""The bridge of a switch."""
VIRTUAL_MAC = "00:00:5e:00:01:01"
"""The hardware address of a shared gateway (RFC 9568, section 7.3); segments do not see each other's."""


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
    gateways: tuple[str, ...] = ()
    """Next hops of the default route, each as good as the others."""
    shared: tuple[tuple[str, str], ...] = ()
    """Ports for gateway addresses that several routers answer for, each with the port in whose segment it is."""
    session: tuple[str, ...] = ()
    """An outside neighbour's own autonomous system, then its peer's address and autonomous system."""
    default: bool = False
    """An outside neighbour announces the default route."""

    def address(self, port: str) -> str:
        """Return the bare address of an interface, empty when it has none."""
        return dict(self.addresses).get(port, "").partition("/")[0]


@dataclass(frozen=True)
class Hardware:
    """The whole site."""

    site: Site
    machines: dict[str, Machine] = field(default_factory=dict)
    cables: tuple[Cable, ...] = ()
    switches: tuple[str, ...] = ()
    """Segments that several routers share: each is a namespace with a bridge in it."""

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
    return hardware(site_of(path))


def site_of(path: Path) -> Site:
    """Return the site of a stack file, read as the product reads it; Failure says what of it is wrong."""
    try:
        site = stack_file.site(path)
    except common.Failure as failure:
        raise Failure(f"site file {failure}") from None
    if site.ssh.bastions:
        raise Failure(
            f"site file {path} declares bastions; the lab's operator stands in the out-of-band network itself"
        )
    return site


def hardware(site: Site) -> Hardware:
    """Return the hardware of a site."""
    machines = [*_nodes(site), *_routers(site), *_outside(site)]
    switches = tuple(_switch(rack) for rack in site.racks if rack.egress in SHARED_GATEWAY)
    return Hardware(site, {machine.name: machine for machine in machines}, tuple(_cables(site, machines)), switches)


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
        fabric = [(port, f"{address}/{link.subnet.prefixlen}") for link, port, _, address in _uplinks(rack, node)]
        addresses = (*fabric, *_managed(site, node.management.address))
        yield Machine(node.name, "node", addresses, gateways=tuple(map(str, rack.gateways)))


def _uplinks(rack: Rack, node: Node) -> Iterator[tuple[Link, str, int, IPv4Address]]:
    """Yield a node's place in each segment of its rack: port, packet size and address."""
    for subnet in rack.subnets:
        link = next(link for link in rack.links if link.subnet == subnet)
        address = node.address_in(subnet)
        uplinks = [uplink for uplink in node.uplinks if uplink.address == address] or node.uplinks[:1]
        if address and uplinks:
            yield link, uplinks[0].name, uplinks[0].mtu, address


def _routers(site: Site) -> Iterator[Machine]:
    kinds: dict[Platform, Literal["frr", "bird"]] = {Platform.FRR: "frr", Platform.BIRD: "bird"}
    for router in site.routers:
        if router.platform not in kinds:
            raise Failure(f"the lab runs no router of platform {router.platform} ({router.name}); it has frr and bird")
        links = site.links_of(router.name)
        addresses = [(_port(rack.name), f"{link.address}/{link.subnet.prefixlen}") for rack, link in links]
        addresses += [(_port(n.name), _link(n.local, n.remote)) for n in router.neighbors]
        addresses += _managed(site, router.management.address if router.management else None)
        held = [rack for rack, link in links if _holds(rack, link)]
        addresses += [(_port(f"gw-{rack.name}"), f"{rack.gateway}/32") for rack in held]
        bridges = tuple(_port(rack.name) for rack, _ in links if rack.egress not in SHARED_GATEWAY)
        shared = tuple(
            (_port(f"gw-{rack.name}"), _port(rack.name)) for rack, _ in links if rack.egress in SHARED_GATEWAY
        )
        yield Machine(router.name, kinds[router.platform], tuple(addresses), bridges, shared=shared)


def _holds(rack: Rack, link: Link) -> bool:
    """Tell whether a router has the shared gateway address: each with anycast, the first one with VRRP."""
    return rack.egress is Egress.ANYCAST_GATEWAY or (rack.egress is Egress.VRRP and link == rack.links[0])


def _switch(rack: Rack) -> str:
    return f"switch_{rack.name}"  # no machine has such a name


def _outside(site: Site) -> Iterator[Machine]:
    """Yield a machine for each neighbour that is no router of the site; its own prefixes are what it may announce."""
    names = {router.name for router in site.routers}
    found = [(router, n) for router in site.routers for n in router.neighbors if n.name not in names]
    for index, (router, neighbor) in enumerate(found):
        network = site.addresses.out_of_band
        own = tuple(("lo", f"{prefix[0]}/32") for prefix in neighbor.accepts if prefix.prefixlen)
        uplink = (_port(router.name), _link(neighbor.remote, neighbor.local))
        managed = _managed(site, network[201 + index] if network else None)
        session = (str(neighbor.asn), str(neighbor.local), str(router.asn))
        yield Machine(
            neighbor.name,
            "outside",
            (*own, uplink, *managed),
            session=session,
            default=len(own) < len(neighbor.accepts),
        )


def _cables(site: Site, machines: list[Machine]) -> Iterator[Cable]:
    for machine in machines:
        if machine.address("mgmt0"):
            yield Cable(machine.name, "mgmt0", OPERATOR, _port(machine.name), "oob")
    for node in site.nodes:
        rack = site.rack(node.rack)
        for link, port, mtu, _ in _uplinks(rack, node):
            far, bridge = _segment(rack, link)
            yield Cable(node.name, port, far, _port(node.name), bridge, mtu)
    for rack in site.racks:
        if rack.egress in SHARED_GATEWAY:
            mtu = max((uplink.mtu for node in site.nodes_of(rack.name) for uplink in node.uplinks), default=1500)
            yield from (
                Cable(link.router, _port(rack.name), _switch(rack), _port(link.router), SEGMENT, mtu)
                for link in rack.links
            )
    yield from _spine(site)


def _segment(rack: Rack, link: Link) -> tuple[str, str]:
    """Return where a segment's bridge is: in its only router, or in a switch; and what it is called."""
    return (_switch(rack), SEGMENT) if rack.egress in SHARED_GATEWAY else (link.router, _port(rack.name))


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
