"""Both ends of BGP for a thousand nodes in forty racks: what it costs, and what does not grow with the nodes."""

from __future__ import annotations

import time

import pytest

from tests.campaigns.big_site import PER_RACK, big_site
from underlay.model import Site, load_site
from underlay.plan.bgp import objects
from underlay.plan.ends import declared_ends, differences, planned
from underlay.plan.routers import router_text
from underlay.plan.verification import expectations

RACKS = 40
BOUND = 5.0
"""Seconds of processor time for objects, configurations and expected sets."""


def forty_racks(each: int) -> Site:
    """Return forty racks of so many nodes each, every node at two routers."""
    data = big_site(RACKS * PER_RACK)
    data["nodes"] = [node for number, node in enumerate(data["nodes"]) if number % PER_RACK < each]
    data["security_groups"][0]["nodes"] = [node["name"] for node in data["nodes"]]
    return load_site(data)


def test_a_thousand_nodes_take_no_longer_than_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    site = forty_racks(25)
    begin = time.process_time()
    made, texts = objects(site), [router_text(site, router) for router in site.routers]
    expected = expectations(site)
    took = time.process_time() - begin
    with capsys.disabled():
        sessions = sum(len(router.sessions) for router in expected.routers)
        told = f"{len(site.nodes)} nodes, {len(texts)} routers, {sessions} sessions, {len(made)} objects"
        print(f"\n{told}: {took:.2f} s of processor time")
    assert (len(site.nodes), len(site.racks)) == (1000, RACKS)
    assert took < BOUND


def test_the_number_of_objects_does_not_grow_with_the_nodes() -> None:
    few, many = objects(forty_racks(1)), objects(forty_racks(PER_RACK))
    assert len(few) == len(many) == RACKS + 2
    assert [one["kind"] for one in few] == [one["kind"] for one in many]


def test_both_ends_of_two_thousand_sessions_agree() -> None:
    site = forty_racks(25)
    sessions = planned(site)
    assert sum(session.is_node for session in sessions) == 2000
    assert differences(sessions, declared_ends(site)) == []
