"""What a running cluster cannot follow is refused by name; what it can follow passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan_sites import Change, Data, dev, put, site
from underlay.plan.checks import RULES
from underlay.plan.checks.transitions import CHANGES, TRANSITIONS, UNRECORDED, transitions
from underlay.plan.lineage import Lineage, Record, changed_from, lineage, record

NOW = record(site())
KEEPER = "urn:pulumi:dev::cilium-underlay::underlay:cluster:Cluster$command:local:Command::lineage"
RELEASE = "urn:pulumi:dev::cilium-underlay::underlay:cilium:Release$kubernetes:helm.sh/v3:Release::cilium"
POOLS = ["10.244.0.0/16", "10.245.0.0/16"]


def _renamed(data: Data) -> None:
    put("racks.0.name", "hall-1")(data)
    for node in data["nodes"]:
        node["rack"] = node["rack"].replace("rack-a", "hall-1")


REFUSED: dict[str, tuple[list[Change], list[Change], str]] = {
    "transition-cluster-name": ([], [put("cluster.name", "other")], "dev -> other"),
    "transition-cluster-origin": ([put("cluster.origin", "existing")], [], "existing -> new"),
    "transition-cni-owner": ([], [put("cilium.owner", "installer")], "release -> installer"),
    "transition-pod-mask": ([], [put("addresses.pods.mask", 25)], "24 -> 25"),
    "transition-services-range": ([], [put("addresses.services", "10.97.0.0/16")], "10.96.0.0/16 -> 10.97.0.0/16"),
    "transition-cluster-id": ([], [put("cluster.id", 7)], "0 -> 7"),
    "transition-kube-proxy-replacement": (
        [put("cilium.kube_proxy_replacement", value=False)],
        [],
        "false -> true",
    ),
    "transition-pod-pools": (
        [put("addresses.pods.pools", POOLS)],
        [],
        "10.244.0.0/16, 10.245.0.0/16 -> 10.244.0.0/16",
    ),
    "transition-rack-name": ([], [_renamed], "172.30.1.0/24: rack-a -> 172.30.1.0/24: hall-1"),
    "transition-router-handed-over": (
        [],
        [put("routers.0.managed", value=False)],
        "tor-a: true -> tor-a: false",
    ),
}
"""Former changes of the dev site, changes now, and the change that the finding prints."""


def found(old: list[Change], new: list[Change]) -> list[tuple[str, str]]:
    past = Lineage(record(site(*old)), has_cilium=True)
    return [(finding.rule, finding.found) for finding in transitions(past, record(site(*new)))]


@pytest.mark.parametrize("rule", REFUSED)
def test_a_change_that_the_cluster_cannot_follow_is_refused_by_name(rule: str) -> None:
    old, new, change = REFUSED[rule]
    assert found(old, new) == [(rule, change)]


def test_a_change_of_the_routing_mode_is_refused() -> None:
    past = Lineage(NOW.model_copy(update={"routing_mode": "tunnel"}), has_cilium=True)
    assert [(one.rule, one.found) for one in transitions(past, NOW)] == [
        ("transition-routing-mode", "tunnel -> native")
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([put("routers.0.managed", value=False)], []),
        ([put("routers.0.name", "tor-z")], [put("routers.0.managed", value=False)]),
        ([put("racks.0.name", "hall-1"), put("racks.0.links.0.subnet", "172.31.1.0/24")], []),
    ],
    ids=["a router that the stack takes over", "another router in its place", "a rack with other segments"],
)
def test_routers_that_come_or_go_and_racks_elsewhere_are_no_transition(old: list[Change], new: list[Change]) -> None:
    assert transitions(Lineage(_record(old), has_cilium=True), _record(new)) == []


def _record(changes: list[Change]) -> Record:
    """Return the record of a site that is not judged: only what it is compared by matters."""
    data = dev(*changes)
    racks = {link["subnet"]: rack["name"] for rack in data["racks"] for link in rack["links"]}
    routers = {router["name"]: router["managed"] for router in data["routers"]}
    return NOW.model_copy(update={"segments": racks, "routers": routers})


def test_a_record_of_an_older_program_knows_neither_racks_nor_routers() -> None:
    text = {key: value for key, value in NOW.plain().items() if key not in {"segments", "routers"}}
    assert transitions(Lineage(Record.model_validate(text), has_cilium=True), _record([_renamed])) == []


def test_every_transition_has_a_case_of_its_own() -> None:
    assert {*REFUSED, "transition-routing-mode"} == set(TRANSITIONS)


@pytest.mark.parametrize(
    ("pools", "refused"),
    [
        ([*POOLS, "10.246.0.0/16"], False),
        (POOLS[::-1], True),
        (["10.245.0.0/16"], True),
        (["10.244.0.0/15"], True),
    ],
)
def test_pools_are_only_appended(pools: list[str], refused: bool) -> None:
    assert bool(found([put("addresses.pods.pools", POOLS)], [put("addresses.pods.pools", pools)])) is refused


ORDINARY: dict[str, list[Change]] = {
    "nothing": [],
    "an upgrade of Kubernetes": [put("cluster.kubernetes", "1.35.2")],
    "an upgrade of Cilium": [put("cilium.version", "1.20.3")],
    "another API address": [put("cluster.api.address", "172.30.1.12")],
    "a further pool": [put("addresses.pods.pools", POOLS)],
    "another algorithm": [put("cilium.load_balancing.algorithm", "random")],
}


@pytest.mark.parametrize("name", ORDINARY)
def test_what_a_cluster_born_with_cilium_can_follow_passes(name: str) -> None:
    assert found([], ORDINARY[name]) == []


def test_all_changes_are_found_at_once() -> None:
    assert len(found([], [put("cluster.id", 1), put("addresses.pods.mask", 26), put("cluster.name", "x")])) == 3


def test_a_finding_says_where_why_and_what_to_do() -> None:
    [finding] = transitions(Lineage(NOW), record(site(put("addresses.pods.mask", 25))))
    assert str(finding) == (
        "[transition-pod-mask] site.addresses.pods.mask: found 24 -> 25; expected 24, as it was applied: "
        "nodes keep the pod networks they have, and Cilium mixes no sizes. "
        "Put the old value back, or make the new cluster in a stack of its own; "
        "a waiver has to name the change exactly as it stands here."
    )


def kept(text: object) -> dict[str, Any]:
    return {KEEPER: {"type": "command:local:Command", "outputs": {"stdout": text}}, RELEASE: {"outputs": {}}}


def test_a_record_that_was_kept_is_read_again() -> None:
    text = json.dumps({**NOW.plain(), "birth": {"uid": "u-1", "created": "2026-01-01T00:00:00Z"}})
    past = lineage(kept(text))
    assert past.record
    assert past.record.birth.uid == "u-1"
    assert transitions(past, NOW) == []
    assert changed_from(past, NOW) is None


def test_what_was_applied_is_told_only_where_it_differs() -> None:
    past = Lineage(NOW.model_copy(update={"pod_mask": 25}))
    assert changed_from(past, NOW) == past.record
    assert changed_from(Lineage(), NOW) is None


def test_an_empty_state_has_no_past() -> None:
    assert transitions(lineage({}), NOW) == []


@pytest.mark.parametrize("text", ["", "no json", "[]", "null", None, 5, "{}", json.dumps({**NOW.plain(), "schema": 2})])
def test_a_record_that_cannot_be_read_is_refused(text: object) -> None:
    [finding] = transitions(lineage(kept(text)), NOW)
    assert finding.rule == "lineage-unreadable"


def test_a_state_with_cilium_that_lost_its_record_is_refused() -> None:
    [finding] = transitions(lineage({RELEASE: {"outputs": {}}}), NOW)
    assert (finding.rule, finding.found) == ("lineage-missing", UNRECORDED)


def test_somebody_else_s_command_of_that_name_is_no_record() -> None:
    urn = KEEPER.replace("underlay:cluster:Cluster", "acme:x:Y")
    assert lineage({urn: kept(json.dumps(NOW.plain()))[KEEPER]}) == Lineage()


def test_rules_about_change_are_called_like_no_other() -> None:
    assert not CHANGES & set(RULES)


def test_a_record_holds_declared_facts_only() -> None:
    assert set(NOW.plain()) == {"schema", *Record.model_fields} - {"version"}


def test_the_page_says_every_rule_about_change_with_its_reason() -> None:
    text = (Path(__file__).parents[2] / "docs/lineage.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | `{item.where}` | {item.reason} |" for name, item in TRANSITIONS.items()]
    assert [row for row in rows if row not in text] == []
    assert [name for name in CHANGES if f"`{name}`" not in text] == []
