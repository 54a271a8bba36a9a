"""Every site of the corpus is green where all is well: what a declaration means, the verdict expects."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit import corpus
from tests.unit.judge_corpus import Corpus
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Status
from underlay.model import load_site
from underlay.plan.ends import planned
from underlay.plan.verification import expectations


@pytest.mark.parametrize("name", [*corpus.names("good"), *corpus.names("warned")])
def test_a_healthy_site_is_green(name: str) -> None:
    site = load_site(corpus.site(name))
    expected = expectations(site)
    found = judge(expected, Evidence.model_validate(Corpus(site, expected).evidence()), planned(site))
    assert [(one.rule, one.where, one.found) for one in found.of(Status.FAIL, Status.ERROR)] == []
    assert (found.status, found.causes, found.lost) == (Status.PASS, (), ())


@pytest.mark.parametrize("known", [True, False])
def test_one_of_two_uplinks_is_named_where_the_router_behind_it_misses_the_node(known: bool) -> None:
    site = load_site(corpus.site("dual-homed-ecmp"))
    expected, node = expectations(site), site.nodes[1]
    evidence = Corpus(site, expected).evidence()
    link, uplink = site.rack(node.rack).links[1], node.uplinks[1]
    report, own = evidence["nodes"][node.name], str(uplink.address)
    route = {"target": str(link.subnet), "type": "unicast", "device": uplink.name, "table": 254}
    report["facts"] |= {"routes": [route], "bgp": report["facts"]["bgp"][:1]}
    number = next(one for one in report["facts"]["links"] if one["name"] == uplink.name)
    number["up"] = False
    report["counters"] = [row for row in report["counters"] if row["ifindex"] != number["ifindex"]]
    router = evidence["routers"][link.router]
    next(one for one in router["sessions"] if one["address"] == own)["state"] = "active" if known else "established"
    found = judge(expected, Evidence.model_validate(evidence), planned(site))
    assert [cause.sentence for cause in found.causes] == [f"{node.name}: {uplink.name} is down"] * known


def change(facts: dict[str, Any], uplink: str, what: str) -> None:
    route, key = facts["routes"][0], f"{uplink}/ignore_routes_with_linkdown"
    one, other = route["hops"]
    facts["sysctls"][key] = what != "a link whose loss does not count"
    if what == "one next hop":
        route |= {"gateway": one, "hops": []}
    if what == "a longer route by one":
        facts["routes"].append(route | {"target": "10.0.0.0/8", "gateway": other, "hops": []})
    if what == "another table":
        facts["routes"].append(route | {"target": "10.0.0.0/8", "gateway": other, "hops": [], "table": 99})
    if what == "two routes":
        facts["routes"] = [route | {"gateway": hop, "hops": []} for hop in (one, other)]


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("one next hop", Status.FAIL),
        ("a longer route by one", Status.FAIL),
        ("a link whose loss does not count", Status.FAIL),
        ("another table", Status.PASS),
        ("two routes", Status.PASS),
    ],
)
def test_a_node_that_lacks_one_of_several_next_hops_is_red_before_another_one_fails(what: str, status: Status) -> None:
    site = load_site(corpus.site("dual-homed-ecmp"))
    expected, node = expectations(site), site.nodes[1]
    evidence = Corpus(site, expected).evidence()
    change(evidence["nodes"][node.name]["facts"], node.uplinks[0].name, what)
    found = judge(expected, Evidence.model_validate(evidence), planned(site))
    assert [one.status for one in found.checks if (one.rule, one.where) == ("route", node.name)] == [status]


@pytest.mark.parametrize(
    ("host", "status"),
    [("node-1", Status.PASS), ("NODE-1.dc1.example", Status.PASS), ("node-1.dc2.example", Status.FAIL)],
)
def test_a_host_of_another_domain_is_another_machine(host: str, status: Status) -> None:
    site = load_site(corpus.site("full-names"))
    expected = expectations(site)
    evidence = Corpus(site, expected).evidence()
    evidence["nodes"]["node-1.dc1.example"]["host"] = host
    found = judge(expected, Evidence.model_validate(evidence), planned(site))
    assert {one.status for one in found.checks if (one.rule, one.where) == ("node-name", site.nodes[0].name)} == {
        status
    }
