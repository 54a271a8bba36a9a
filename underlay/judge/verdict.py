"""The verdict's parts: checks, causes, unexplained losses and notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

Pairs = frozenset[tuple[str, str]]
"""Names of source and target node."""
KUBERNETES = "kubernetes"
"""The place of what is true of no machine, but of the cluster's own objects."""
WITNESSES = 2
"""A cause needs as many, independent of each other."""


class Status(StrEnum):
    """What a check came to; `error`: it could not be judged."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    ERROR = "error"
    SKIPPED = "skipped"


Judged = tuple[Status, str]
"""What a check came to, and the numbers that it read."""


def result(good: bool | None, found: str) -> Judged:
    """Return a status and what was found; None is `could not be judged`."""
    return (Status.ERROR if good is None else Status.PASS if good else Status.FAIL), found


@dataclass(frozen=True)
class Check:
    """One check of one node or router, with the numbers that were read."""

    rule: str
    where: str
    status: Status
    found: str
    expected: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Cause:
    """Why something is broken: one sentence, its witnesses, the next step, and the pairs of nodes that it explains."""

    rule: str
    where: str
    sentence: str
    witnesses: tuple[str, ...]
    fix: str
    pairs: Pairs = frozenset()
    machines: frozenset[str] = frozenset()
    """Names of those that it is about, where it matters: a cause follows from one about the same machines only."""

    @property
    def proven(self) -> bool:
        """Say whether enough witnesses agree."""
        return len(self.witnesses) >= WITNESSES


@dataclass(frozen=True)
class Lost:
    """A pair of nodes whose probes fail without a cause that was seen."""

    source: str
    target: str
    found: str
    last_seen: str


@dataclass(frozen=True)
class Alert:
    """The alerts of one rule on one node: how many, and the last one's time and ends; never a payload."""

    node: str
    rule: int
    message: str
    count: int
    last: str
    source: str
    target: str
    protocol: str


@dataclass(frozen=True)
class Verdict:
    """Everything that a verification came to."""

    site: str
    taken: datetime
    seconds: float
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]
    lost: tuple[Lost, ...]
    notes: tuple[str, ...]
    alerts: tuple[Alert, ...] = ()
    """The most frequent first."""

    @property
    def status(self) -> Status:
        """Return `fail` before `error` before `pass`; nothing checked is an error."""
        found = {check.status for check in self.checks}
        if Status.FAIL in found or self.lost or self.causes:
            return Status.FAIL
        return Status.ERROR if Status.ERROR in found or Status.PASS not in found else Status.PASS

    def of(self, *statuses: Status) -> Sequence[Check]:
        """Return the checks that came to one of these."""
        return [check for check in self.checks if check.status in statuses]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {
            "schema": 1,
            "site": self.site,
            "status": self.status.value,
            "taken": self.taken.isoformat(timespec="seconds"),
            "seconds": self.seconds,
            "causes": [_cause(cause) for cause in self.causes],
            "lost": [asdict(lost) for lost in self.lost],
            "checks": [asdict(check) for check in self.checks],
            "notes": list(self.notes),
            "alerts": [asdict(alert) for alert in self.alerts],
        }


def _cause(cause: Cause) -> dict[str, Any]:
    told = {**asdict(cause), "pairs": sorted(map(list, cause.pairs))}
    del told["machines"]
    return told
