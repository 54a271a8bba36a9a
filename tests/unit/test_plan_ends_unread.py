"""What is not known of a router's end is no pass: each thing that is not understood has its sentence."""

from __future__ import annotations

import pytest

from tests.unit.plan_sites import site
from tests.unit.test_plan_ends import told
from underlay.plan.ends import declared_ends, planned, unread
from underlay.plan.ends.compare import ASPECTS, UNREAD
from underlay.plan.routers import router_text


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("local as 65102", "local as OURS", "tor-b: its own number towards worker-2 is not understood"),
        ("as 65010", "as NODES", "tor-b: the number that it expects of worker-2 is not understood"),
        ("passive on", "multihop MANY", "tor-b: how many hops it allows to worker-2 is not understood"),
        ('"<bgp-password>"', "SECRET", "tor-b: its password for worker-2 is not understood"),
    ],
)
def test_what_is_not_known_of_an_end_is_no_pass(old: str, new: str, sentence: str) -> None:
    text = router_text(site(), site().router("tor-b"))
    assert old in text
    strange = text.replace(old, new)
    assert [one for one in told("tor-b", strange) if one.router == "tor-b"] == []
    assert sentence in unread(planned(site()), declared_ends(site(), {"tor-b": strange}))


def test_every_aspect_of_a_router_s_end_has_words_for_not_being_known() -> None:
    assert {*UNREAD} == {*ASPECTS, "password"}


def test_what_is_read_of_a_whole_end_is_known() -> None:
    assert unread(planned(site()), declared_ends(site())) == []
