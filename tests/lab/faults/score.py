"""Scoring: one verdict against one expectation, and the sum over a campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from tests.lab.faults.table import Expect, Fault
from underlay.judge.verdict import Status, Verdict

NOT_PASSED = (Status.FAIL, Status.ERROR)


class Score(StrEnum):
    """What a verdict on a fault came to."""

    RIGHT = "named right"
    WRONG = "wrongly named"
    UNNAMED = "red without the name"
    MISSED = "missed"
    FALSE = "false alarm"
    NOT_INJECTED = "not injected"


@dataclass
class Result:
    """One fault's outcome."""

    fault: str
    expected: str
    score: Score
    said: list[str] = field(default_factory=list)
    pods: str = ""
    pods_expected: str = ""
    verdicts: int = 1
    """How many verdicts it took until the fault was named, or all tries."""
    seconds: float = 0.0
    healed_after: float | None = None
    """Seconds until the verdict was silent again; None: it never was."""
    detail: str = ""

    @property
    def good(self) -> bool:
        """Say whether the fault was named rightly, pods were affected as stated, and silence came back."""
        right = self.score is Score.RIGHT and self.healed_after is not None
        return right and self.pods_expected in ("", self.pods)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return asdict(self)


def pods(verdict: Verdict) -> str:
    """Return whether probes failed."""
    return "cut" if any(check.rule == "probes" for check in verdict.of(Status.FAIL)) else "unharmed"


def said(verdict: Verdict) -> list[str]:
    """Return what a verdict says beyond passes, one line each, for people."""
    causes = [f"{cause.rule} at {cause.where}: {cause.sentence}" for cause in verdict.causes]
    lost = [f"lost {one.found}; {one.last_seen}" for one in verdict.lost]
    shown = [f"{check.status.value} {check.rule} at {check.where}" for check in verdict.of(*NOT_PASSED)]
    return [*causes, *lost, *shown, *(f"note: {note}" for note in verdict.notes)]


def score(expect: Expect, also: Iterable[str], verdict: Verdict) -> Score:
    """Return what one verdict came to against what was expected."""
    if expect.silent:
        return Score.RIGHT if verdict.status is Status.PASS else Score.FALSE
    if verdict.status is Status.PASS:
        return Score.MISSED
    named = {(cause.rule, cause.where) for cause in verdict.causes}
    strangers = {rule for rule, _ in named} - {expect.cause, *also}
    checks = {(check.rule, check.where) for check in verdict.of(*NOT_PASSED)}
    found = (expect.cause, expect.at) in named if expect.cause else (expect.check, expect.at) in checks
    if found:
        return Score.WRONG if strangers else Score.RIGHT
    return Score.WRONG if named else Score.UNNAMED


def silent(verdict: Verdict) -> bool:
    """Say whether a verdict is as that of a healthy site: no note either."""
    return verdict.status is Status.PASS and not verdict.notes


def both_named(pair: Sequence[Fault], expects: Sequence[Expect], verdict: Verdict) -> list[bool]:
    """Return for each fault of a pair whether the one verdict names it at its place."""
    named = {(cause.rule, cause.where) for cause in verdict.causes}
    checks = {(check.rule, check.where) for check in verdict.of(*NOT_PASSED)}
    return [
        (one.cause, one.at) in named if one.cause else (one.check, one.at) in checks
        for _, one in zip(pair, expects, strict=True)
    ]


def total(results: Sequence[Result]) -> str:
    """Return the campaign's figures in one line."""
    count = Counter(result.score for result in results)
    harmed = sum(1 for result in results if result.pods_expected not in ("", result.pods))
    not_healed = sum(1 for result in results if result.healed_after is None)
    share = 100 * count[Score.RIGHT] / max(1, len(results))
    figures = ", ".join(f"{kind.value} {count[kind]}" for kind in Score)
    return (
        f"{len(results)} faults: {figures} ({share:.1f} % right); effect on pods not as stated {harmed}; "
        f"not silent after healing {not_healed}"
    )
