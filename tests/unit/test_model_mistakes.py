"""Mistakes in the shape of a declaration: each has a name, a place, and what was probably meant."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.unit.plan_sites import Change, dev, drop, put
from underlay.finding import Finding, Refused
from underlay.model import Site, load_site, mistakes
from underlay.model.absent import PAGE
from underlay.plan.checks import RULES
from underlay.plan.checks.examples import changed
from underlay.plan.checks.reading import OTHERS, READING
from underlay.plan.policies.drift import FOUND as BY_HAND

ROOT = Path(__file__).parents[2]


def told(declared: object) -> list[Finding]:
    with pytest.raises(Refused) as caught:
        load_site(declared)
    return list(caught.value.findings)


@pytest.mark.parametrize("name", READING)
def test_the_bad_example_is_that_mistake_alone(name: str) -> None:
    assert [finding.rule for finding in told(changed(dev(), READING[name].bad))] == [name]


@pytest.mark.parametrize("name", READING)
def test_the_good_example_is_taken(name: str) -> None:
    assert load_site(changed(dev(), READING[name].good)).name


MEANT: list[tuple[Change, str, str]] = [
    (put("addresses.pods.pools", ["10.244.1.0/16"]), mistakes.HOST_BITS, "10.244.0.0/16"),
    (put("addresses.services", "10.96.0.0/255.255.0.0"), mistakes.NO_NETWORK, "10.96.0.0/16"),
    (put("addresses.services", "10.96.0.0"), mistakes.NO_NETWORK, "10.96.0.0/32"),
    (put("nodes.0.address", "172.30.1.11/24"), mistakes.NO_ADDRESS, "172.30.1.11"),
    (put("nodes.0.address", "172.30.1.\u0661\u0661"), mistakes.FOREIGN, "172.30.1.11"),
    (put("nodes.0.address", "172\uff0e30\uff0e1\uff0e11"), mistakes.FOREIGN, "172.30.1.11"),
    (put("addresses.services", "10.96.0.0\u2215\uff11\uff16"), mistakes.FOREIGN, "10.96.0.0/16"),
    (put("nodes.0.name", "\u0441p-1"), mistakes.FOREIGN, "cp-1"),
    (put("nodes.0.name", "cp\u20131"), mistakes.FOREIGN, "cp-1"),
    (put("nodes.0.name", "cp-1\u200b"), mistakes.FOREIGN, "cp-1"),
    (put("cilium.version", "\u0967.20.2"), mistakes.FOREIGN, "1.20.2"),
    (put("cluster.origin", "New"), mistakes.CHOICE, "new"),
    (put("racks.0.egress", "ECMP_link_state"), mistakes.CHOICE, "ecmp-link-state"),
    (put("nodes.0.role", "control_plane"), mistakes.CHOICE, "control-plane"),
    (put("securityGroups", []), mistakes.KEY_UNKNOWN, "security_groups"),
    (put("cluster.ID", 0), mistakes.KEY_UNKNOWN, "id"),
    (put("routers.0.neighbours", []), mistakes.KEY_UNKNOWN, "neighbors"),
    (put("cilium.direct-node-routes", value=True), mistakes.KEY_UNKNOWN, "direct_node_routes"),
    (put("nodes.0.management.us\u0435r", "root"), mistakes.FOREIGN, "user"),
]


@pytest.mark.parametrize(("change", "rule", "meant"), MEANT)
def test_what_was_meant_is_said(change: Change, rule: str, meant: str) -> None:
    [finding] = told(dev(change))
    assert (finding.rule, finding.fix) == (rule, f"Did you mean {meant}?")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("bgp.multihop", "crosses no hop"),
        ("bgp.ebgpMultihop", "crosses no hop"),
        ("bgp.local_preference", "eBGP carries no local preference"),
        ("bgp.aggregationLengthIPv4", "Declare `aggregates` at a router"),
        ("nodes.0.localASN", "All nodes have `bgp.asn`"),
        ("nodes.0.local_port", "Nodes dial"),
        ("routers.0.router_id", "Declare it at a node"),
    ],
)
def test_a_key_that_is_left_out_on_purpose_leads_to_the_reason(path: str, words: str) -> None:
    [finding] = told(dev(put(path, 2)))
    assert finding.rule == mistakes.KEY_UNKNOWN
    assert words in finding.fix
    assert (ROOT / PAGE).is_file()
    assert finding.fix.endswith(f": {PAGE}.")


def test_a_misspelt_key_is_one_mistake_and_not_two() -> None:
    def misspelt(data: dict[str, Any]) -> None:
        data["racks"][0]["egres"] = data["racks"][0].pop("egress")

    assert [(finding.rule, finding.where) for finding in told(dev(misspelt))] == [
        (mistakes.KEY_UNKNOWN, "site.racks.0.egres")
    ]


def test_a_far_key_is_unknown_and_the_right_one_missing() -> None:
    found = told(dev(drop("racks.0.egress"), put("racks.0.colour", "red")))
    assert {(finding.rule, finding.where) for finding in found} == {
        (mistakes.KEY_UNKNOWN, "site.racks.0.colour"),
        (mistakes.KEY_MISSING, "site.racks.0.egress"),
    }


def test_a_character_beyond_ascii_is_named() -> None:
    [finding] = told(dev(put("nodes.0.address", "172.30.1.\u0661\u0661")))
    assert "U+0661 ARABIC-INDIC DIGIT ONE (looks like 1)" in finding.expected
    assert finding.found.isascii()


HOSTILE: list[object] = [None, 5, "site", [], [[]], {}, {1: 2}, {"site": {}}, float("nan"), {"name": "\ud800"}]


@pytest.mark.parametrize("declared", HOSTILE, ids=repr)
def test_data_that_are_no_site_are_told_and_nothing_is_raised(declared: object) -> None:
    assert told(declared)


def test_anchors_that_unfold_to_billions_are_told_at_once() -> None:
    bomb: list[object] = [1]
    for _ in range(30):
        bomb = [bomb, bomb]
    itself: list[object] = []
    itself.append(itself)
    for hostile in (bomb, itself):
        assert [finding.rule for finding in told(dev(put("cluster.installer", hostile)))] == [mistakes.UNREADABLE]


def test_a_long_value_is_cut() -> None:
    [finding] = told(dev(put("nodes.0.name", "x" * 100_000)))
    assert len(str(finding)) < 400


def classes(model: type[BaseModel]) -> set[type[BaseModel]]:
    """Return a model and every model in it."""
    parts = {found for field in model.model_fields.values() if (found := mistakes._model(field.annotation))}
    return {model}.union(*(classes(part) for part in parts))


def test_every_key_is_described() -> None:
    bare = [
        f"{model.__name__}.{name}"
        for model in classes(Site)
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert bare == []


def test_every_pattern_has_words() -> None:
    text = str(Site.model_json_schema()).replace("\\\\", "\\")
    patterns = set(re.findall(r"'(?:pattern': |patternProperties': \{)'([^']*)'", text))
    assert patterns == set(mistakes.PATTERNS)


def test_every_finding_of_the_code_is_documented() -> None:
    """Whoever adds a finding outside the table of rules says in OTHERS why it exists."""
    sources = [file for folder in ("underlay", "components") for file in (ROOT / folder).rglob("*.py")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in sources if "judge" not in file.parts)
    told_of = set(re.findall(r'(?:Finding\(\s*(?:rule=)?|Part\("[A-Za-z]+", )"([a-z][a-z0-9-]*)"', text))
    assert told_of <= {*RULES, *READING, *OTHERS, *BY_HAND}
    assert {"host-key-malformed", "waiver-not-possible"} <= told_of
