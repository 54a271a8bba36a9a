"""A sample of the fuzz campaign, the mistakes that it has found, and that it would find others."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date

import pytest

from tests.campaigns.fuzz import run
from tests.campaigns.hostile import LONG, around, bomb, nested
from tests.campaigns.shapes import smuggled
from tests.campaigns.walk import strays
from tests.unit.plan_sites import Change, dev, put, site
from tests.varied import varied
from underlay.finding import LONGEST, Finding, Refused, printable, shown
from underlay.model import load_host_keys, load_site
from underlay.plan.routers import router_text
from underlay.plan.verification import Expected, expectations
from underlay.plan.waivers import judge, load_waivers

SAMPLE = 200


def test_a_sample_of_the_campaign_has_no_wrong_answer() -> None:
    figures = run(SAMPLE, seed=2)
    assert figures.wrong == []
    assert figures.accepted + figures.refused == SAMPLE
    assert figures.accepted > SAMPLE / 20
    assert len(figures.rules) > 20


TOO_MUCH = "more values than a site has"
UNREADABLE: dict[str, tuple[Callable[[], object], str]] = {
    "anchors of anchors": (bomb, TOO_MUCH),
    "a list that holds itself": (around, TOO_MUCH),
    "lists without end": (lambda: nested(100_000, list), TOO_MUCH),
    "mappings without end": (lambda: nested(100_000, dict), TOO_MUCH),
    "a million items": (lambda: [0] * LONG, TOO_MUCH),
    "a million characters": (lambda: "x" * LONG, "a text of 1,000,000 characters"),
    "a number of five thousand digits": (lambda: 10**5000, "a number of 16,610 bits"),
    "half a character": (lambda: "a\ud800", r"'a\ud800'"),
    "a number as a key": (lambda: {1: 2}, "the key 1"),
    "a key of a million characters": (lambda: {"k" * LONG: 1}, "a key: a text of 1,000,000 characters"),
    "bytes": (lambda: b"x", "a value of type bytes"),
    "a set": (lambda: {"x"}, "a value of type set"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_plain_data_is_refused_at_its_place(name: str) -> None:
    make, found = UNREADABLE[name]
    start = time.process_time()
    with pytest.raises(Refused) as caught:
        load_site(dev(put("bgp.asn", make())))
    [finding] = caught.value.findings
    assert finding.where.startswith("site" if found == TOO_MUCH else "site.bgp.asn")
    assert finding.found.startswith(found)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("name", ["a million characters", "half a character", "a set", "lists without end"])
def test_the_stack_s_other_keys_are_as_strict(name: str) -> None:
    make, found = UNREADABLE[name]
    loaders: dict[str, Callable[[], object]] = {
        "hostKeys": lambda: load_host_keys({"cp-1": make()}),
        "waivers": lambda: load_waivers([make()]),
    }
    for root, load in loaders.items():
        with pytest.raises(Refused) as caught:
            load()
        assert [(one.where.startswith(root), one.found) for one in caught.value.findings] == [(True, found)]


def test_several_unreadable_values_are_told_together() -> None:
    with pytest.raises(Refused) as caught:
        load_site(dev(put("bgp.asn", 2**64), put("name", "\ud800"), put("nodes.3.name", b"x")))
    assert [finding.where for finding in caught.value.findings] == ["site.name", "site.bgp.asn", "site.nodes.3.name"]


@pytest.mark.parametrize("hostile", ["\x1b[2J\x1b[31mred", "a\nb", "\u202eabc", "\x00", "\u2028", "\ud800"])
def test_what_a_message_quotes_is_safe_to_print(hostile: str) -> None:
    assert str(Finding("rule", hostile, hostile, hostile, hostile)).isprintable()
    assert printable("ü") == "ü"


def test_a_key_is_quoted_safely() -> None:
    with pytest.raises(Refused) as caught:
        load_site(dev(put("bgp.\x1b[31m", 1)))
    assert all(str(finding).isprintable() for finding in caught.value.findings)


def test_a_reason_of_a_waiver_is_quoted_safely() -> None:
    waivers = load_waivers(
        [{"rule": "asn-not-unique", "reason": "\x1b[31mred", "allowed_by": "x\ny", "until": "2027-03-31"}]
    )
    broken = Finding("asn-not-unique", "site.bgp.asn", "1", "2")
    assert all(text.isprintable() for text in judge([broken], waivers, date(2026, 1, 1)).warnings)


def test_a_long_part_of_a_message_is_cut_and_says_so() -> None:
    assert printable("x" * 2000) == "x" * LONGEST + "... (2,000 characters)"
    assert len(shown(["x" * LONG] * 9)) <= 120


HOSTILE_WORDS: dict[str, Change] = {
    "a word of the installer": put("cluster.installer", ["./x\x00", "cluster-dev.yaml"]),
    "an empty word": put("cluster.installer", ["", "cluster-dev.yaml"]),
    "the chart": put("cilium.chart", "./chart\n--set x=y"),
}


@pytest.mark.parametrize("name", HOSTILE_WORDS)
def test_a_word_of_a_command_is_printable(name: str) -> None:
    with pytest.raises(Refused):
        load_site(dev(HOSTILE_WORDS[name]))


def test_a_line_of_no_template_is_found() -> None:
    declared = site()
    for name, line in {"tor-a": " neighbor 10.9.9.9 remote-as 1", "tor-b": "protocol static x {"}.items():
        router = declared.router(name)
        text = router_text(declared, router)
        assert smuggled(declared, router, text) == []
        assert smuggled(declared, router, f"{text}{line}\n") == [line]


def test_a_packet_that_circles_is_found() -> None:
    plan = expectations(site())
    circling = plan.model_dump(mode="json")
    circling["routers"][1]["next_hops"] = {}
    assert list(strays(plan)) == []
    assert list(strays(Expected.model_validate(circling))) == ["cp-1 to worker-2: in circles at tor-b"]


def test_a_spine_that_drops_a_route_for_its_own_number_expects_none() -> None:
    plan = expectations(load_site(varied(dev(), 58)))
    far = next(node.name for node in plan.nodes if node.rack == "rack-1")
    assert plan.next_hops("spine-1", far) == ()
