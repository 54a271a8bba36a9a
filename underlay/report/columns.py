"""Which checks stand in which column of the table, and the sign of a cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from underlay.judge.verdict import Status, Verdict

Columns = Mapping[str, tuple[str, ...]]
"""Title → rules."""
NODES: Columns = {
    "evidence": ("node-report", "node-name", "node-addresses", "kernel-evidence"),
    "ready": ("node-ready", "agent-options"),
    "programs": ("programs-attached",),
    "route": ("route", "host-routing", "forwarding", "reverse-path"),
    "wire": ("wire", "no-tunnel"),
    "mtu": ("mtu",),
    "address": ("pod-address", "pod-addresses", "source-address"),
    "session": ("session", "session-ends"),
    "probes": ("probes", "node-probes"),
    "services": ("service-probes", "dns"),
    "policies": ("policies-enforced",),
    "detection": ("intrusion-engine", "intrusion-mirror"),
}
"""Columns of the nodes' table."""
ROUTERS: Columns = {
    "report": ("router-report",),
    "daemons": ("router-process",),
    "sessions": ("router-sessions", "session-ends"),
    "prefixes": ("router-prefixes",),
    "kernel": ("router-routes", "router-forwarding"),
    "services": ("router-services",),
    "pods": ("router-echoes",),
}
"""Columns of the routers' table."""
OPTIONAL = ("policies", "detection")
"""Columns that are left out where no machine has such a check."""
APART = (
    "kubernetes-api",
    "nodes-declared",
    "policies-applied",
    "objects-applied",
    "operator-ready",
    "release-options",
    "release-as-planned",
)
"""Checks of no machine: they stand in no table and are told by themselves."""
BOTH = {rule for rules in NODES.values() for rule in rules} & {rule for rules in ROUTERS.values() for rule in rules}
"""Checks of either kind of machine; the others tell which kind one is."""
WORST = (Status.FAIL, Status.ERROR, Status.PASS, Status.SKIPPED)
NOTHING = "-"


def rows(verdict: Verdict, columns: Columns) -> dict[str, list[str]]:
    """Return a line for each machine that has a check of its own kind here: the worst status of each cell."""
    titles = {rule: title for title, rules in columns.items() for rule in rules}
    machines = {check.where for check in verdict.checks if check.rule in titles.keys() - BOTH}
    found: dict[str, dict[str, set[Status]]] = {}
    for check in verdict.checks:
        if check.where in machines and (title := titles.get(check.rule)):
            found.setdefault(check.where, {}).setdefault(title, set()).add(check.status)
    return {name: [_worst(cells.get(title, ())) for title in columns] for name, cells in found.items()}


def needed(verdict: Verdict, columns: Columns) -> Columns:
    """Return the columns that have something to show."""
    found = {check.rule for check in verdict.checks}
    return {title: rules for title, rules in columns.items() if title not in OPTIONAL or found & set(rules)}


def _worst(found: Collection[Status]) -> str:
    return next((status.value for status in WORST if status in found), NOTHING)


def harmless(text: str) -> str:
    """Return text that cannot steer a terminal: every letter that is not to be seen becomes a space."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def age(verdict: Verdict, seconds: float) -> str:
    """Return when the evidence was taken and how old it is."""
    old = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"taken {verdict.taken:%Y-%m-%d %H:%M:%S} UTC in {verdict.seconds:.1f} s, {old} old"


def counts(verdict: Verdict) -> str:
    """Return how many checks came to what."""
    found = {status: len(verdict.of(status)) for status in Status}
    return ", ".join(f"{count} {status.value}" for status, count in found.items() if count)
