"""What the engine's events come to: one answer a rule, and one outcome of the check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pulumi_policy import Policy

from ..strict import UNDETERMINED_MARK, Answer, Facts
from .engine import Run

NO_VIOLATION = "no violation"
"""A saved state's rule that told nothing: the engine does not say whether it passed or did not apply."""
SKIPPED = "can't run policy"
"""How the SDK words that a mandatory policy met an unknown value, and was made advice."""
LEVELS = ("disabled", "advisory", "mandatory")
CLEAN, VIOLATIONS, UNJUDGED = 0, 1, 2
WORDS = {CLEAN: "clean", VIOLATIONS: "violations", UNJUDGED: "could not judge"}


@dataclass(frozen=True)
class Finding:
    """A rule's word against one resource."""

    rule: str
    answer: str
    level: str
    severity: str
    resource: str
    message: str

    @property
    def stops(self) -> bool:
        """Tell whether this stops an update."""
        return self.level == "mandatory"


@dataclass
class Verdict:
    """The outcome of one run: of a stack's preview or of a saved state."""

    subject: str
    rules: dict[str, str] = field(default_factory=dict)
    """The answer of each rule."""
    findings: list[Finding] = field(default_factory=list)
    error: str = ""
    """Why the engine ended before everything was judged."""
    notes: list[str] = field(default_factory=list)

    @property
    def code(self) -> int:
        """Return 0 for clean, 1 for violations, 2 where something could not be judged."""
        stopping = {one.answer for one in self.findings if one.stops}
        if Answer.VIOLATION.value in stopping:
            return VIOLATIONS
        return UNJUDGED if stopping or self.error else CLEAN

    def plain(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {**asdict(self), "outcome": WORDS[self.code]}


def verdict(subject: str, run: Run, policies: list[Policy], config: Mapping[str, Any], notes: list[str]) -> Verdict:
    """Return what a run comes to."""
    found = Verdict(subject, notes=[*notes, *_lowered(policies, config)])
    found.findings = [_finding(event["policyEvent"]) for event in run.events if "policyEvent" in event]
    stack = [event for event in run.events if "policyAnalyzeStackSummaryEvent" in event]
    each = [event for event in run.events if "policyAnalyzeSummaryEvent" in event]
    summaries = [value for event in (*stack, *each) for value in event.values() if isinstance(value, dict)]
    passed = {name for one in summaries for name in one.get("passed") or []}
    quiet = Answer.NOT_APPLICABLE.value if summaries else NO_VIOLATION
    for policy in policies:
        said = {one.answer for one in found.findings if one.rule == policy.name}
        worst = next((one.value for one in (Answer.VIOLATION, Answer.UNDETERMINED) if one.value in said), "")
        found.rules[policy.name] = worst or (Answer.PASS.value if policy.name in passed else quiet)
    refused = any(one.stops for one in found.findings)
    if run.code and not refused:
        found.error = run.text or f"the engine ended with {run.code}"
    elif not run.code and not run.events:
        found.error = "the engine told nothing of the pack; this check wants Pulumi 3.249 or later"
    elif run.code and "refused" in run.text:
        found.notes.append(run.text)
    found.notes += _live(policies, found.rules)
    return found


def _finding(event: Mapping[str, Any]) -> Finding:
    lines = str(event.get("message") or "").strip().split("\n")
    text = next((line for line in lines if line.startswith(UNDETERMINED_MARK)), "")
    unjudged = bool(text) or SKIPPED in lines[0]
    message = text.removeprefix(UNDETERMINED_MARK) or "\n".join(lines[1:] or lines)
    return Finding(
        rule=str(event.get("policyName")),
        answer=(Answer.UNDETERMINED if unjudged else Answer.VIOLATION).value,
        level="mandatory" if SKIPPED in lines[0] else str(event.get("enforcementLevel")),
        severity=str(event.get("severity") or "medium"),
        resource=str(event.get("resourceUrn") or ""),
        message=message.strip(),
    )


def _lowered(policies: list[Policy], config: Mapping[str, Any]) -> list[str]:
    """Return which rules a configuration weakens; people who review have to see that."""
    notes = []
    for policy in policies:
        told, own = config.get(policy.name) or config.get("all"), policy.enforcement_level
        level = told if isinstance(told, str) else (told or {}).get("enforcementLevel")
        if level in LEVELS and own and LEVELS.index(level) < LEVELS.index(own.value):
            notes.append(f"the configuration lowers {policy.name} to {level}")
    return notes


def _live(policies: list[Policy], answers: Mapping[str, str]) -> list[str]:
    live = f"facts:{Facts.LIVE.value}"
    quiet = [
        one.name for one in policies if live in (one.tags or []) and answers[one.name] == Answer.NOT_APPLICABLE.value
    ]
    return [f"{name} did not apply: only a cluster tells its facts, and none was asked" for name in quiet]
