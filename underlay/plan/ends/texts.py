"""Which reader understands which platform's text, and what it may keep of a password."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import NamedTuple

from underlay.model import Platform
from underlay.plan.ends import bird, frr, vrp
from underlay.plan.ends.end import End, Secret


class Reader(NamedTuple):
    """How one platform's text is read."""

    ends: Callable[[str, Secret], dict[str, End]]
    ranges: Callable[[str, Secret], dict[str, End]]


READERS = {
    Platform.FRR: Reader(frr.ends, frr.ranges),
    Platform.BIRD: Reader(bird.ends, bird.ranges),
    Platform.VRP: Reader(vrp.ends, vrp.ranges),
}
"""How the text of each platform is understood."""
UNTRIED = (Platform.VRP,)
"""Platforms whose reader has seen no text of a router, only what is rendered."""


def digest(password: str, key: bytes) -> str:
    """Return a few letters that two equal passwords share, and nobody without the key can work back from."""
    return hmac.new(key, password.encode(), hashlib.sha256).hexdigest()[:12]
