"""A node's routes by its rack's routers, as the kernel has them: ours bear a number, and nobody else's is touched."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from underlay.remote.machine import Trouble
from underlay.remote.node_facts import Check, Input, System
from underlay.remote.node_files import REPAIR
from underlay.remote.node_keepers import NUMBER
from underlay.remote.node_links import hops


class Held(NamedTuple):
    """A route of the main table."""

    target: str
    hops: tuple[str, ...]
    protocol: str

    @property
    def ours(self) -> bool:
        """Tell whether this project has made it."""
        return self.protocol == NUMBER

    def leads_to(self, address: str) -> bool:
        """Tell whether an address is among its destinations."""
        return ip_address(address) in ip_network(self.target, strict=False)

    def __str__(self) -> str:
        """Return the way as people read it."""
        return f"via {' and '.join(self.hops)}" if self.hops else "on the link"


def held(system: System) -> list[Held]:
    """Return every route of the main table."""
    return [
        Held(_target(str(row.get("dst", ""))), tuple(hop for hop in hops(row) if hop), str(row.get("protocol", "")))
        for row in system.rows("ip", "-json", "-4", "route", "show", "table", "main")
    ]


def _target(text: str) -> str:
    return "0.0.0.0/0" if text == "default" else text if "/" in text else f"{text}/32"


def no_foreign_routes(system: System, data: Input) -> Iterator[Trouble]:
    """Require that nobody else gives routes to the destinations of ours: two owners undo each other's work."""
    for route in held(system) if data["routes"] else ():
        if route.target in data["routes"] and not route.ours:
            found = f"{route} (protocol {route.protocol or 'unknown'})"
            fix = "Take it out of the node's own configuration, or declare `routes: node` for the rack."
            yield Trouble("foreign-route", f"route to {route.target}", found, "no route but ours", fix)


def another_route_leads_out(system: System, data: Input) -> Iterator[Trouble]:
    """Require a route of the node's own by its gateways before the last of ours goes: else nothing leaves it after."""
    there = held(system)
    if data["routes"] or not any(route.ours for route in there):
        return
    others = [route for route in there if not route.ours and route.leads_to(data["pod_address"])]
    if not any({*route.hops} & {*data["gateways"]} for route in others):
        found = " and ".join(f"{route.target} {route}" for route in others) or "only routes of ours"
        expected = f"a route of the node's own via {' or '.join(data['gateways'])}"
        fix = "Give the node a default route to its rack's gateway first: `routes: node` takes ours away."
        yield Trouble("pod-route-not-by-gateway", f"route to {data['pod_address']}", found, expected, fix)


def routes_have_drifted(system: System, data: Input) -> Iterator[Trouble]:
    """Yield each route of ours that is missing, leads elsewhere, or is wanted no longer."""
    found = {route.target: route for route in held(system) if route.ours}
    for target, wanted in data["routes"].items():
        route = found.pop(target, None)
        if not route or {*route.hops} != {*wanted}:
            expected = f"via {' and '.join(wanted)}"
            yield Trouble("route-drifted", f"route to {target}", str(route or "none"), expected, REPAIR)
    for target, route in found.items():
        yield Trouble("route-drifted", f"route to {target}", str(route), "none of ours", REPAIR)


def apply_routes(system: System, data: Input) -> list[str]:
    """Write the routes that differ and take away those that are wanted no longer; return what changed."""
    found = {route.target: route for route in held(system) if route.ours}
    changed = []
    for target, wanted in data["routes"].items():
        route = found.pop(target, None)
        if not route or {*route.hops} != {*wanted}:
            _replace(system, target, wanted)
            changed.append(f"route to {target} via {' and '.join(wanted)}")
    return changed + _deleted(system, found)


def return_routes(system: System) -> list[str]:
    """Take away every route of ours."""
    return _deleted(system, {route.target: route for route in held(system) if route.ours})


def _replace(system: System, target: str, wanted: list[str]) -> None:
    ways = [word for hop in wanted for word in ("nexthop", "via", hop)]
    code, text = system.ask("ip", "-4", "route", "replace", target, "proto", NUMBER, "metric", NUMBER, *ways)
    if code:
        fix = "Look at the node's interfaces: each next hop has to be in a segment of one of them."
        raise Trouble(
            "route-refused", f"route to {target}", text or f"code {code}", "a route that the kernel takes", fix
        )


def _deleted(system: System, found: dict[str, Held]) -> list[str]:
    """Take routes of ours away; one that is gone meanwhile is no trouble."""
    for target in found:
        code, text = system.ask("ip", "-4", "route", "del", target, "proto", NUMBER, "metric", NUMBER)
        if code and any(route.ours and route.target == target for route in held(system)):
            fix = f"Take it away by hand, with what holds it: `ip -4 route del {target} proto {NUMBER}`."
            raise Trouble("route-refused", f"route to {target}", text or f"code {code}", "no such route", fix)
    return [f"route to {target} removed" for target in found]


CHECKS: tuple[Check, ...] = (no_foreign_routes, another_route_leads_out)
