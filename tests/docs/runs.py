"""The record of walks that are campaigns: which lines were run, when, on which commit, and how long each took."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lab.paths import repo

if TYPE_CHECKING:
    from tests.docs.shell import Done

FILE = repo() / "docs/results/walks.json"
ASKED = "UNDERLAY_WALKS"
"""Set where walks that take minutes are wanted, too."""


def recorded() -> dict[str, Any]:
    """Return what was run, by the walk's name."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return found


def record(name: str, done: Sequence[Done]) -> None:
    """Write down a walk that has come to its end."""
    base = subprocess.run(
        ["git", "merge-base", "HEAD", "main"], cwd=repo(), capture_output=True, text=True, check=True
    ).stdout
    run = {
        "commit": base[:7],
        "date": datetime.now(UTC).date().isoformat(),
        "load": round(os.getloadavg()[0]),
        "seconds": round(sum(one.seconds for one in done), 1),
        "lines": [{"line": one.line, "seconds": round(one.seconds, 1)} for one in done],
    }
    FILE.write_text(json.dumps({**recorded(), name: run}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
