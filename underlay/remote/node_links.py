"""A node's place in the fabric: uplinks, addresses, neighbours, and the way that pods' packets leave it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from underlay.remote.machine import Trouble
from underlay.remote.node_facts import Check, Input, System

SMALL = 64
"""Bytes of a packet that passes everywhere."""
AT_ONCE = 16
ALIVE = frozenset({"REACHABLE", "STALE", "DELAY", "PROBE", "PERMANENT", "NOARP"})
"""States of a neighbour that has answered."""


def uplinks_are_as_declared(system: System, data: Input) -> Iterator[Trouble]:
    """Require each uplink, carrying packets of the declared size."""
    for name, mtu in data["uplinks"].items():
        found = system.text(f"sys/class/net/{name}/mtu").strip()
        if not found:
            there = ", ".join(system.names("sys/class/net"))
            yield Trouble("node-uplink-missing", f"interface {name}", f"only {there}", f"an interface {name}")
        elif found != str(mtu):
            fix = "Correct one of them."
            yield Trouble("uplink-mtu-differs", f"interface {name}", f"MTU {found}", f"MTU {mtu}", fix)


def uplinks_are_up(system: System, data: Input) -> Iterator[Trouble]:
    """Require a carrier on each uplink: half of a redundant pair hides behind the other half."""
    for name in data["uplinks"]:
        if system.text(f"sys/class/net/{name}/carrier").strip() == "0":
            fix = "Look at the cable and the router's port."
            yield Trouble("uplink-down", f"interface {name}", "no carrier", "a link that is up", fix)


def address_is_on_an_uplink(system: System, data: Input) -> Iterator[Trouble]:
    """Require the node's address in each segment where the site says, with the segment's prefix length."""
    found = _addresses(system)
    there = ", ".join(f"{address} on {name}" for address, name in sorted(found.items()) if name != "lo")
    for address in data["addresses"]:
        if found.get(address) not in data["uplinks"]:
            expected = f"{address} on {' or '.join(data['uplinks'])}"
            yield Trouble("node-address-missing", "the node's interfaces", there or "no address", expected)


def addresses_have_one_owner(system: System, data: Input) -> Iterator[Trouble]:
    """Ask each segment whether another machine holds the node's address."""
    found = _addresses(system)
    for address in data["addresses"]:
        bare, device = address.partition("/")[0], found.get(address, "")
        for other in sorted(system.kernel.owners(device, bare)) if device in data["uplinks"] else []:
            fix = "Give one of the two another address."
            yield Trouble("node-address-duplicate", f"address {bare}", f"{other} holds it too", "one owner", fix)


def pods_are_behind_an_uplink(system: System, data: Input) -> Iterator[Trouble]:
    """Require a route for pods by an uplink: BGP only advertises, it gives the node no routes."""
    way = next(iter(system.rows("ip", "-json", "-4", "route", "get", data["pod_address"])), {})
    device, hop = way.get("dev", ""), way.get("gateway", "")
    if device == "cilium_host":
        return
    fix = "Give the node a default route to its rack's gateway."
    if device not in data["uplinks"]:
        expected = f"a route by {' or '.join(data['uplinks'])}"
        yield Trouble("pod-route-not-by-uplink", f"route to {data['pod_address']}", device or "none", expected, fix)
    elif hop not in (*data["gateways"], *data["mates"]):
        expected = f"a route via {' or '.join(data['gateways'])}"
        yield Trouble("pod-route-not-by-gateway", f"route to {data['pod_address']}", hop or device, expected, fix)


def every_gateway_is_a_next_hop(system: System, data: Input) -> Iterator[Trouble]:
    """Require a next hop to each of several routers: a missing one is missed only when the other fails."""
    if len(data["gateways"]) < 2 or data["routes"]:  # ours have all of them, and are compared one by one
        return
    known = {hop for row in system.rows("ip", "-json", "-4", "route", "show", "default") for hop in hops(row)}
    for gateway in data["gateways"]:
        if gateway not in known:
            found = ", ".join(sorted(known)) or "none"
            yield Trouble("egress-next-hop-missing", "default route", found, f"{gateway} among its next hops")


def gateways_answer(system: System, data: Input) -> Iterator[Trouble]:
    """Require each gateway on the segment, and packets of the whole declared size up to it."""
    for gateway in data["gateways"]:
        small = system.kernel.answers(gateway, SMALL)
        if not small and not _is_neighbour(system, gateway):
            fix = "Look at the cable, the router's port and its VLAN."
            yield Trouble("gateway-not-on-link", f"gateway {gateway}", "no answer to ARP", "a router there", fix)
        mtu = _packet(system, data["uplinks"])
        if small and not system.kernel.answers(gateway, mtu):
            found = f"{SMALL} bytes pass, {mtu} do not"
            fix = "Raise the MTU of the switch and the router, or lower the declared one."
            yield Trouble("path-mtu-smaller", f"the way to {gateway}", found, f"packets of {mtu} bytes", fix)


def far_ends_take_whole_packets(system: System, data: Input) -> Iterator[Trouble]:
    """Require whole packets up to routers and nodes of other racks, as far as these answer already."""
    own = _packet(system, data["uplinks"])
    far = {name: (address, min(own, size)) for name, (address, size) in data["far"].items()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        short = {name: pool.submit(_only_small, system, *end) for name, end in far.items()}
    for name, answer in short.items():
        if answer.result():
            mtu = far[name][1]
            fix = "Raise the MTU of the links between the routers, or lower the declared one."
            found = f"{SMALL} bytes pass, {mtu} do not"
            yield Trouble("path-mtu-smaller", f"the way to {name}", found, f"packets of {mtu} bytes", fix)


def _only_small(system: System, address: str, mtu: int) -> bool:
    """Tell whether small packets pass and whole ones do not; routes that are only just coming get a second try."""
    return system.kernel.answers(address, SMALL) and not any(system.kernel.answers(address, mtu) for _ in range(2))


def _addresses(system: System) -> dict[str, str]:
    rows = system.rows("ip", "-json", "-4", "address", "show")
    return {
        f"{address['local']}/{address['prefixlen']}": link["ifname"]
        for link in rows
        for address in link.get("addr_info", [])
    }


def _packet(system: System, uplinks: dict[str, int]) -> int:
    """Return the bytes of a whole packet: the declared ones, or what an interface carries that is told of already."""
    carried = (system.text(f"sys/class/net/{name}/mtu").strip() for name in uplinks)
    return min([*uplinks.values(), *(int(mtu) for mtu in carried if mtu.isdecimal())], default=SMALL)


def hops(row: dict[str, Any]) -> list[str]:
    """Return the next hops of a route; an empty text for one that has none."""
    return [hop.get("gateway", "") for hop in (row, *row.get("nexthops", []))]


def _is_neighbour(system: System, address: str) -> bool:
    rows = system.rows("ip", "-json", "-4", "neigh", "show", "to", address)
    return any(ALIVE & set(row.get("state", [])) for row in rows)


CHECKS: tuple[Check, ...] = (
    uplinks_are_as_declared,
    uplinks_are_up,
    address_is_on_an_uplink,
    addresses_have_one_owner,
    gateways_answer,
    far_ends_take_whole_packets,
)
LEAVING: tuple[Check, ...] = (pods_are_behind_an_uplink, every_gateway_is_a_next_hop)
"""Asked once the routes are there: after each change, and before it too where they are not ours."""
