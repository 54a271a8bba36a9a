"""Which checks stand in which column of the table, and the sign of a cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from underlay.judge.verdict import Check, Status, Verdict

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
    "probes": ("probes",),
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
    rules = {rule for group in columns.values() for rule in group}
    names = dict.fromkeys(check.where for check in verdict.checks if check.rule in rules)
    return {name: [cell(_of(verdict.checks, name, group)) for group in columns.values()] for name in names}


def cell(checks: Sequence[Check]) -> str:
    """Return the worst status among some checks."""
    found = {check.status for check in checks}
    return next((status.value for status in WORST if status in found), NOTHING)


def _of(checks: Iterable[Check], where: str, rules: tuple[str, ...]) -> list[Check]:
    return [check for check in checks if check.where == where and check.rule in rules]


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
