"""Service addresses, marks and aggregates: what nodes advertise, and what routers take and pass on."""

from __future__ import annotations

from pathlib import Path

from tests.unit.plan_sites import drop, put, site
from underlay.plan import bgp
from underlay.plan.routers import node_prefixes, router_text

GOLDEN = Path(__file__).parent / "golden"


def test_a_pool_of_service_addresses_is_one_object_with_its_blocks() -> None:
    pools = [item for item in bgp.objects(site()) if item["kind"] == "CiliumLoadBalancerIPPool"]
    assert [pool["spec"]["blocks"] for pool in pools] == [[{"cidr": "198.18.10.0/24"}]]


def test_without_a_pool_only_pods_are_advertised() -> None:
    without = site(drop("addresses.load_balancers"))
    advertisement, *_ = bgp.objects(without)
    assert advertisement["spec"] == {"advertisements": [{"advertisementType": "PodCIDR"}]}
    assert "SERVICES" not in router_text(without, without.routers[0])


def test_marks_are_put_on_everything_that_is_advertised() -> None:
    marked = site(put("bgp.communities", ["65010:100"]))
    _, advertisement, *_ = bgp.objects(marked)
    marks = [one["attributes"]["communities"]["standard"] for one in advertisement["spec"]["advertisements"]]
    assert marks == [["65010:100"], ["65010:100"]]


def test_a_node_may_announce_as_many_prefixes_as_there_are_services() -> None:
    assert node_prefixes(site(drop("addresses.load_balancers"))) == 16
    assert node_prefixes(site()) == 512


def test_an_aggregate_goes_outside_in_place_of_its_parts_and_nowhere_else() -> None:
    whole = site(put("routers.0.aggregates", ["10.244.0.0/16"]), put("routers.1.aggregates", ["10.244.0.0/16"]))
    frr, bird = (router_text(whole, router) for router in whole.routers)
    assert "  aggregate-address 10.244.0.0/16\n" in frr
    assert "route-map UNDERLAY-PEER-CLIENT-OUT deny 5\n match ip address prefix-list UNDERLAY-PARTS\n" in frr
    assert "UNDERLAY-PEER-TOR-B-OUT deny" not in frr
    assert "    route 10.244.0.0/16 blackhole;\n" in bird
    assert "UNDERLAY_AGGREGATES" not in bird.partition("protocol bgp underlay_peer_tor_a")[2]


def test_the_configuration_for_vrp_is_as_reviewed() -> None:
    declared = site(
        put("routers.0.platform", "vrp"),
        put("routers.0.managed", value=False),
        put("routers.0.aggregates", ["10.244.0.0/16"]),
    )
    text = router_text(declared, declared.routers[0])
    assert text == (GOLDEN / "tor-a-vrp.cfg").read_text(encoding="utf-8")
    assert "Not run here" in text
