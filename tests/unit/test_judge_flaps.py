"""A session that comes up and goes down again: red, with the end that lets it go down; one reset before is no word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.judge_site import healthy, verdict
from tests.unit.test_judge_checks import one
from underlay.judge.flaps import reason
from underlay.judge.verdict import Status


def flapping(router: str, node: str, **facts: object) -> dict[str, Any]:
    """Return the evidence where a router's session with a node has these facts, and the node says the same."""
    evidence = healthy()
    [session, *_] = evidence["routers"][router]["sessions"]
    session |= {"age": 2.0, "watched": 12.0, "resets": 2, **facts}
    evidence["survey"]["nodes"][node]["sessions"][0] |= {"age": 3.0, "state": session["state"]}
    return evidence


HEARS_NOTHING = "BGP Notification send: Hold Timer Expired"


@pytest.mark.parametrize("state", ["established", "active"])
def test_a_session_that_flaps_is_red_and_its_end_is_named(state: str) -> None:
    found = verdict(flapping("tor-a", "cp-1", state=state, drops=7, detail=HEARS_NOTHING))
    [cause] = [cause for cause in found.causes if cause.rule in {"session-flaps", "session-down"}]
    assert cause.rule == "session-flaps"
    assert cause.sentence == (
        "tor-a: session with cp-1 (172.30.1.11) comes up and goes down again: "
        "tor-a hears nothing from cp-1 within the hold time"
    )
    assert cause.witnesses[0] == (
        f"tor-a saw it go down 2 times within 12 s; 7 times since tor-a knows it: {HEARS_NOTHING}"
    )
    assert cause.witnesses[1] == f"cp-1 says {state} since 3 s"
    check = one(found, "router-sessions", "tor-a")
    assert check.status is Status.FAIL
    assert "cp-1 172.30.1.11: went down again 2 times while looked at for 12 s" in check.found


def test_one_that_has_changed_before_and_stays_is_no_word() -> None:
    found = verdict(flapping("tor-a", "cp-1", state="established", drops=7, detail=HEARS_NOTHING, resets=0))
    assert (found.status, found.causes, found.notes) == (Status.PASS, (), ())


def test_one_witness_alone_is_a_suspicion_beside_the_red_check() -> None:
    evidence = flapping("tor-a", "cp-1", state="established", detail=HEARS_NOTHING)
    evidence["survey"]["nodes"]["cp-1"]["sessions"][0] |= {"age": 3600.0}
    found = verdict(evidence)
    assert found.causes == ()
    assert any("session with cp-1 (172.30.1.11) comes up and goes down again" in note for note in found.notes)
    assert one(found, "router-sessions", "tor-a").status is Status.FAIL


def test_of_two_routers_each_is_the_other_s_witness() -> None:
    evidence = healthy()
    for router, address in (("tor-a", "172.30.255.1"), ("tor-b", "172.30.255.0")):
        session = next(one for one in evidence["routers"][router]["sessions"] if one["address"] == address)
        session |= {"age": 2.0, "watched": 12.0, "resets": 1, "detail": "Interface down"}
    told = {cause.sentence for cause in verdict(evidence).causes}
    assert told == {
        f"{own}: session with {far} ({address}) comes up and goes down again: {own} loses the link to {far}"
        for own, far, address in (("tor-a", "tor-b", "172.30.255.1"), ("tor-b", "tor-a", "172.30.255.0"))
    }


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (HEARS_NOTHING, "a hears nothing from b within the hold time"),
        ("BGP Error: Hold timer expired", "a hears nothing from b within the hold time"),
        ("BGP Notification received: Hold Timer Expired", "b hears nothing from a within the hold time"),
        ("Received: Hold timer expired", "b hears nothing from a within the hold time"),
        ("User reset: Cease/Administratively Reset", "it is reset by hand at a"),
        ("BGP Notification received: Cease/Administratively Reset", "it is reset by hand at b"),
        ("Received: Administrative reset", "it is reset by hand at b"),
        ("Received: Administrative shutdown", "b switches it off"),
        ("Peer closed the session", "b closes the connection: its daemon ends or is ended"),
        ("Socket: Connection reset by peer", "b closes the connection: its daemon ends or is ended"),
        ("Reached received prefix count", "b tells more prefixes than a takes"),
        ("Interface down", "a loses the link to b"),
        ("Something else", "a says Something else"),
        ("", "no end says why"),
    ],
)
def test_what_daemons_say_is_told_as_an_end(told: str, words: str) -> None:
    assert reason(told, "a", "b") == words
