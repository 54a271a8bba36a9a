"""What a platform's filter around nodes becomes: the least that has to pass, and lists for devices that enforce it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from typing import NamedTuple

from underlay.model import Site
from underlay.plan.security import DIRECTIONS, Line, table

BGP = "179"


class Need(NamedTuple):
    """One kind of packets that nodes exchange with others; the other side's addresses, empty ports for all."""

    direction: str
    network: str
    protocol: str
    ports: str
    why: str


def needs(site: Site) -> list[Need]:
    """Return the least that has to pass at a node's port, for teams that permit no more; each line once."""
    lines = (Need(direction, *one) for direction in DIRECTIONS for one in _both(site))
    return list(dict.fromkeys((*lines, *_entrance(site))))


def _both(site: Site) -> Iterator[tuple[str, str, str, str]]:
    """Yield what passes in both directions, because each side may be the one that asks."""
    for pool in site.addresses.pods.pools:
        yield str(pool), "any", "", "pods of other nodes, whatever they speak"
    for subnet in dict.fromkeys(subnet for rack in site.racks for subnet in rack.subnets):
        yield str(subnet), "any", "", "nodes: kubelet, health, and pods that nodes call, as webhooks"
    for link in (link for rack in site.racks for link in rack.links):
        yield f"{link.address}/32", "tcp", BGP, f"BGP with {link.router}"
    for network in site.addresses.fabric:
        yield str(network), "icmp", "", "errors of routers further away"
    for network in site.addresses.external:
        yield str(network), "any", "", "clients outside, of pods and services"


def _entrance(site: Site) -> Iterator[Need]:
    """Yield the way to the API server, whose address may be no node's; the way in at its nodes is open to nodes."""
    port = str(site.cluster.api.port)
    yield Need("egress", f"{site.cluster.api.address}/32", "tcp", port, "the API server")


def nft(site: Site) -> str:
    """Return the groups as a file for nftables on a bridge; whoever owns it jumps to its chains by port."""
    chains = [line for name, direction, lines in _lists(site) for line in _nft_chain(name, direction, lines)]
    return "\n".join(["table bridge underlay {", *chains, "}", ""])


def _nft_chain(name: str, direction: str, lines: list[Line]) -> Iterator[str]:
    side = "daddr" if direction == "egress" else "saddr"
    yield f"    chain {name}_{direction} {{"
    yield "        ether type arp accept"
    for line in lines:
        yield f'        {nft_match(line, side)} accept comment "{line.why}"'
    yield "        counter drop"
    yield "    }"


def nft_match(line: Line, side: str) -> str:
    """Return what a line lets pass in nftables' words; the other side is `saddr` or `daddr`."""
    protocol = "" if line.protocol == "any" else f" ip protocol {line.protocol}"
    return f"ip {side} {line.network}{protocol}"


def vrp(site: Site) -> str:
    """Return the groups as access lists for Huawei's VRP, to be named by `traffic-filter` at the nodes' ports."""
    return "\n".join(
        line
        for name, direction, lines in _lists(site)
        for line in [*_vrp_list(f"{name}-{direction}", lines, direction)]
    )


def _vrp_list(name: str, lines: list[Line], direction: str) -> Iterator[str]:
    side = "destination" if direction == "egress" else "source"
    yield f"acl name {name} advance"
    for number, line in enumerate(lines, start=1):
        protocol = "ip" if line.protocol == "any" else line.protocol
        network = IPv4Network(line.network)
        yield f" rule {number * 5} permit {protocol} {side} {network.network_address} {network.hostmask}"
    yield f" rule {len(lines) * 5 + 5} deny ip"
    yield "#"


def _lists(site: Site) -> Iterator[tuple[str, str, list[Line]]]:
    """Yield each group's lines by direction, those of one network and protocol once."""
    lines = table(site)
    for group in dict.fromkeys(line.group for line in lines):
        for direction in DIRECTIONS:
            found = {
                (line.network, line.protocol): line
                for line in reversed(lines)
                if (line.group, line.direction) == (group, direction)
            }
            yield group, direction, list(reversed(found.values()))


RENDERED: dict[str, Callable[[Site], str]] = {"nft": nft, "vrp": vrp}
"""A device's language to the text of its lists."""
