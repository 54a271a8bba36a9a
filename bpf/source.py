"""The text of the C programs, put together for one backend."""

from __future__ import annotations

import pkgutil

FILES = {"bcc": ("events.h", "bcc.h", "events.c"), "core": ("core.h", "events.h", "events.c")}
"""What each backend compiles, in this order."""


def text(backend: str) -> str:
    """Return the whole program text of a backend."""
    return "\n".join((pkgutil.get_data("bpf", name) or b"").decode() for name in FILES[backend])
