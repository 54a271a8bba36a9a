"""A service's address is taken from the pool, told to both routers by BGP, and answers every client outside.

It takes the running site as it is: the dev site, or the one with every node behind both routers (`tests.lab.bgp.dual`).
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.surroundings import stack_file
from tests.lab.site import Site, running, until
from underlay import model
from underlay.commands.stack_file import SITE

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

NAME, NAMESPACE = "front", "underlay-probe"
POOL = ipaddress.IPv4Network("198.18.10.0/24")
CLIENT = "172.30.255.3"
"""The dev site's client, as its router sees it."""
CALL = """
import socket, sys
for _ in range(int(sys.argv[2])):
    with socket.create_connection((sys.argv[1], 80), 5, (sys.argv[3], 0)) as call:
        call.sendall(b"x")
        call.shutdown(socket.SHUT_WR)
        print(call.recv(200).decode().strip())
"""
CALLS = 24


def service(policy: str) -> str:
    """Return a service of type LoadBalancer in front of the responders."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {
                "type": "LoadBalancer",
                "externalTrafficPolicy": policy,
                "selector": {"app": NAMESPACE},
                "ports": [{"port": 80, "targetPort": 4271, "protocol": "TCP"}],
            },
        }
    )


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    lab = running()
    yield lab
    lab.run("kubectl", "-n", NAMESPACE, "delete", "service", NAME, "--ignore-not-found")


def address(site: Site) -> str:
    """Return the service's address; empty while it has none."""
    path = "jsonpath={.status.loadBalancer.ingress[0].ip}"
    return site.good("kubectl", "-n", NAMESPACE, "get", "service", NAME, "-o", path)


def hops(site: Site, found: str) -> dict[str, set[str]]:
    """Return the next hops to an address in each router's kernel."""
    seen = {}
    for router in ("tor-a", "tor-b"):
        rows = json.loads(site.inside(router, "ip", "-json", "route", "show", f"{found}/32") or "[]")
        seen[router] = {hop["gateway"] for row in rows for hop in (row, *row.get("nexthops", ())) if hop.get("gateway")}
    return seen


def declared() -> model.Site:
    """Return the site that the lab's stack declares."""
    return model.load_site(yaml.safe_load(stack_file().read_text(encoding="utf-8"))["config"][SITE])


def clients() -> dict[str, str]:
    """Return the machines outside and the addresses that they tell; each is a neighbour of one router."""
    named = {router.name for router in declared().routers}
    ends = [end for router in declared().routers for end in router.neighbors if end.name not in named]
    return {end.name: str(end.accepts[0].network_address) for end in ends}


def nodes_of(router: str) -> set[str]:
    """Return the addresses of the nodes in a router's segments."""
    site = declared()
    own = [link.subnet for rack in site.racks for link in rack.links if link.router == router]
    cards = {link.address or node.address for node in site.nodes for link in node.uplinks}
    return {str(card) for card in cards if any(card in subnet for subnet in own)}


def calls(site: Site, client: str, own: str, found: str) -> list[str]:
    """Return the source address that the far end saw, for each call of an outside client from an address of its own."""
    lines = site.inside(client, "python3", "-c", CALL, found, str(CALLS), own).split("\n")
    return [json.loads(line)["from"] for line in lines if line]


@pytest.mark.parametrize("policy", ["Cluster", "Local"])
def test_a_service_answers_the_outside_client_at_its_address(site: Site, tmp_path: Path, policy: str) -> None:
    file = tmp_path / "service.json"
    file.write_text(service(policy), encoding="utf-8")
    site.good("kubectl", "apply", "-f", str(file))
    assert until(lambda: bool(address(site)))
    found = address(site)
    assert ipaddress.IPv4Address(found) in POOL
    assert until(lambda: all(hops(site, found).values())), hops(site, found)
    assert until(lambda: hops(site, found)["tor-a"] == nodes_of("tor-a")), (hops(site, found), nodes_of("tor-a"))
    for client, own in clients().items():
        seen = calls(site, client, own, found)
        assert len(seen) == CALLS
        assert own in seen
        if policy == "Local":
            assert set(seen) == {own}
        print(f"{policy}, {client}: {CALLS} of {CALLS} calls answered, {seen.count(own)} with the client's own address")


def test_a_service_is_no_fault_and_its_address_leaves_with_it(site: Site) -> None:
    found = address(site)
    assert site.verify().code == 0
    site.good("kubectl", "-n", NAMESPACE, "delete", "service", NAME)
    assert until(lambda: not any(hops(site, found).values())), hops(site, found)
