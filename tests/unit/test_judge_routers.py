"""Routers: sessions by address and AS, prefixes over the pool, several ways, and tables that could not be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.judge_site import NETWORKS, healthy, verdict
from tests.unit.plan_sites import put, site
from tests.unit.test_judge_checks import one
from underlay.judge.case import Case
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.router_checks import fits, strays_over
from underlay.judge.verdict import Status
from underlay.judge.views import RouterView
from underlay.model import Platform, load_site
from underlay.plan.verification import ExpectedRouter, expectations

W1 = "worker-1"
STACK = Path(__file__).parents[2] / "Pulumi.dev.yaml"


def tor(evidence: dict[str, Any], name: str = "tor-a") -> dict[str, Any]:
    found: dict[str, Any] = evidence["routers"][name]
    return found


def test_a_session_with_another_as_is_red_though_it_is_up() -> None:
    evidence = healthy()
    tor(evidence)["sessions"][0]["asn"] = 1
    check = one(verdict(evidence), "router-sessions", "tor-a")
    assert check.status is Status.FAIL
    assert "cp-1 172.30.1.11: AS 1 instead of 65010" in check.found
    tor(evidence)["sessions"][0]["asn"] = None
    assert one(verdict(evidence), "router-sessions", "tor-a").status is Status.ERROR


@pytest.mark.parametrize(
    ("identity", "state", "told"),
    [
        ("192.0.2.11", "established", False),
        ("172.30.1.11", "established", True),
        ("172.30.1.11", "active", False),
        ("", "established", False),
    ],
)
def test_a_router_has_to_see_the_declared_router_id(identity: str, state: str, *, told: bool) -> None:
    evidence = healthy()
    tor(evidence)["sessions"][0] |= {"identity": identity, "state": state}
    declared = expectations(site(put("nodes.0.router_id", "192.0.2.11")))
    check = one(judge(declared, Evidence.model_validate(evidence)), "router-sessions", "tor-a")
    assert (f"cp-1 172.30.1.11: router id {identity} instead of 192.0.2.11" in check.found) is told
    assert (check.status is Status.FAIL) is (told or state == "active")


@pytest.mark.parametrize(("state", "status"), [("established", Status.FAIL), ("idle", Status.PASS)])
def test_a_neighbour_that_nobody_declared_is_red_once_it_is_up(state: str, status: Status) -> None:
    evidence = healthy()
    tor(evidence)["sessions"].append({"address": "192.0.2.66", "asn": 666, "state": state})
    check = one(verdict(evidence), "router-sessions", "tor-a")
    assert check.status is status
    assert ("192.0.2.66 (AS 666) is Established and not declared" in check.found) is (status is Status.FAIL)


@pytest.mark.parametrize("beside", ["2001:db8:255::3", "swp1"])
def test_a_session_of_another_kind_than_a_site_declares_is_nobody_s_stranger(beside: str) -> None:
    evidence = healthy()
    tor(evidence)["sessions"].append({"address": beside, "asn": 65200, "state": "established"})
    assert one(verdict(evidence), "router-sessions", "tor-a").status is Status.PASS


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "10.0.0.0/8"])
def test_a_learned_network_over_the_pool_is_named(prefix: str) -> None:
    evidence = healthy()
    tor(evidence)["table"][prefix] = ["192.0.2.66"]
    check = one(verdict(evidence), "router-prefixes", "tor-a")
    assert check.status is Status.FAIL
    assert check.found == f"covering the pool: {prefix} via 192.0.2.66"


def lost_route(evidence: dict[str, Any]) -> None:
    """Take a pod network from tor-b's kernel, while its BGP table is unread."""
    tor(evidence, "tor-b").update(table=None, errors=["table: no answer within 5 s"])
    tor(evidence, "tor-b")["kernel"] = [
        row for row in tor(evidence, "tor-b")["kernel"] if row["target"] != NETWORKS[W1]
    ]


def test_an_unread_table_is_no_witness() -> None:
    evidence = healthy()
    lost_route(evidence)
    found = verdict(evidence)
    assert found.causes == ()
    assert len(found.notes) == 1
    assert found.notes[0].startswith(
        f"suspected, one witness only: tor-b: no route to {NETWORKS[W1]} ({W1}) in the kernel; BGP was not read"
    )


def view(platform: Platform) -> RouterView:
    plan = {"name": "r", "platform": platform, "asn": 65000, "managed": True, "sessions": [], "next_hops": {}}
    return RouterView(ExpectedRouter.model_validate(plan), None)


@pytest.mark.parametrize(
    ("held", "wanted", "frr", "bird"),
    [
        (["a", "b"], ["a", "b"], True, True),
        (["a"], ["a", "b"], True, True),
        (["a", "b"], ["a", "b", "c"], False, True),
        (["a", "x"], ["a", "b"], False, False),
        (["blackhole"], ["a", "b"], False, False),
        ([], ["a", "b"], False, False),
        ([], [], True, True),
        (["a"], [], False, False),
    ],
)
def test_several_planned_ways(held: list[str], wanted: list[str], frr: bool, bird: bool) -> None:
    """FRR that balances has to use every way; one best way is enough, and BIRD shows only some."""
    assert fits(view(Platform.FRR), held, wanted) is frr
    assert fits(view(Platform.BIRD), held, wanted) is bird


