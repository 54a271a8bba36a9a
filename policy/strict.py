"""Strict evaluation: what a rule cannot determine is a violation, never a pass.

The SDK turns a mandatory policy that meets an unknown value at preview into advice. Here the rule answers first:
`pass`, `violation`, `undetermined` or `not applicable`; undetermined is reported like a violation, and names the value
that was unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

Props = Mapping[str, Any]
Args = TypeVar("Args", ResourceValidationArgs, StackValidationArgs)


class Answer(Enum):
    """What a rule says of a resource."""

    PASS = "pass"  # noqa: S105 - an answer, not a password
    VIOLATION = "violation"
    UNDETERMINED = "undetermined"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Judgement:
    """An answer and its reason."""

    answer: Answer
    reason: str = ""
    urn: str | None = None
    """The resource that breaks a stack's rule; a resource's own rule leaves it out."""


PASSED = Judgement(Answer.PASS)


def violation(reason: str, urn: str | None = None) -> Judgement:
    """Return the judgement that refuses."""
    return Judgement(Answer.VIOLATION, reason, urn)


def not_applicable(reason: str) -> Judgement:
    """Return the judgement of a rule that has nothing to say here."""
    return Judgement(Answer.NOT_APPLICABLE, reason)


@dataclass(frozen=True)
class About:
    """What people read of a rule."""

    name: str
    description: str
    remediation: str
    severity: Severity
    level: EnforcementLevel = EnforcementLevel.MANDATORY
    config: PolicyConfigSchema | None = None

    def options(self) -> dict[str, Any]:
        """Return the SDK's arguments that both kinds of policy share."""
        return {
            "name": self.name,
            "description": self.description,
            "enforcement_level": self.level,
            "severity": self.severity,
            "remediation_steps": self.remediation,
            "config_schema": self.config,
        }


def evaluate(rule: Callable[[Args], Judgement], args: Args) -> Judgement:
    """Return the rule's answer; a value that is not known yet makes it undetermined."""
    try:
        return rule(args)
    except UnknownValueError as unknown:
        place = ".".join(unknown.props)
        reason = (
            f"the value of {place} is not known at preview; declare it as a plain value, or apply what makes it first"
        )
        return Judgement(Answer.UNDETERMINED, reason)


def resource_policy(about: About, rule: Callable[[ResourceValidationArgs], Judgement]) -> ResourceValidationPolicy:
    """Return a policy that judges each resource before it is made."""
    return ResourceValidationPolicy(validate=_validate(rule), **about.options())


def stack_policy(about: About, rule: Callable[[StackValidationArgs], Judgement]) -> StackValidationPolicy:
    """Return a policy that judges all resources together."""
    return StackValidationPolicy(validate=_validate(rule), **about.options())


def _validate(rule: Callable[[Args], Judgement]) -> Callable[[Args, ReportViolation], None]:
    def validate(args: Args, report_violation: ReportViolation) -> None:
        judgement = evaluate(rule, args)
        if judgement.answer in (Answer.VIOLATION, Answer.UNDETERMINED):
            report_violation(judgement.reason, judgement.urn)
        elif judgement.answer is Answer.NOT_APPLICABLE:
            args.not_applicable(judgement.reason)

    return validate
