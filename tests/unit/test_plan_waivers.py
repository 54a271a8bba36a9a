"""A waiver excuses one rule until its last day, is shown at every run, and excuses nothing after it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from policy.rules.waivers import last_day
from tests.campaigns.whole_plan import whole_plan
from tests.unit.corpus import Case, bad, site
from tests.unit.plan_sites import declaration, dev, put
from underlay.finding import Finding, Refused
from underlay.plan import bgp
from underlay.plan.checks import RULES, findings
from underlay.plan.checks.examples import declared as example
from underlay.plan.cluster_file import file_keys
from underlay.plan.first_release import FOUND as FIRST_NEVER
from underlay.plan.first_release import TOO_LATE
from underlay.plan.prerequisites import node_input
from underlay.plan.routers import router_input, router_text
from underlay.plan.values import helm_values
from underlay.plan.waivers import STRUCTURE, changes, in_force, judge, load_waivers

DAY = date(2026, 6, 30)
RULE = "cilium-only-on-new-clusters"


WAIVABLE = sorted(set(RULES) - STRUCTURE)


def waiver(**other: Any) -> dict[str, Any]:
    usual = {"rule": RULE, "reason": "trial until the new racks are there", "allowed_by": "net", "until": "2026-06-30"}
    return {**usual, **other}


def verdict(today: date, *waivers: dict[str, Any]) -> tuple[list[str], list[str]]:
    found = findings(declaration(put("cluster.origin", "existing")))
    judged = judge(found, load_waivers(waivers), today)
    return [finding.rule for finding in judged.refused], list(judged.warnings)


def test_without_a_waiver_the_finding_is_refused() -> None:
    assert verdict(DAY) == ([RULE], [])


def test_a_waiver_is_honoured_on_its_last_day_and_shown() -> None:
    refused, warnings = verdict(DAY, waiver())
    assert refused == []
    assert [line[:72] for line in warnings] == [
        "waived until 2026-06-30 by net (trial until the new racks are there): [c"
    ]


def test_a_waiver_ends_the_day_after() -> None:
    assert verdict(DAY + timedelta(days=1), waiver()) == ([RULE], [f"the waiver of {RULE} ended on 2026-06-30"])


def test_a_waiver_excuses_no_other_rule() -> None:
    refused, warnings = verdict(DAY, waiver(rule="pod-pool-too-small"))
    assert refused == [RULE]
    assert warnings == ["the waiver of pod-pool-too-small is not needed: nothing breaks that rule"]


@pytest.mark.parametrize("rule", ["no-such-rule", *FIRST_NEVER, *sorted(STRUCTURE)])
def test_a_rule_that_cannot_be_waived_is_a_finding(rule: str) -> None:
    refused, _ = verdict(DAY, waiver(), waiver(rule=rule))
    assert refused == ["waiver-not-possible"]


def test_a_waiver_of_what_only_the_cluster_can_tell_is_neither_refused_nor_called_idle() -> None:
    assert verdict(DAY, waiver(), waiver(rule=TOO_LATE))[0] == []
    assert [one for one in verdict(DAY, waiver(), waiver(rule=TOO_LATE))[1] if TOO_LATE in one] == []


def test_a_waiver_of_the_rule_about_waivers_excuses_nothing() -> None:
    refused, _ = verdict(DAY, waiver(), waiver(rule="waiver-not-possible"))
    assert refused == ["waiver-not-possible"]


@pytest.mark.parametrize("until", ["2026-06-30 00:00:00 +0000 UTC", "2026-06-30T00:00:00Z", "2026-06-30T00:00:00"])
def test_a_date_that_the_engine_has_turned_into_a_time_is_read(until: str) -> None:
    assert load_waivers([waiver(until=until)])[0].until == last_day(until) == DAY


NO_DAYS: tuple[object, ...] = (
    "soon",
    "4102444800",
    "4102444800junk",
    4102444800,
    20270331,
    "20270331",
    "2027-03-311",
    "2027-02-30",
    "2027-03-31T12:00:00",
    "2027-03-31T00:00:00junk",
    "\uff12027-03-31",
    None,
    True,
)


@pytest.mark.parametrize("until", NO_DAYS)
def test_the_pack_reads_no_day_where_the_program_reads_none(until: object) -> None:
    assert last_day(until) is None


@pytest.mark.parametrize("declared", [5, "abc", {"rule": "x"}, [None], ["x"]])
def test_waivers_that_are_no_list_of_waivers_are_a_finding(declared: object) -> None:
    with pytest.raises(Refused, match="waiver-malformed"):
        load_waivers(declared)


@pytest.mark.parametrize(
    ("other", "where"),
    [
        *(({"until": until}, "waivers.0.until") for until in NO_DAYS),
        ({"reason": ""}, "waivers.0.reason"),
        ({"reason": " \t\n"}, "waivers.0.reason"),
        ({"by": "me"}, "waivers.0.by"),
        ({"allowed_by": " "}, "waivers.0.allowed_by"),
        ({"allowed_by": None}, "waivers.0.allowed_by"),
        ({"change": ""}, "waivers.0.change"),
    ],
)
def test_a_malformed_waiver_is_named(other: dict[str, Any], where: str) -> None:
    with pytest.raises(Refused) as caught:
        load_waivers([waiver(**other)])
    assert [(finding.rule, finding.where) for finding in caught.value.findings] == [("waiver-malformed", where)]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ([{}], "waivers.0.rule: found nothing; expected a value."),
        ([waiver(by="me")], "waivers.0.by: found 'me'; expected one of rule, reason, allowed_by, until, change."),
        ([waiver(reason=" ")], "waivers.0.reason: found ' '; expected a text that is not empty."),
        ([waiver(until="2026-02-30")], "waivers.0.until: found '2026-02-30'; expected the last day, as YYYY-MM-DD."),
        ([5], "waivers.0: found 5; expected a mapping with rule, reason, allowed_by and until."),
        ({}, "waivers: found {}; expected a list of waivers."),
    ],
)
def test_a_malformed_waiver_is_told_in_the_words_of_every_finding(declared: object, said: str) -> None:
    with pytest.raises(Refused) as caught:
        load_waivers(declared)
    assert str(caught.value.findings[0]) == f"[waiver-malformed] {said}"


def test_a_misspelt_key_of_a_waiver_is_one_finding_with_what_was_meant() -> None:
    declared = {"alowed_by" if key == "allowed_by" else key: value for key, value in waiver().items()}
    with pytest.raises(Refused) as caught:
        load_waivers([declared])
    [found] = caught.value.findings
    assert (found.rule, found.where) == ("waiver-malformed", "waivers.0.alowed_by")
    assert found.fix == "Did you mean allowed_by?"


MASK = "transition-pod-mask"
CHANGED = Finding(MASK, "site.addresses.pods.mask", "24 -> 25", "24")


def about_mask(**other: Any) -> tuple[list[str], list[str]]:
    judged = judge([CHANGED], load_waivers([waiver(rule=MASK, **other)]), DAY)
    return [finding.rule for finding in judged.refused], list(judged.warnings)


def test_a_waiver_of_a_change_names_the_change() -> None:
    refused, [text] = about_mask(change="24 -> 25")
    assert refused == []
    assert text.startswith(
        "waived until 2026-06-30 by net (trial until the new racks are there): [transition-pod-mask]"
    )


def test_a_waiver_of_another_change_excuses_nothing_and_is_said() -> None:
    text = f"the waiver of {MASK} is for the change `24 -> 26`; found `24 -> 25`"
    assert about_mask(change="24 -> 26") == ([MASK], [text])


def test_a_waiver_of_a_change_has_to_name_one() -> None:
    assert about_mask()[0] == [MASK, "waiver-without-change"]


def test_a_waiver_of_another_rule_names_no_change() -> None:
    assert verdict(DAY, waiver(change="a -> b"))[0] == [RULE, "waiver-with-change"]


def test_two_waivers_of_one_rule_count_each_for_its_change() -> None:
    waivers = load_waivers([waiver(rule=MASK, change=change) for change in ("24 -> 26", "24 -> 25")])
    judged = judge([CHANGED], waivers, DAY)
    assert not judged.refused
    assert len(judged.warnings) == 2


def test_a_waiver_that_nobody_has_allowed_is_named() -> None:
    declared = {key: value for key, value in waiver().items() if key != "allowed_by"}
    with pytest.raises(Refused, match=r"waivers\.0\.allowed_by"):
        load_waivers([declared])


def test_what_only_the_cluster_knows_is_handed_to_it_while_it_lasts() -> None:
    rule, change = "transition-cluster-identity", "u-1 -> u-2"
    waivers = load_waivers([waiver(rule=rule, change=change)])
    assert changes(rule, waivers, DAY) == [change]
    assert changes(rule, waivers, DAY + timedelta(days=1)) == []
    assert judge([], waivers, DAY).warnings == []


def test_what_only_a_router_knows_is_handed_to_it_while_it_lasts() -> None:
    rule = "router-neighbour-in-use"
    waivers = load_waivers([waiver(rule=rule)])
    assert judge([], waivers, DAY).warnings == []
    holding = {**in_force(waivers, DAY), RULE: "another rule"}
    declared = declaration().site
    told = router_input(declared, declared.routers[0], "text", holding)
    assert told["waived"] == {rule: waiver()["reason"]}
    ended = in_force(waivers, DAY + timedelta(days=1))
    assert "waived" not in router_input(declared, declared.routers[0], "text", ended)


@pytest.mark.parametrize("rule", WAIVABLE)
def test_a_site_that_breaks_a_rule_that_can_be_waived_can_be_planned(rule: str) -> None:
    declared = example(dev(), RULES[rule].bad).site
    assert helm_values(declared)["routingMode"] == "native"
    assert {session.node for session in bgp.sessions(declared)} == {node.name for node in declared.nodes}
    assert file_keys(declared)["CILIUM_NETWORK_MODE"] == "underlay"
    assert all(router_text(declared, router) for router in declared.routers)
    assert all(node_input(declared, node) for node in declared.nodes)
    assert whole_plan(declared)


CASES = [case for case in bad() if {rule for rule, _ in case.expected} <= set(WAIVABLE)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whatever_the_corpus_has_that_can_be_waived_can_be_planned(case: Case) -> None:
    assert whole_plan(example(site(case.base), case.example).site)
