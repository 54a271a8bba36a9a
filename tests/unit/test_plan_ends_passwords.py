"""Passwords in routers' texts: digested where they are read, equal at both ends, and in clear nowhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan_sites import site
from tests.unit.test_collect_routers import KERNEL, Shell
from underlay.collect import routers
from underlay.collect.digests import KEY
from underlay.model import Platform
from underlay.plan.bgp import PASSWORD_SECRET, objects
from underlay.plan.ends import Difference, declared_ends, differences, digest, node_ends, planned
from underlay.plan.routers import PASSWORD_MARK, router_text
from underlay.remote.configure_router import filled, masked

BLANKS = st.text(" \t", min_size=1, max_size=4)
USABLE = st.text([chr(code) for code in range(33, 127) if chr(code) not in '"\\'], min_size=1, max_size=74)
"""What a router's program takes, behind letters that stand nowhere else."""
PEERS = {Platform.FRR: ("tor-a", "172.30.1.11"), Platform.BIRD: ("tor-b", "172.30.2.11")}


def text(platform: Platform) -> str:
    """Return the text that is rendered for the router of a platform."""
    return router_text(site(), site().router(PEERS[platform][0]))


def read(platform: Platform, said: str) -> tuple[Any, str]:
    """Return a node's end in a router's text, and everything that is kept of that text."""
    found = routers.configuration(said, platform)
    return found.ends[PEERS[platform][1]], found.model_dump_json()


@pytest.mark.parametrize("platform", PEERS)
@settings(max_examples=40, deadline=None)
@given(rest=USABLE, blanks=BLANKS)
def test_both_ends_have_the_same_digest_whatever_the_password_and_the_blanks(
    platform: Platform, rest: str, blanks: str
) -> None:
    password = f"sekret{rest}"
    given_text = filled({"text": text(platform), "password": password, "mark": PASSWORD_MARK})
    end, kept = read(platform, given_text.replace("password ", f"password{blanks}"))
    assert end.password == digest(password, KEY)
    assert "sekret" not in kept


@settings(max_examples=60, deadline=None)
@given(
    blanks=st.text(" \t\n\r\f", min_size=1, max_size=3),
    quotes=st.sampled_from(['"{}"', "{}", "'{}'", '"{}', '{}"', '"a" {}']),
    rest=st.text(min_size=0, max_size=12),
    end=st.sampled_from(["", ";", " ;", ";;", " # word", " { id 1; }", " 7"]),
    platform=st.sampled_from([*PEERS]),
)
def test_no_part_of_what_is_kept_holds_it_in_clear(
    blanks: str, quotes: str, rest: str, end: str, platform: Platform
) -> None:
    words = quotes.format(f"sekret{rest}") + end
    said = text(platform).replace('"<bgp-password>";', "<bgp-password>").replace(" <bgp-password>", blanks + words)
    answers = {**KERNEL, "cat /etc/bird": said, "running-config": said}
    report = asyncio.run(routers.read(Shell(answers), platform))  # type: ignore[arg-type]
    assert "sekret" not in report.model_dump_json()


@pytest.mark.parametrize("wrong", ["timers password sekret", "remote-as sekret", "maximum-prefix sekret"])
def test_what_is_not_understood_beside_it_does_not_repeat_it(wrong: str) -> None:
    said = text(Platform.FRR).replace("timers 3 9", wrong)
    answers = {**KERNEL, "running-config": said}
    report = asyncio.run(routers.read(Shell(answers), Platform.FRR))  # type: ignore[arg-type]
    assert "sekret" not in report.model_dump_json()


def test_a_constant_of_bird_is_its_text_and_an_unknown_one_is_no_password_that_could_be_compared() -> None:
    named = text(Platform.BIRD).replace('"<bgp-password>"', "SECRET")
    assert read(Platform.BIRD, f'define SECRET = "sekret";\n{named}')[0].password == digest("sekret", KEY)
    assert read(Platform.BIRD, named)[0].password is None


@pytest.mark.parametrize(
    "line",
    [
        '    password  "sekret";',
        '    password\t"sekret";',
        '    password\n      "sekret";',
        " neighbor X password   sekret;sekret",
        ' neighbor X password sekret"sekret',
        ' neighbor X password "a"sekret',
    ],
)  # fmt: skip
def test_the_router_s_program_masks_it_whatever_the_blanks_and_quotes(line: str) -> None:
    assert "sekret" not in masked(line)
    assert masked(line).startswith(line.partition("password")[0] + "password")


def different(routers_have: dict[str, str], nodes_have: str | None = "old") -> list[Difference]:
    """Return what differs where each router has one password, and the nodes' Secret another."""
    declared = site()
    texts = {name: router_text(declared, declared.router(name)) for name in ("tor-a", "tor-b")}
    given_texts = {name: text.replace(PASSWORD_MARK, routers_have.get(name, "old")) for name, text in texts.items()}
    told = {PASSWORD_SECRET: nodes_have} if nodes_have else {}
    read = declared_ends(declared, given_texts, str)._replace(nodes=node_ends(objects(declared), told))
    return differences(planned(declared), read)


def test_where_as_many_have_one_password_as_the_other_nobody_is_accused() -> None:
    found = different({"tor-a": "new", "tor-b": "new"})
    assert [one.sentence for one in found] == [
        "tor-a and cp-1 have different passwords",
        "tor-a and worker-1 have different passwords",
        "tor-b and worker-2 have different passwords",
        "tor-b and worker-3 have different passwords",
    ]
    assert {(one.wrong, one.aspect) for one in found} == {("", "password")}


def test_where_each_machine_has_a_password_of_its_own_nobody_is_accused() -> None:
    assert {one.wrong for one in different({"tor-a": "new", "tor-b": "newer"})} == {""}


def test_an_end_is_named_where_most_ends_have_another_password() -> None:
    found = different({"tor-a": "new"})
    assert {(one.wrong, one.sentence) for one in found} == {
        ("tor-a", "tor-a has another password than planned for cp-1"),
        ("tor-a", "tor-a has another password than planned for worker-1"),
    }


def test_having_no_password_is_no_opinion_on_which_is_right() -> None:
    found = different({}, None)
    assert {one.wrong for one in found} == {"cp-1", "worker-1", "worker-2", "worker-3"}
    assert {one.sentence.partition(" for ")[0].partition(" ")[2] for one in found} == {"has no password"}
