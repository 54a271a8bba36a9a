"""What is worked out for hundreds of routers at once is what the plain way finds for each of them."""

from __future__ import annotations

import gc
import random
from collections import deque
from ipaddress import IPv4Address, IPv4Network
from itertools import count
from xml.etree import ElementTree as ET

import pytest

from tests.campaigns.big_site import Data, big_site
from tests.campaigns.scale import STEEPEST, apart, drawn, page, steepness, total
from tests.unit.learnable import learnable
from tests.unit.plan_sites import put, site
from tests.unit.test_plan_paths import line
from underlay.model import Router, Site, load_site
from underlay.plan.learned import Entry, learned
from underlay.plan.once import per_site
from underlay.plan.paths import adjacency
from underlay.plan.routers import router_text
from underlay.plan.verification import expectations
from underlay.plan.ways import ways


def tangled(seed: int) -> Site:
    """Return a site whose routers are joined at random, some not at all, some by one side only."""
    pick = random.Random(seed)
    declared = big_site(pick.choice((40, 120, 200)))
    routers = declared["routers"]
    for router in routers:
        router["neighbors"] = []
    for number in range(pick.randrange(2 * len(routers))):
        _join(pick, routers, number)
    for router in pick.sample(routers, 2):
        taken = [f"203.0.113.{32 * part}/27" for part in pick.sample(range(8), 2)]
        router["neighbors"].append(_peer("outside", 65300, 255 * 254, taken))
    return load_site(declared)


def _join(pick: random.Random, routers: list[Data], number: int) -> None:
    one, other = pick.sample(routers, 2)
    one["neighbors"].append(_peer(other["name"], other["asn"], 2 * number))
    if pick.random() < 0.9:
        other["neighbors"].append(_peer(one["name"], one["asn"], 2 * number, back=True))


def _peer(name: str, asn: int, number: int, accepts: list[str] | None = None, *, back: bool = False) -> Data:
    ends = [str(IPv4Address("100.64.0.0") + number + end) for end in ((1, 0) if back else (0, 1))]
    return {"name": name, "asn": asn, "local": ends[0], "remote": ends[1], "accepts": accepts or []}


def parts(entry: Entry) -> list[IPv4Network]:
    return list(entry.network.subnets(new_prefix=entry.length))


def around(networks: list[IPv4Network]) -> list[IPv4Network]:
    """Return networks with those that hold them, and with their halves: near misses."""
    wider = [one.supernet() for one in networks if one.prefixlen]
    return sorted({*networks, *wider, *(half for one in networks[:50] for half in one.subnets())})


def next_hops(declared: Site, router: Router, rack: str) -> set[IPv4Address]:
    """Return the neighbours on a shortest way, found by walking from the rack."""
    links = adjacency(declared)
    distance = {link.router: 0 for link in declared.rack(rack).links}
    edge = deque(distance)
    while edge:
        here = edge.popleft()
        fresh = links[here] - distance.keys()
        distance |= dict.fromkeys(fresh, distance[here] + 1)
        edge.extend(sorted(fresh))
    mine = distance.get(router.name, 0)
    near = (peer for peer in router.neighbors if peer.name in links[router.name])
    return {peer.remote for peer in near if distance.get(peer.name, mine) < mine}


@pytest.mark.parametrize("seed", range(10))
def test_what_may_be_learned_is_told_exactly(seed: int) -> None:
    declared = tangled(seed)
    for router in declared.routers:
        for neighbor in router.neighbors:
            found = learned(declared, router, neighbor)
            networks = [part for entry in found.entries for part in parts(entry)]
            assert len(networks) == found.networks
            assert tuple(sorted(networks)) == learnable(declared, router, neighbor)
            assert [one for one in around(networks) if found.holds(one)] == [
                one for one in around(networks) if one in networks
            ]


@pytest.mark.parametrize("seed", range(10))
def test_next_hops_lead_over_every_shortest_way(seed: int) -> None:
    declared = tangled(seed)
    expected = expectations(declared)
    for router in declared.routers:
        for node in declared.nodes:
            own = [link for rack, link in declared.links_of(router.name) if rack.name == node.rack]
            direct = {node.address_in(link.subnet) for link in own}
            found = expected.next_hops(router.name, node.name)
            assert set(found) == (direct or next_hops(declared, router, node.rack))


def test_neighbouring_segments_of_one_length_are_one_entry() -> None:
    declared = load_site(big_site(400))
    leaf = declared.router("leaf-1-a")
    found = learned(declared, leaf, leaf.neighbors[0])
    assert found.networks == 19
    assert [str(entry.network) for entry in found.entries] == [
        "172.16.0.64/26",
        "172.16.0.128/25",
        "172.16.1.0/24",
        "172.16.2.0/23",
        "172.16.4.0/24",
    ]
    text = router_text(declared, leaf)
    assert "ip prefix-list UNDERLAY-PEER-SPINE-1 seq 5 permit 172.16.0.64/26\n" in text
    assert "permit 172.16.2.0/23 ge 26 le 26\n" in text
    bird = router_text(declared, declared.router("leaf-1-b"))
    assert "172.16.2.0/23{26,26}" in bird


def test_segments_of_different_lengths_are_never_joined() -> None:
    declared = site(
        line, put("racks.1.links.0.subnet", "172.30.0.0/24"), put("racks.0.links.0.subnet", "172.30.1.0/25")
    )
    middle = declared.router("tor-c")
    assert [entry.length for peer in middle.neighbors for entry in learned(declared, middle, peer).entries[:1]] == [
        25,
        24,
    ]


def test_a_rack_without_a_way_to_it_is_told_apart() -> None:
    declared = site(put("routers.0.neighbors", []))
    assert ways(declared, declared.router("tor-a")) == (((), ()),)
    assert expectations(declared).next_hops("tor-a", "worker-2") == ()


def test_a_result_is_kept_for_its_site_alone_and_as_long_as_that_lives() -> None:
    number = count(1)
    ask = per_site(lambda _: next(number))
    one, other = site(), site()
    assert (ask(one), ask(one), ask(other)) == (1, 1, 2)
    del one, other
    gc.collect()
    assert ask(site()) == 3


def test_neighbours_that_may_tell_the_same_share_one_set() -> None:
    declared = load_site(big_site(400))
    spine = router_text(declared, declared.router("spine-1"))
    assert spine.count("match ip address prefix-list UNDERLAY-PEER-LEAF-1-A\n") == 2 * 20
    assert "UNDERLAY-PEER-LEAF-2-A seq" not in spine
    assert spine.count("\n") < 900


def test_a_neighbour_is_not_told_what_it_alone_may_tell() -> None:
    text = router_text(site(), site().router("tor-a"))
    told = text.partition("route-map UNDERLAY-PEER-CLIENT-OUT")[2].partition("router bgp")[0]
    assert "UNDERLAY-PEER-TOR-B" in told
    assert "UNDERLAY-PEER-CLIENT\n" not in told


def test_a_plan_grows_with_its_nodes_and_no_faster() -> None:
    costs = {nodes: apart(nodes, runs=2) for nodes in (200, 800)}
    assert steepness(costs, 200, 800) < STEEPEST, "a node may not cost more among many"
    assert total(costs[800]) < 2, "seconds of processor time"


def test_the_picture_shows_every_size() -> None:
    costs = {nodes: {"YAML": 1.0, "model": nodes / 1000, "memory": 1e8} for nodes in (100, 1000, 5000)}
    picture = drawn(costs)
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - our own
    assert picture.count('class="dot"') == 2 * len(costs)
    assert "| 5,000 | 125 | 5.00 | **5.00** | 100 | 1.00 |" in page(costs)
