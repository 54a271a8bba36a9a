"""Sessions that have just changed are watched: steady ones cost nothing, and each time one goes down is counted."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.test_collect_routers import KERNEL, Shell, recorded
from underlay.collect import bird, frr, kubernetes, routers, watch
from underlay.judge.evidence import RouterReport, RouterSession
from underlay.model import Platform

HOLD = 9


def session(state: str, age: float | None, drops: int | None = None, detail: str = "") -> RouterSession:
    return RouterSession(address="192.0.2.1", asn=65010, state=state, age=age, drops=drops, detail=detail)


def watching(monkeypatch: pytest.MonkeyPatch, *looks: RouterSession | None) -> tuple[RouterSession, int]:
    """Return what is told of a session that looks like this one after the other, and how many looks were taken."""
    monkeypatch.setattr(watch, "PAUSE", 0.0)
    left = list(looks[1:])

    async def look() -> tuple[RouterSession, ...]:
        if (found := left.pop(0)) is None:
            raise ValueError("no answer")
        return (found,)

    assert looks[0]
    [told] = asyncio.run(watch.watched((looks[0],), look, HOLD))
    return told, len(looks) - 1 - len(left)


UP, DOWN = "established", "active"


@pytest.mark.parametrize(
    ("looks", "resets", "taken"),
    [
        ([session(UP, 600)], 0, 0),
        ([session(UP, None)], 0, 0),
        ([session(UP, 12)], 0, 0),
        ([session(DOWN, 600)], 0, 0),
        ([session(DOWN, 3, drops=0)], 0, 0),
        ([session(UP, 5), session(UP, 8), session(UP, 12)], 0, 2),
        ([session(UP, 5), session(DOWN, 1), session(DOWN, 20)], 1, 2),
        ([session(UP, 5), session(UP, 2), session(UP, 20)], 1, 2),
        ([session(UP, 5), session(DOWN, 1), session(UP, 1), session(DOWN, 2), session(DOWN, 20)], 2, 4),
        ([session(DOWN, 5), session(UP, 1), session(UP, 20)], 0, 2),
        ([session(UP, 15, drops=1)], 0, 0),
        ([session(UP, 15, drops=2), session(UP, 20, drops=2)], 0, 1),
        ([session(UP, 15, drops=2), session(DOWN, 1, drops=3), session(DOWN, 30, drops=3)], 1, 2),
        ([session(UP, 5, drops=4), session(UP, 1, drops=6), session(UP, 20, drops=6)], 2, 2),
        ([session(UP, 5, drops=4), session(UP, 1, drops=0), session(UP, 20, drops=0)], 0, 2),
        ([session(UP, 5), None, session(UP, 20)], 0, 2),
    ],
)
def test_a_session_is_watched_until_it_is_steady(
    monkeypatch: pytest.MonkeyPatch, looks: list[RouterSession | None], resets: int, taken: int
) -> None:
    told, number = watching(monkeypatch, *looks)
    assert (told.resets, number) == (resets, taken)


def test_why_it_went_down_is_kept_where_it_comes_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = session(UP, 5), session(DOWN, 1, detail="BGP Error: Hold timer expired"), session(UP, 1), session(UP, 20)
    assert watching(monkeypatch, *looks)[0].detail == "BGP Error: Hold timer expired"
    words = ("Waiting for peer OPEN", "BGP Notification send: Hold Timer Expired", "Waiting for peer OPEN")
    steps = zip((5, 1, 20), words, strict=True)
    told, _ = watching(monkeypatch, *(session(UP, age, drops=1, detail=text) for age, text in steps))
    assert told.detail == "Waiting for peer OPEN; BGP Notification send: Hold Timer Expired"


def test_the_watch_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE", 0.01)

    async def look() -> tuple[RouterSession, ...]:
        return (session(UP, 1),)

    [told] = asyncio.run(watch.watched((session(UP, 1),), look, HOLD, 0.1))
    assert 0.1 <= told.watched < 5


def test_a_look_that_hangs_takes_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE", 0.01)
    looks = [session(UP, 1, drops=1)]

    async def look() -> tuple[RouterSession, ...]:
        if not looks:
            await asyncio.sleep(60)
        return (looks.pop(),)

    [told] = asyncio.run(watch.watched((session(UP, 1, drops=0),), look, HOLD, 0.1))
    assert (told.resets, told.watched < 5) == (1, True)


def test_frr_says_since_when_and_how_often() -> None:
    peers = json.loads(recorded("frr-neighbors.json"))
    peers["172.30.1.11"] |= {"bgpTimerUpMsec": 4000, "connectionsDropped": 7, "lastResetTimerMsecs": 9000}
    peers["172.30.1.12"] |= {"bgpState": "Active", "connectionsDropped": 2, "lastResetTimerMsecs": 3000}
    told = {one.address: (one.age, one.drops) for one in frr.sessions(json.dumps(peers))}
    assert told["172.30.1.11"] == (4.0, 7)
    assert told["172.30.1.12"] == (3.0, 2)
    assert told["172.30.255.1"] == (None, None)


@pytest.mark.parametrize(
    ("clock", "since", "age"),
    [
        ("2026-11-24 09:42:36.626000000", "09:42:26.626", 10.0),
        ("2026-11-25 00:00:06.626000000", "23:59:56.626", 10.0),
        ("2026-11-24 09:42:36.626000000", "2026-11-20", 86400.0),
        ("2026-11-24 09:42:36.626000000", "2026-11-23 09:42:36.626", 86400.0),
    ],
)
def test_bird_says_since_when(clock: str, since: str, age: float) -> None:
    text = recorded("bird-protocols.txt").replace("up     09:42:26.626", f"up     {since}", 1)
    first = {one.address: one.age for one in bird.sessions(f"{clock}\n{text}")}["172.30.2.11"]
    assert first == pytest.approx(age)
    assert {one.age for one in bird.sessions(text)} == {None}


def test_a_silent_bird_is_no_answer_beside_its_clock() -> None:
    with pytest.raises(ValueError, match="no answer"):
        bird.sessions("2026-11-24 09:42:36.626000000\n")


def test_a_router_s_reader_watches_what_has_just_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE", 0.0)
    texts = [f"2026-11-24 09:42:{second}.626000000\n{recorded('bird-protocols.txt')}" for second in (36, 59)]

    class Twice(Shell):
        async def run(self, command: str, limit: int) -> tuple[int, str, str]:
            if "show protocols" in command:
                return 0, texts[0] if len(texts) == 1 else texts.pop(0), ""
            return await super().run(command, limit)

    async def read() -> RouterReport:
        shell: Any = Twice(KERNEL)
        return await routers.watched(shell, Platform.BIRD, await routers.read(shell, Platform.BIRD), HOLD, 5)

    found = asyncio.run(read())
    assert found.sessions
    assert {one.address: one.age for one in found.sessions}["172.30.2.11"] == pytest.approx(33)
    assert len(texts) == 1


def test_cilium_says_since_when() -> None:
    since = (datetime.now(UTC) - timedelta(seconds=30)).isoformat().replace("+00:00", "Z")
    peer = {"peerAddress": "192.0.2.1", "peerASN": 65101, "peeringState": "established", "establishedTime": since}
    peers = {"bgpInstances": [{"peers": [peer, {"peerAddress": "192.0.2.2", "establishedTime": "never"}]}]}
    lists = {"sessions": [{"metadata": {"name": "cp-1"}, "spec": peers, "status": peers}]}
    told = kubernetes.surveyed("cp-1", lists).sessions
    assert told
    assert told[0].age == pytest.approx(30, abs=5)
    assert told[1].age is None
