"""Which reader understands which platform's text, and texts without the passwords in them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import NamedTuple

from underlay.model import Platform
from underlay.plan.ends import bird, frr
from underlay.plan.ends.end import End
from underlay.plan.routers import PASSWORD_MARK

PASSWORD = re.compile(r'(\bpassword )("[^"]*"|\S+)')


class Reader(NamedTuple):
    """How one platform's text is read."""

    ends: Callable[[str], dict[str, End]]
    ranges: Callable[[str], dict[str, End]]


READERS = {Platform.FRR: Reader(frr.ends, frr.ranges), Platform.BIRD: Reader(bird.ends, bird.ranges)}
"""Platforms whose text is understood; Huawei's is only written."""


def digested(text: str, key: bytes) -> str:
    """Return a router's text with a digest in place of each password."""
    return PASSWORD.sub(lambda match: match[1] + digest(match[2].strip('";'), key), text)


def marked(text: str) -> str:
    """Return a router's text with the plan's mark in place of each password: that there is one is compared then."""
    return PASSWORD.sub(lambda match: match[1] + PASSWORD_MARK, text)


def digest(password: str, key: bytes) -> str:
    """Return a few letters that two equal passwords share, and nobody without the key can work back from."""
    return hmac.new(key, password.encode(), hashlib.sha256).hexdigest()[:12]
