"""Strict evaluation: what a rule cannot determine is never a pass.

The SDK turns a mandatory policy that meets an unknown value at preview into advice. Here the rule answers first:
`pass`, `violation`, `undetermined` or `not applicable`. A declared fact that is unknown makes it undetermined, which is
reported like a violation and names the value; a live fact, which only a cluster can tell, makes it not applicable.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from . import marks

Props = Mapping[str, Any]
Args = TypeVar("Args", ResourceValidationArgs, StackValidationArgs)

UNDETERMINED_MARK = "undetermined: "
"""How the message of a rule that could not judge begins; the check for pull requests tells it apart by this."""
PAGE = "docs/policy-rules.md"


class Answer(Enum):
    """What a rule says of a resource."""

    PASS = "pass"  # noqa: S105 - an answer, not a password
    VIOLATION = "violation"
    UNDETERMINED = "undetermined"
    NOT_APPLICABLE = "not applicable"


class Facts(Enum):
    """Where a rule's facts come from."""

    DECLARED = "declared"
    """Known before anything runs; unknown is undetermined."""
    LIVE = "live"
    """Only a cluster tells them; unknown at preview is not applicable."""


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


def undetermined(reason: str, urn: str | None = None) -> Judgement:
    """Return the judgement of a rule whose facts cannot be known from here."""
    return Judgement(Answer.UNDETERMINED, reason, urn)


def not_applicable(reason: str) -> Judgement:
    """Return the judgement of a rule that has nothing to say here."""
    return Judgement(Answer.NOT_APPLICABLE, reason)


@dataclass(frozen=True)
class About:
    """What people read of a rule; the pages of the documentation are made of it."""

    name: str
    description: str
    remediation: str
    severity: Severity
    level: EnforcementLevel = EnforcementLevel.MANDATORY
    config: PolicyConfigSchema | None = None
    facts: Facts = Facts.DECLARED

    def options(self) -> dict[str, Any]:
        """Return the SDK's arguments that both kinds of policy share."""
        return {
            "name": self.name,
            "description": self.description,
            "enforcement_level": self.level,
            "severity": self.severity,
            "remediation_steps": self.remediation,
            "config_schema": self.config,
            "tags": [f"facts:{self.facts.value}"],
            "url": f"{PAGE}#{self.name}",
        }


def evaluate(rule: Callable[[Args], Judgement], args: Args, facts: Facts = Facts.DECLARED) -> Judgement:
    """Return the rule's answer; what it could not read or understand is undetermined, never a pass."""
    if isinstance(args, ResourceValidationArgs) and is_left_out(args):
        return not_applicable("outside this update's targets: the engine makes nothing of it and hands over no inputs")
    try:
        judgement = rule(args)
    except UnknownValueError as unknown:
        return _unknown(".".join(unknown.props), facts)
    except Exception as error:  # noqa: BLE001 - a rule that stumbles over strange input must not wave it through
        return undetermined(f"the input is not of the form this rule reads ({type(error).__name__})")
    return replace(judgement, reason=marks.without_secrets(judgement.reason, args))


def is_left_out(one: ResourceValidationArgs | PolicyResource) -> bool:
    """Tell whether `--target` leaves a resource out that is not there yet.

    The engine calls no provider for it then, so nothing checks its inputs, and the pack is handed none at all. A
    provider is never content with none for a kind that a rule judges, so nothing that is made passes by this door.
    """
    given = inputs(one) if isinstance(one, PolicyResource) else one.props
    return one.provider is not None and len(given) == 0


def _unknown(place: str, facts: Facts) -> Judgement:
    if facts is Facts.LIVE:
        return not_applicable(f"{place} is known only after an update; this rule judges then")
    advice = "declare it as a plain value, or apply what makes it first"
    return undetermined(f"the value of {place} is not known at preview; {advice}")


def resource_policy(about: About, rule: Callable[[ResourceValidationArgs], Judgement]) -> ResourceValidationPolicy:
    """Return a policy that judges each resource before it is made."""
    return ResourceValidationPolicy(validate=_validate(about, rule), **about.options())


def stack_policy(about: About, rule: Callable[[StackValidationArgs], Judgement]) -> StackValidationPolicy:
    """Return a policy that judges all resources together."""
    return StackValidationPolicy(validate=_validate(about, rule), **about.options())


_SEEN: dict[str, Props] = {}
"""Inputs of the resources that were judged so far in this run, by URN."""


def inputs(resource: PolicyResource) -> Props:
    """Return what a program gave a resource.

    A stack's rule is handed outputs, which are empty at a preview without a cluster; the inputs were seen before.
    """
    return _SEEN.get(resource.urn, resource.props)


def is_preview() -> bool:
    """Tell whether nothing is applied in this run; the engine says so before it starts a pack."""
    return os.environ.get("PULUMI_DRY_RUN") == "true"


def _validate(about: About, rule: Callable[[Args], Judgement]) -> Callable[[Args, ReportViolation], None]:
    def validate(args: Args, report_violation: ReportViolation) -> None:
        if isinstance(args, ResourceValidationArgs):
            _SEEN.setdefault(args.urn, args.props)
        judgement = evaluate(rule, args, about.facts)
        if judgement.answer is Answer.VIOLATION:
            report_violation(judgement.reason, judgement.urn)
        elif judgement.answer is Answer.UNDETERMINED:
            report_violation(UNDETERMINED_MARK + judgement.reason, judgement.urn)
        elif judgement.answer is Answer.NOT_APPLICABLE:
            args.not_applicable(judgement.reason)

    return validate
