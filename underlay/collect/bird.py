"""BIRD 2: what to ask, and how to read the answers."""

from __future__ import annotations

import re
from itertools import pairwise

from underlay.judge.evidence import RouterSession

COMMANDS = {
    "sessions": "timeout 5 birdc show protocols all",
    "table": "timeout 5 birdc show route primary all",
    "configuration": "timeout 5 cat /etc/bird/bird.conf /etc/bird/underlay.conf",
    "control": "timeout 5 birdc show status",
}
"""What is asked of BIRD, by the part of the report that it answers."""
PROTOCOL = re.compile(r"^\S+\s+BGP\s", re.MULTILINE)
NO_DAEMON = "Unable to connect"
"""What birdc says when there is no daemon; it is an answer, not a table."""


def sessions(text: str) -> tuple[RouterSession, ...]:
    """Read `show protocols all`."""
    _refuse_silence(text)
    starts = [match.start() for match in re.finditer(r"^\S", text, re.MULTILINE)] + [len(text)]
    blocks = [text[start:end] for start, end in pairwise(starts)]
    found = [_session(block) for block in blocks if PROTOCOL.match(block)]
    return tuple(sorted((session for session in found if session.address), key=lambda session: session.address))


def _session(block: str) -> RouterSession:
    asn = _value(block, "Neighbor AS")
    return RouterSession(
        address=_value(block, "Neighbor address"),
        asn=int(asn) if asn.isdigit() else None,
        state=_value(block, "BGP state").lower(),
        detail=_value(block, "Last error"),
        hold=float(hold[1]) if (hold := re.search(r"^\s+Hold timer:\s+[\d.]+/(\d+)", block, re.MULTILINE)) else 0,
    )


def table(text: str) -> dict[str, tuple[str, ...]]:
    """Read `show route primary all`: the next hops of each prefix that came by BGP."""
    _refuse_silence(text)
    found: dict[str, tuple[str, ...]] = {}
    for block in re.split(r"^(?=\d)", text, flags=re.MULTILINE):
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
