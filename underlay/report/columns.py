"""Which checks stand in which column of the table, and the sign of a cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from underlay.judge.verdict import Status, Verdict

Columns = Mapping[str, tuple[str, ...]]
"""Title → rules."""
NODES: Columns = {
    "evidence": ("node-report", "node-name", "kernel-evidence"),
    "ready": ("node-ready",),
    "programs": ("programs-attached",),
    "route": ("route", "host-routing", "forwarding", "reverse-path"),
    "wire": ("wire", "no-tunnel"),
    "mtu": ("mtu",),
    "address": ("pod-address", "source-address"),
    "session": ("session",),
    "probes": ("probes", "dns"),
}
"""Columns of the nodes' table."""
ROUTERS: Columns = {
    "report": ("router-report",),
    "daemons": ("router-process",),
    "sessions": ("router-sessions",),
    "prefixes": ("router-prefixes",),
    "kernel": ("router-routes",),
}
"""Columns of the routers' table."""
WORST = (Status.FAIL, Status.ERROR, Status.PASS, Status.SKIPPED)
NOTHING = "-"


def rows(verdict: Verdict, columns: Columns) -> dict[str, list[str]]:
    """Return a line for each machine that has a check in these columns: the worst status of each cell."""
    titles = {rule: title for title, rules in columns.items() for rule in rules}
    found: dict[str, dict[str, set[Status]]] = {}
    for check in verdict.checks:
        if title := titles.get(check.rule):
            found.setdefault(check.where, {}).setdefault(title, set()).add(check.status)
    return {name: [_worst(cells.get(title, ())) for title in columns] for name, cells in found.items()}


def _worst(found: Collection[Status]) -> str:
    return next((status.value for status in WORST if status in found), NOTHING)


def harmless(text: str) -> str:
    """Return text that cannot steer a terminal: every letter that is not to be seen becomes a space."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def age(verdict: Verdict, seconds: float) -> str:
    """Return when the evidence was taken and how old it is."""
    old = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"taken {verdict.taken:%Y-%m-%d %H:%M:%S} UTC in {verdict.seconds:.1f} s, {old} old"


def counts(verdict: Verdict) -> str:
    """Return how many checks came to what."""
    found = {status: len(verdict.of(status)) for status in Status}
    return ", ".join(f"{count} {status.value}" for status, count in found.items() if count)
