"""BIRD 2: what to ask, and how to read the answers."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise

from underlay.judge.evidence import RouterSession

COMMANDS = {
    "sessions": "timeout 5 sh -c 'date --rfc-3339=ns; birdc show protocols all'",
    "table": "timeout 5 birdc show route primary all",
    "configuration": "timeout 5 cat /etc/bird/bird.conf /etc/bird/underlay.conf",
    "control": "timeout 5 birdc show status",
    "unloaded": (
        "timeout 5 sh -c 'test ! -e /etc/bird/underlay.conf || (date --rfc-3339=ns -r /etc/bird/bird.conf; "
        "date --rfc-3339=ns -r /etc/bird/underlay.conf; date --rfc-3339=ns; birdc show status)'"
    ),
}
"""What is asked of BIRD, by the part of the report that it answers."""
CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
"""The router's own time when it was asked, in front of the answer."""
LOADED = re.compile(r"^Last reconfiguration on (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)", re.MULTILINE)
SERVER = re.compile(r"^Current server time is (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)", re.MULTILINE)
FILES = ("bird.conf", "underlay.conf")
APART = 60.0
"""Seconds between the daemon's clock and that of its files beyond which they tell different times."""
SINCE = re.compile(r"(\d{4}-\d\d-\d\d)?\s*(\d\d:\d\d:\d\d(?:\.\d+)?)?")
"""How BIRD says since when a protocol is as it is: time alone within a day, date alone beyond, or both."""
DAY = 86_400.0
HOLD = re.compile(r"^\s+Hold timer:\s+[\d.]+/(\d+)", re.MULTILINE)
"""What is left of the hold time, and the whole of it as both ends agreed."""
PROTOCOL = re.compile(r"^\S+\s+BGP\s", re.MULTILINE)
NO_DAEMON = "Unable to connect"
"""What birdc says when there is no daemon; it is an answer, not a table."""


def sessions(text: str) -> tuple[RouterSession, ...]:
    """Read `show protocols all`."""
    clock = CLOCK.match(text)
    text = text[len(text.partition("\n")[0]) :] if clock else text
    _refuse_silence(text)
    starts = [match.start() for match in re.finditer(r"^\S", text, re.MULTILINE)] + [len(text)]
    blocks = [text[start:end] for start, end in pairwise(starts)]
    now = datetime.fromisoformat(clock[0]) if clock else None
    found = [_session(block, now) for block in blocks if PROTOCOL.match(block)]
    return tuple(sorted((session for session in found if session.address), key=lambda session: session.address))


def _session(block: str, now: datetime | None) -> RouterSession:
    asn = _value(block, "Neighbor AS")
    return RouterSession(
        address=_value(block, "Neighbor address"),
        asn=int(asn) if asn.isdigit() else None,
        state=_value(block, "BGP state").lower(),
        detail=_value(block, "Last error"),
        hold=float(hold[1]) if (hold := HOLD.search(block)) else None,
        age=_age(block, now),
        identity=_value(block, "Neighbor ID"),
    )


def _age(block: str, now: datetime | None) -> float | None:
    """Return for how many seconds a protocol has been as it is; at least a day where only a date is told."""
    since = SINCE.match(" ".join(block.split(maxsplit=6)[4:6]))
    if now is None or since is None or not any(since.groups()):
        return None
    if since[2] is None:
        return DAY
    began = datetime.fromisoformat(f"{since[1] or now.date()} {since[2]}")
    return (now - began).total_seconds() if since[1] else (now - began).total_seconds() % DAY


def unloaded(text: str) -> tuple[str, ...] | None:
    """Return those of its files that changed after BIRD had read them; None without a file of ours, or a BIRD."""
    if not text.strip() or NO_DAEMON in text:
        return None
    times = [datetime.fromisoformat(found[0]) for line in text.splitlines() if (found := CLOCK.match(line))]
    loaded, server = (
        datetime.fromisoformat(found[1]) if (found := one.search(text)) else None for one in (LOADED, SERVER)
    )
    if len(times) != len(FILES) + 1 or loaded is None or server is None:
        raise ValueError("when BIRD read its files is not understood")
    *changed, now = times
    if abs((now - server).total_seconds()) > APART:
        raise ValueError(f"BIRD says it is {server}, the router says {now}")
    return tuple(name for name, at in zip(FILES, changed, strict=True) if (at - loaded).total_seconds() > 1)


def table(text: str) -> dict[str, tuple[str, ...]]:
    """Read `show route primary all`: the next hops of each prefix that came by BGP."""
    _refuse_silence(text)
    found: dict[str, tuple[str, ...]] = {}
    for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
        prefix = re.match(r"[\d.]+/\d+", block)
        if prefix and "BGP.next_hop" in block:
            found[prefix[0]] = tuple(sorted(set(re.findall(r"^\s+via ([\d.]+)", block, re.MULTILINE))))
    return found


def _value(block: str, name: str) -> str:
    match = re.search(rf"^\s+{name}:[ \t]*(.*)$", block, re.MULTILINE)
    return match[1].strip() if match else ""


def _refuse_silence(text: str) -> None:
    if NO_DAEMON in text or "BIRD" not in text:
        message = text.strip() or "no answer"
        raise ValueError(message)
