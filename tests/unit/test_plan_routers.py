"""The routers' configurations: whole texts for the dev site, and what must never be in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan_sites import Change, declaration, dev, drop, put, site
from tests.unit.test_plan_paths import line
from underlay.plan.checks import RULES, findings
from underlay.plan.checks.examples import declared as example
from underlay.plan.ends import declared_ends, differences, planned
from underlay.plan.routers import PASSWORD_MARK, router_text, symbol
from underlay.plan.verification import expectations
from underlay.plan.waivers import STRUCTURE
from underlay.remote.owner import Owner, owner_in

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["tor-a", "tor-b"])
def test_the_dev_site_s_configurations_are_as_reviewed(name: str) -> None:
    declared = site()
    assert router_text(declared, declared.router(name)) == (GOLDEN / f"{name}.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["tor-a", "tor-b"])
def test_the_password_is_a_mark_in_one_place(name: str) -> None:
    declared = site()
    text = router_text(declared, declared.router(name))
    assert text.count(PASSWORD_MARK) == 1
    assert len(re.findall(r"password", text.replace(PASSWORD_MARK, ""))) == 1


def text(router: str, *changes: Change) -> str:
    declared = site(*changes)
    return router_text(declared, declared.router(router))


def test_a_router_without_racks_has_no_nodes_and_no_subnets() -> None:
    spine = text("tor-c", line)
    assert "UNDERLAY-SUBNETS" not in spine
    assert " network " not in spine
    assert "peer-group UNDERLAY-NODES" not in spine
    assert "neighbor 172.30.255.0 remote-as 65101" in spine


def test_a_bird_without_racks_defines_no_empty_set() -> None:
    spine = text("tor-c", line, put("routers.2.platform", "bird"))
    assert "[  ]" not in spine
    assert "underlay_direct" not in spine


@pytest.mark.parametrize(
    ("router", "expected"), [("tor-a", "graceful-restart-disable"), ("tor-b", "graceful restart off")]
)
def test_without_graceful_restart_routers_forget_a_lost_node_at_once(router: str, expected: str) -> None:
    assert expected in text(router, drop("bgp.graceful_restart"))
    assert expected not in text(router)


@pytest.mark.parametrize("change", [put("routers.1.neighbors.0.asn", 65102), put("bgp.asn", 65102)])
def test_a_bird_takes_the_next_hops_of_its_own_number_from_its_links(change: Change) -> None:
    """Without this, BIRD looks next hops of iBGP up among its routes, where links to other routers are not."""
    assert "    direct;\n" not in text("tor-b")
    assert "    direct;\n" in text("tor-b", change)


def test_a_pool_that_is_one_node_s_share_is_matched_exactly() -> None:
    frr = text("tor-a", put("addresses.pods.mask", 16))
    assert "ip prefix-list UNDERLAY-PODS seq 5 permit 10.244.0.0/16\n" in frr


def test_one_more_node_changes_no_limit() -> None:
    def more(data: dict[str, list[dict[str, object]]]) -> None:
        data["nodes"].append({**data["nodes"][1], "name": "worker-9", "address": "172.30.1.99"})

    before, after = text("tor-b").splitlines(), text("tor-b", more).splitlines()
    assert before == after


@pytest.mark.parametrize("name", ["nodes", "pods", "subnets", "device", "kernel", "direct", "node"])
@pytest.mark.parametrize("router", ["tor-a", "tor-b"])
def test_no_name_meets_a_name_of_ours(name: str, router: str) -> None:
    number = 0 if router == "tor-a" else 1
    found = text(
        router,
        lambda data: data["routers"][number]["neighbors"].append(
            {
                "name": name,
                "asn": 65400,
                "local": "172.30.255.20",
                "remote": "172.30.255.21",
                "accepts": ["203.0.113.99/32"],
            }
        ),
    )
    titles = re.findall(r"^(?:route-map \S+ \S+ \d+|(?:protocol|template) \w+ \w+|define \w+)", found, re.MULTILINE)
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("name", ["tor-a", "tor-b"])
def test_a_configuration_says_whose_it_is(name: str) -> None:
    assert owner_in(text(name, put("name", "berlin"))) == Owner("berlin", name)


def test_paths_over_neighbours_of_different_numbers_are_used_together() -> None:
    assert " bgp bestpath as-path multipath-relax\n" in text("tor-a")


def test_a_long_name_gives_a_symbol_that_bird_takes_and_no_other_name_gives() -> None:
    names = ["n" * 63, "n" * 62 + "m", "n" * 51, "worker-1"]
    symbols = [symbol(name) for name in names]
    assert len(set(symbols)) == 4
    assert max(map(len, symbols)) == 50
    assert symbols[3] == "worker_1"


def test_a_name_with_points_gives_a_symbol_that_bird_takes_and_no_other_name_gives() -> None:
    symbols = [symbol(name) for name in ("a.b", "a-b", "a-b.c", "a.b-c")]
    assert len(set(symbols)) == len(symbols)
    assert not any(set(one) & set(".-") for one in symbols)


def test_no_symbol_of_a_bird_configuration_is_longer_than_bird_takes() -> None:
    long = "n" * 63
    found = text("tor-b", lambda data: data["nodes"][3].update(name=long), put("security_groups", []))
    found += text("tor-b", put("routers.1.neighbors.0.name", long))
    assert max(map(len, re.findall(r"\w+", re.sub(r'"[^"]*"|#.*', "", found)))) <= 64


@pytest.mark.parametrize("rule", sorted(set(RULES) - STRUCTURE))
def test_whatever_a_waiver_lets_pass_a_router_and_the_verdict_know_each_node_by_one_address(rule: str) -> None:
    declared = example(dev(), RULES[rule].bad).site
    expected = expectations(declared)
    for router in declared.routers:
        text = router_text(declared, router)
        assert "None" not in text
        known = set(re.findall(r"^ *(?:neighbor|peer) (\S+) ", text, re.MULTILINE))
        assert {str(one.address) for one in expected.router(router.name).sessions} <= known


EVERYWHERE = put("routers.0.neighbors.1.accepts", ["0.0.0.0/0", "203.0.113.10/32"])


def test_a_default_route_can_be_declared_and_is_taken_as_itself_alone() -> None:
    assert not [one for one in findings(declaration(EVERYWHERE)) if one.severity == "error"]
    assert "ip prefix-list UNDERLAY-DEFAULT seq 5 permit 0.0.0.0/0\n" in text("tor-a", EVERYWHERE)
    assert "define UNDERLAY_DEFAULT = [ 0.0.0.0/0 ];" in text("tor-b", EVERYWHERE)
    assert differences(planned(site(EVERYWHERE)), declared_ends(site(EVERYWHERE))) == []


def test_a_default_route_is_told_inside_and_never_to_a_neighbour_outside() -> None:
    lake = {"name": "lake", "asn": 65300, "local": "172.30.255.8", "remote": "172.30.255.9"}
    found = text("tor-a", EVERYWHERE, lambda data: data["routers"][0]["neighbors"].append(lake))
    clauses = re.findall(
        r"route-map UNDERLAY-PEER-(\S+) permit \d+\n match ip address prefix-list UNDERLAY-DEFAULT\n", found
    )
    assert clauses == ["TOR-B-OUT", "CLIENT-IN"]


DYNAMIC = (put("routers.0.dynamic_nodes", True), put("routers.1.dynamic_nodes", True))


def test_nodes_are_taken_from_their_segment_where_that_is_declared() -> None:
    frr, bird = text("tor-a", *DYNAMIC), text("tor-b", *DYNAMIC)
    assert " bgp listen limit 128\n bgp listen range 172.30.1.0/24 peer-group UNDERLAY-NODES\n" in frr
    assert "    neighbor range 172.30.2.0/24 as 65010;\n" in bird
    assert "172.30.1.11" not in frr
    assert "172.30.2.11" not in bird
    assert differences(planned(site(*DYNAMIC)), declared_ends(site(*DYNAMIC))) == []


def test_such_a_router_s_text_is_the_same_with_one_more_node() -> None:
    def more(data: dict[str, list[dict[str, object]]]) -> None:
        data["nodes"].append({**data["nodes"][1], "name": "worker-9", "address": "172.30.1.99"})

    assert text("tor-a", *DYNAMIC, more) == text("tor-a", *DYNAMIC)
    assert text("tor-a", more) != text("tor-a")


ISP = {"name": "isp", "asn": 65300, "local": "172.30.255.8", "remote": "172.30.255.9", "accepts": ["198.51.100.0/24"]}


def with_isp(router: int) -> Change:
    """Return a change by which a second neighbour outside stands at a router, beside the client at tor-a."""

    def change(data: dict[str, Any]) -> None:
        data["addresses"]["external"].append("198.51.100.0/24")
        data["routers"][router]["neighbors"].append(ISP)

    return change


def told(text: str, peer: str) -> list[tuple[str, str]]:
    return re.findall(rf"route-map UNDERLAY-PEER-{peer}-OUT (\S+) \d+\n match ip address prefix-list (\S+)", text)


def test_neighbours_outside_are_not_told_of_each_other() -> None:
    found = text("tor-a", with_isp(0))
    assert ("permit", "UNDERLAY-PEER-ISP") not in told(found, "CLIENT")
    assert told(found, "CLIENT")[0] == told(found, "ISP")[0] == ("deny", "UNDERLAY-OUTSIDE"), "beats what is left over"
    assert ("permit", "UNDERLAY-PEER-CLIENT") not in told(found, "ISP")
    assert ("permit", "UNDERLAY-PEER-TOR-B") in told(found, "ISP")
    assert ("permit", "UNDERLAY-PEER-ISP") in told(found, "TOR-B")
    assert differences(planned(site(with_isp(0))), declared_ends(site(with_isp(0)))) == []


def test_a_neighbour_outside_is_not_told_what_another_router_has_from_outside() -> None:
    found = text("tor-a", with_isp(1))
    assert told(found, "CLIENT")[0] == ("deny", "UNDERLAY-OUTSIDE")
    assert "prefix-list UNDERLAY-OUTSIDE seq 5 permit 198.51.100.0/24\n" in found
    assert "where !(net ~ UNDERLAY_OUTSIDE) && (net ~ UNDERLAY_PODS" in text("tor-b", with_isp(1))
    assert differences(planned(site(with_isp(1))), declared_ends(site(with_isp(1)))) == []
