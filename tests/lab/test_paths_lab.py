"""The running lab's routers hold what the path solver forecasts: each pod network, with its next hops."""

from __future__ import annotations

import json

import pytest

from tests.lab.site import Site
from underlay.commands import stack_file
from underlay.model import Site as Declared
from underlay.plan.paths import Solution, solve

pytestmark = pytest.mark.lab

Table = dict[str, set[str]]


def forecast(solution: Solution, declared: Declared, pods: dict[str, str], router: str) -> Table:
    """Return a router's pod networks with their next hops, as they follow from the declaration."""
    remotes = {peer.name: str(peer.remote) for peer in declared.router(router).neighbors}
    own = {rack.name: link.subnet for rack, link in declared.links_of(router)}
    table: Table = {}
    for node in declared.nodes:
        route = solution.routes[node.rack][0][router]
        direct = str(node.address_in(own[node.rack])) if not route.via else ""
        table[pods[node.name]] = {remotes[peer] for peer in route.via} or {direct}
    return table


def held(site: Site, router: str, pool: str) -> Table:
    """Return the same from the router's kernel."""
    routes = json.loads(site.inside(router, "ip", "-j", "route", "show", "root", pool))
    return {route["dst"]: {hop["gateway"] for hop in route.get("nexthops", [route])} for route in routes}


def test_frr_and_bird_hold_what_the_solver_forecasts(site: Site) -> None:
    declared = stack_file.site(site.state / "Pulumi.dev.yaml")
    solution = solve(declared)
    items = json.loads(site.good("kubectl", "get", "ciliumnodes", "-o", "json"))["items"]
    pods = {item["metadata"]["name"]: item["spec"]["ipam"]["podCIDRs"][0] for item in items}
    for router in declared.routers:
        pool = str(declared.addresses.pods.native)
        assert held(site, router.name, pool) == forecast(solution, declared, pods, router.name), router.name
