"""Which routers carry pods between racks, and what a router may learn from a neighbour."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.learnable import beyond, learnable
from tests.unit.plan_sites import Data, put, site
from underlay.plan.learned import learned
from underlay.plan.paths import Status, adjacency, solve
from underlay.plan.paths.gaps import Gap, gaps
from underlay.plan.paths.solve import Pair
from underlay.plan.verification import expectations


def line(data: Data) -> None:
    """Make of the dev site a line tor-a - tor-c - tor-b, with the outside network behind tor-a and one behind tor-b."""
    tor_a, tor_b = data["routers"]
    tor_a["neighbors"][0] = _link("tor-c", 65103, 0, 1)
    tor_b["neighbors"] = [_link("tor-c", 65103, 6, 7), {**_link("lake", 65300, 8, 9), "accepts": ["203.0.113.32/27"]}]
    data["routers"].append(
        {
            "name": "tor-c",
            "platform": "frr",
            "asn": 65103,
            "managed": False,
            "neighbors": [_link("tor-a", 65101, 1, 0), _link("tor-b", 65102, 7, 6)],
        }
    )


def _link(name: str, asn: int, local: int, remote: int) -> dict[str, Any]:
    return {"name": name, "asn": asn, "local": f"172.30.255.{local}", "remote": f"172.30.255.{remote}"}


def networks(router: str, number: int) -> list[str]:
    declared = site(line)
    found = declared.router(router)
    networks = learnable(declared, found, found.neighbors[number])
    assert all(learned(declared, found, found.neighbors[number]).holds(network) for network in networks)
    return [str(network) for network in networks]


def test_routers_that_declare_each_other_are_adjacent() -> None:
    assert adjacency(site()) == {"tor-a": {"tor-b"}, "tor-b": {"tor-a"}}


def test_a_chain_of_routers_carries_pods() -> None:
    assert list(gaps(solve(site(line)))) == []


def test_a_chain_with_a_missing_link_is_a_gap() -> None:
    def cut(data: Data) -> None:
        line(data)
        data["routers"][2]["neighbors"].pop()

    there, back = Pair("rack-a", "rack-b"), Pair("rack-b", "rack-a")
    found = [Gap(there, Status.LOST, "silence", "tor-a"), Gap(back, Status.LOST, "silence", "tor-b")]
    assert list(gaps(solve(site(cut)))) == found


def test_what_lies_beyond_a_router_leaves_the_asking_router_out() -> None:
    links = adjacency(site(line))
    assert beyond(links, "tor-c", without="tor-a") == {"tor-c", "tor-b"}


def test_a_router_learns_racks_and_outside_networks_from_whatever_lies_behind_its_neighbour() -> None:
    assert networks("tor-a", 0) == ["172.30.2.0/24", "203.0.113.32/27"]
    assert networks("tor-b", 0) == ["172.30.1.0/24", "203.0.113.10/32"]
    assert networks("tor-c", 0) == ["172.30.1.0/24", "203.0.113.10/32"]


def test_an_outside_neighbour_may_tell_only_what_is_declared_for_it() -> None:
    assert networks("tor-a", 1) == ["203.0.113.10/32"]
    assert networks("tor-b", 1) == ["203.0.113.32/27"]


@pytest.mark.parametrize("pool", [True, False])
def test_what_covers_the_pods_is_expected_at_whatever_router_may_learn_it(pool: bool) -> None:
    wide = "10.0.0.0/8" if pool else "10.0.0.0/16"
    found = expectations(site(line, put("routers.1.neighbors.1.accepts", [wide, "203.0.113.32/27"])))
    assert [list(map(str, router.accepts)) for router in found.routers] == [[wide] if pool else []] * 3
