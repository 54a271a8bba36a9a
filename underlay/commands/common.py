"""What all commands share: input as JSON, progress on standard error, one message on failure, waiting with a reason."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from underlay.failure import Failure

__all__ = ["Failure", "Look", "read_input", "say", "wait"]

PAUSE = 1.0
"""Seconds between two looks: as often as Cilium's operator registers a CRD."""

Look = Callable[[], Sequence[str]]
"""Returns what is still missing, as sentences; nothing when all is there."""


def read_input() -> dict[str, Any]:
    """Return the JSON object on standard input."""
    try:
        data = json.load(sys.stdin)
    except ValueError as error:
        raise Failure(f"standard input is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Failure("standard input is not a JSON object")
    return data


def say(text: str) -> None:
    """Tell the person who waits what is going on."""
    print(text, file=sys.stderr, flush=True)


def wait(look: Look, seconds: float, what: str) -> None:
    """Look until nothing is missing; a time-out names everything that is."""
    end, before = time.monotonic() + seconds, -1
    while missing := look():
        if time.monotonic() > end:
            lines = "\n".join(f"  - {line}" for line in missing)
            raise Failure(f"{what} not complete after {seconds:.0f} s; still missing:\n{lines}")
        if len(missing) != before:
            say(f"{what}: waiting for {len(missing)}: {missing[0]}")
            before = len(missing)
        time.sleep(PAUSE)
