"""Sessions that have just changed are looked at again until they stay: one that goes down meanwhile flaps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from underlay.judge.evidence import RouterSession

PAUSE = 1.0
"""Seconds between two looks."""
LONGEST = 18.0
"""Seconds for which sessions are watched at most."""
ONCE, TWICE, OFTEN = 4 / 3, 2.0, 2
"""Hold times for which a session has to be up: until it notices that it hears nothing; more after as many drops."""
BETWEEN, KEPT = "; ", 4
"""What stands between the reasons that a daemon has given, and how many of them are kept."""
Sessions = tuple[RouterSession, ...]
Look = Callable[[], Awaitable[Sessions]]
UP = "established"


async def watched(first: Sessions, look: Look, hold: int, longest: float = LONGEST) -> Sessions:
    """Return the last look at sessions, with how often each went down since the first one, and why."""
    begin, last = time.monotonic(), {session.address: session for session in first}
    young = {session.address for session in first if _unsteady(session, hold)}
    while any(_unsteady(session, hold) for session in last.values()) and time.monotonic() - begin < longest:
        await asyncio.sleep(PAUSE)
        with suppress(ValueError, TimeoutError):  # a look without an answer is no look
            async with asyncio.timeout(max(PAUSE, begin + longest - time.monotonic())):
                seen = await look()
            last |= {session.address: _after(last.get(session.address), session) for session in seen}
    seconds = round(time.monotonic() - begin, 1)
    told = {"watched": seconds}
    return tuple(one.model_copy(update=told) if name in young or one.resets else one for name, one in last.items())


def _unsteady(session: RouterSession, hold: int) -> bool:
    """Tell whether a session has just come up, or gone down after having been up."""
    steady = hold * (TWICE if (session.drops or 0) >= OFTEN else ONCE)
    return session.age is not None and session.age < steady and (session.state == UP or session.drops != 0)


def _after(before: RouterSession | None, now: RouterSession) -> RouterSession:
    """Return a look with what was seen before: daemons forget why a session went down when it comes up."""
    if before is None:
        return now
    resets = before.resets + _resets(before, now)
    told = dict.fromkeys(text for one in (before, now) for text in one.detail.split(BETWEEN) if text)
    return now.model_copy(update={"resets": resets, "detail": BETWEEN.join([*told][-KEPT:])})


def _resets(before: RouterSession, now: RouterSession) -> int:
    """Return how often a session went down between two looks, as far as they tell."""
    if before.drops is not None and now.drops is not None:
        return max(0, now.drops - before.drops)
    younger = before.age is not None and now.age is not None and now.age < before.age
    return int(before.state == UP and (now.state != UP or younger))
