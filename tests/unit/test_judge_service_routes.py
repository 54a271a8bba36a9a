"""Routes to services' addresses at the routers: they lead to nodes, directly or by a router of the site."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.judge_site import healthy, verdict
from underlay.judge.verdict import Check, Status, Verdict

ADDRESS = "198.18.10.5/32"
NODE, ROUTER, STRANGER = "172.30.1.11", "172.30.255.1", "192.0.2.66"


def unicast(hop: str) -> dict[str, Any]:
    return {"target": ADDRESS, "type": "unicast", "gateway": hop, "device": "eth0"}


def seen(evidence: dict[str, Any]) -> Check:
    found: Verdict = verdict(evidence)
    return next(check for check in found.checks if (check.rule, check.where) == ("router-services", "tor-a"))


@pytest.mark.parametrize("hops", [[NODE], [NODE, ROUTER]], ids=["a node", "a node, and the other rack's router"])
def test_a_route_to_a_node_is_right(hops: list[str]) -> None:
    evidence = healthy()
    evidence["routers"]["tor-a"]["kernel"] += [unicast(hop) for hop in hops]
    evidence["routers"]["tor-a"]["table"][ADDRESS] = hops
    assert verdict(evidence).status is Status.PASS
    assert seen(evidence).found == "1 addresses, each by a node or a router of the site"


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({"target": ADDRESS, "type": "blackhole"}, f"{ADDRESS} in the kernel: blackhole"),
        (unicast(STRANGER), f"{ADDRESS} in the kernel: {STRANGER}"),
    ],
    ids=["nowhere", "a stranger"],
)
def test_a_route_that_leads_elsewhere_is_told(route: dict[str, Any], told: str) -> None:
    evidence = healthy()
    evidence["routers"]["tor-a"]["kernel"].append(route)
    assert (seen(evidence).status, seen(evidence).found) == (Status.FAIL, told)


def test_a_stranger_in_bgp_alone_is_told_too() -> None:
    evidence = healthy()
    evidence["routers"]["tor-a"]["table"][ADDRESS] = [STRANGER]
    assert seen(evidence).found == f"{ADDRESS} by BGP: {STRANGER}"


def test_an_unread_kernel_is_no_pass() -> None:
    evidence = healthy()
    evidence["routers"]["tor-a"] |= {"kernel": None, "errors": ["`ip route` failed"]}
    assert seen(evidence).status is Status.ERROR