def two_spines() -> dict[str, Any]:
    """Return the dev site with two unmanaged spines between the racks; one of them may send a default route."""
    declared: dict[str, Any] = yaml.safe_load(STACK.read_text())["config"]["cilium-underlay:site"]
    links = {("tor-a", "s1"): 10, ("tor-a", "s2"): 12, ("tor-b", "s1"): 14, ("tor-b", "s2"): 16}
    numbers = {"tor-a": 65101, "tor-b": 65102, "s1": 65201, "s2": 65202}
    spines = [{"name": name, "platform": "frr", "asn": numbers[name], "managed": False} for name in ("s1", "s2")]
    declared["routers"] += spines
    ends = {router["name"]: router for router in declared["routers"]}
    for router in ends.values():
        router["neighbors"] = []
    for (leaf, spine), low in links.items():
        near, far = f"172.30.255.{low}", f"172.30.255.{low + 1}"
        ends[leaf]["neighbors"].append({"name": spine, "asn": numbers[spine], "local": near, "remote": far})
        ends[spine]["neighbors"].append({"name": leaf, "asn": numbers[leaf], "local": far, "remote": near})
    ends["tor-a"]["neighbors"][0]["accepts"] = ["0.0.0.0/0"]
    return declared


def test_a_way_over_two_spines_leads_through_both() -> None:
    plan = expectations(load_site(two_spines()))
    assert [str(hop) for hop in plan.next_hops("tor-a", "worker-2")] == ["172.30.255.11", "172.30.255.13"]
    case = Case(plan, Evidence.model_validate(healthy()))
    pair = next(pair for pair in case.pairs if pair.names == ("worker-1", "worker-2"))
    assert case.way(pair) == ("tor-a", "s1", "s2", "tor-b")


@pytest.mark.parametrize(
    ("hops", "status"),
    [
        (["172.30.255.11"], Status.PASS),
        (["172.30.255.11", "172.30.255.13"], Status.PASS),
        (["172.30.255.11", "192.0.2.9"], Status.FAIL),
    ],
)
def test_a_router_uses_one_of_several_planned_ways_or_all(hops: list[str], status: Status) -> None:
    evidence = healthy()
    held = tor(evidence)
    for cidr in (NETWORKS["worker-2"], NETWORKS["worker-3"]):
        held["table"][cidr] = hops
        held["kernel"] = [row for row in held["kernel"] if row["target"] != cidr]
        held["kernel"] += [{"target": cidr, "type": "unicast", "gateway": hop} for hop in hops]
    found = judge(expectations(load_site(two_spines())), Evidence.model_validate(evidence))
    for rule in ("router-prefixes", "router-routes"):
        assert one(found, rule, "tor-a").status is status
    wrong = [cause for cause in found.causes if cause.rule == "router-wrong-next-hop" and cause.where == "tor-a"]
    assert bool(wrong) is (status is Status.FAIL)


def test_a_default_route_that_a_neighbour_may_send_is_no_stray() -> None:
    case = Case(expectations(load_site(two_spines())), Evidence.model_validate(healthy()))
    assert not strays_over(case.routers["tor-a"], "0.0.0.0/0", case)
    assert strays_over(case.routers["tor-a"], "10.0.0.0/8", case)


@pytest.mark.parametrize(("declared", "stray"), [(["10.244.0.0/16"], False), ([], True)])
def test_an_aggregate_is_discarded_where_it_is_declared_and_stray_where_not(declared: list[str], stray: bool) -> None:
    site = yaml.safe_load(STACK.read_text())["config"]["cilium-underlay:site"]
    site["routers"][0]["aggregates"] = declared
    evidence = healthy()
    tor(evidence)["table"]["10.244.0.0/16"] = ["172.30.255.1"]
    tor(evidence)["kernel"].append({"target": "10.244.0.0/16", "type": "blackhole"})
    found = judge(expectations(load_site(site)), Evidence.model_validate(evidence))
    assert any(cause.rule == "stray-prefix" for cause in found.causes) is stray
    assert (found.status is Status.FAIL) is stray


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("control: no answer within 5 s", "its control socket does not answer: control: no answer within 5 s"),
        ("filters: no answer within 5 s", ""),
    ],
)
def test_only_a_daemons_own_silence_witnesses_that_it_does_not_run(error: str, told: str) -> None:
    evidence = healthy()
    tor(evidence, "tor-b").update(processes=[], errors=[error])
    found = verdict(evidence)
    named = [cause.witnesses for cause in found.causes if cause.rule == "router-process"]
    assert named == ([("process list: bird is not running", told)] if told else [])
    assert any(note.startswith("suspected, one witness only: tor-b: bird is not") for note in found.notes) == (not told)
