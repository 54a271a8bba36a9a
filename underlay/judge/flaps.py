"""Sessions that come up and go down again: which they are, and what daemons mean by the words with which they end."""

from __future__ import annotations

import re

from underlay.judge.evidence import RouterSession
from underlay.judge.views import RouterView
from underlay.plan.verification import ExpectedSession

REASONS = (
    (r"(send|bgp error).*hold timer", "{own} hears nothing from {other} within the hold time"),
    (r"received.*hold timer", "{other} hears nothing from {own} within the hold time"),
    (r"user reset", "it is reset by hand at {own}"),
    (r"received.*reset", "it is reset by hand at {other}"),
    (r"received.*shutdown", "{other} switches it off"),
    (r"admin\. shutdown", "{own} switches it off"),
    (r"prefix count|number of prefixes|route limit", "{other} tells more prefixes than {own} takes"),
    (r"peer closed|connection (closed|reset)|socket", "{other} closes the connection: its daemon ends or is ended"),
    (r"interface down|neighbor lost", "{own} loses the link to {other}"),
)
"""Words of FRR or BIRD of why a session ended → what that says of the two ends; the first that fits."""


def flaps(router: RouterView, peer: ExpectedSession) -> RouterSession | None:
    """Return a planned session that went down while it was watched, which is only done after it has changed."""
    session = router.sessions.get(str(peer.address))
    return session if session and session.resets else None


def reason(told: str, own: str, other: str) -> str:
    """Return which end lets a session go down, in words."""
    found = next((words for pattern, words in REASONS if re.search(pattern, told, re.IGNORECASE)), "")
    return found.format(own=own, other=other) if found else f"{own} says {told}" if told else "no end says why"
