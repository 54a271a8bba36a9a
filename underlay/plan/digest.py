"""Short digests of plain data: they say whether something has to be done again, without showing what it is."""

from __future__ import annotations

import hashlib
import json

LENGTH = 16
"""Hexadecimal digits: enough to tell versions of one thing apart, short enough to read in a preview."""


def digest(data: object) -> str:
    """Return the digest of anything that JSON can hold; the order of keys does not matter."""
    text = json.dumps(data, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
