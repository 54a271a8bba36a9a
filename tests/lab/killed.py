"""The engine, its plugins and the program killed in the middle of an update, at a moment that a test names."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.lab.host import family
from tests.lab.site import Site

Update = subprocess.Popen[str]
Moment = Callable[[Site, Update], bool]
"""Waits until it has come; False where the update ended before."""
UPDATE = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
SYSTEM = ("kubectl", "-n", "kube-system")
AGENTS = ("get", "daemonset", "cilium")
PENDING = ("get", "secrets", "-l", "owner=helm,name=cilium,status=pending-upgrade")


def says(words: str) -> Moment:
    """Return the moment at which the engine says all these words in one line."""

    def come(_: Site, update: Update) -> bool:
        assert update.stdout is not None
        return any(all(word in line for word in words.split()) for line in update.stdout)

    return come


def appears(*words: str, after: int = 0) -> Moment:
    """Return the moment at which a watch of objects tells one more than it told at its beginning."""

    def come(site: Site, update: Update) -> bool:
        watch = site.start(*SYSTEM, *words, "--watch", "-o", "name")
        assert watch.stdout is not None
        try:
            found = [line for line, _ in zip(watch.stdout, range(after + 1), strict=False)]
            return len(found) > after and update.poll() is None
        finally:
            watch.kill()
            watch.communicate()

    return come


pending = appears(*PENDING)
"""Helm has written that it upgrades the release."""
rollout = appears(*AGENTS, after=1)
"""The agents' DaemonSet has changed, so their rollout begins."""


def kill_at(site: Site, moment: Moment) -> None:
    """Begin an update and kill the engine at a moment."""
    update = site.start(*UPDATE)
    if not moment(site, update):
        raise AssertionError(f"the update has ended before the moment: {update.communicate(timeout=60)[1]}")
    engine = engine_of(update)
    assert engine, "the engine has ended by itself"
    for pid in engine:
        os.kill(pid, signal.SIGKILL)
    update.communicate(timeout=60)
    assert update.returncode != 0


def engine_of(update: Update) -> list[int]:
    """Return the engine's processes of an update; tests beside it run engines of their own."""
    found = []
    for pid in family(update.pid):
        name = Path(f"/proc/{pid}/comm")
        if name.exists() and name.read_text(encoding="utf-8").startswith("pulumi"):
            found.append(pid)
    return found
