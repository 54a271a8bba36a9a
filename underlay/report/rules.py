"""The page of all rules: why each exists, what breaks it, what is then said, and the same put right."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from underlay.finding import Finding, Refused
from underlay.model import load_site
from underlay.plan.checks import RULES
from underlay.plan.checks.examples import changed, declared, lines
from underlay.plan.checks.reading import OTHERS, READING
from underlay.plan.checks.registry import Example, Rule
from underlay.plan.checks.transitions import TRANSITIONS
from underlay.plan.first_release import FOUND as NEVER_FIRST
from underlay.plan.first_release import RULES as FIRST_RULES
from underlay.plan.policies.drift import FOUND as BY_HAND
from underlay.plan.prerequisites import KEPT, SILENT
from underlay.plan.prerequisites import RULES as NODE_RULES
from underlay.plan.routers import FOUND
from underlay.plan.routers import RULES as ROUTER_RULES

HEAD = """# Findings

Every rule that a declaration has to keep, made from the code by `make docs`; do not edit it by hand.
A finding says rule, place, what was found, what is expected, and what to do.
An **error** refuses the declaration at preview; a **warning** is said at every run and refuses nothing.
Examples are changes of the site in `Pulumi.dev.yaml`, as path below `site` and value:
`-` breaks the rule, `!` is what is then said, `+` is the same put right. One rule: `python3 -m underlay findings NAME`.
"""


def _sentences(reasons: Mapping[str, str]) -> dict[str, str]:
    return {name: f"{reason[0].upper()}{reason[1:]}." for name, reason in reasons.items()}


PLAIN = {
    "Findings about the stack and its keys": OTHERS,
    "Changes that a running cluster cannot follow": {
        name: f"At `{item.where}`: {item.reason}." for name, item in TRANSITIONS.items()
    },
    "What is found in a cluster before Cilium comes into it for the first time": _sentences(FIRST_RULES),
    "What is found in a cluster then, too; it cannot be waived": _sentences(NEVER_FIRST),
    "What is found on a node before anything is changed there": _sentences(NODE_RULES),
    "What is found where a node's settings and files are applied or compared; it cannot be waived": _sentences(
        {**KEPT, **SILENT}
    ),
    "What is found on a router before anything is changed there": _sentences(ROUTER_RULES),
    "What is found where a router's configuration is applied; it cannot be waived": _sentences(FOUND),
    "What is found where the cluster's policies are compared; it cannot be waived": _sentences(BY_HAND),
}
"""Findings without an example, by chapter: each name with its reason."""


def table() -> dict[str, dict[str, str]]:
    """Return every finding's name with its severity and reason, for programs."""
    rules = {name: (rule.severity, rule.reason) for name, rule in RULES.items()}
    shapes = {name: ("error", reading.reason) for name, reading in READING.items()}
    plain = {name: ("error", reason) for reasons in PLAIN.values() for name, reason in reasons.items()}
    return {
        name: {"severity": severity, "reason": reason}
        for name, (severity, reason) in sorted((rules | shapes | plain).items())
    }


def page(base: Mapping[str, Any]) -> str:
    """Return the page as Markdown; `base` is the plain site that the examples change."""
    chapters = [line for rules in _chapters() for line in _chapter(rules, base)]
    return "\n".join([HEAD, *chapters, *_shapes(base), *_plain()])


def entry(rule: Rule, base: Mapping[str, Any]) -> str:
    """Return what the page says about one rule."""
    said = [_said(finding) for finding in rule(declared(base, rule.bad))[:1]]
    return _entry(rule.name, f"{rule.severity}. {rule.reason}", rule.bad, said, rule.good)


def shape(name: str, base: Mapping[str, Any]) -> str:
    """Return what the page says about one mistake in the shape of a declaration."""
    reading = READING[name]
    try:
        load_site(changed(base, reading.bad))
        said = []
    except Refused as refused:
        said = [_said(finding) for finding in refused.findings]
    return _entry(name, f"error. {reading.reason}", reading.bad, said, reading.good)


def _shapes(base: Mapping[str, Any]) -> Iterator[str]:
    yield "## Mistakes in the shape of a declaration: told before any rule, all at once\n"
    yield from (shape(name, base) for name in READING)


def _plain() -> Iterator[str]:
    for title, reasons in PLAIN.items():
        yield f"## {title}\n"
        yield from (f"### {name}\n\nerror. {reason}\n" for name, reason in reasons.items())


def _entry(name: str, reason: str, bad: Example, said: list[str], good: Example) -> str:
    marked = {"-": lines(bad), "!": said, "+": lines(good)}
    block = [f"{mark} {line}" for mark, texts in marked.items() for line in texts]
    return "\n".join([f"### {name}\n", f"{reason}\n", "```diff", *block, "```\n"])


def _said(finding: Finding) -> str:
    return str(finding).partition("] ")[2]


def _chapters() -> Iterator[list[Rule]]:
    """Yield the rules of each module of checks."""
    rules = sorted(RULES.values(), key=lambda rule: (rule.check.__module__, rule.name))
    for _, group in groupby(rules, key=lambda rule: rule.check.__module__):
        yield list(group)


def _chapter(rules: list[Rule], base: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {(sys.modules[rules[0].check.__module__].__doc__ or '').partition('.')[0]}\n"
    yield from (entry(rule, base) for rule in rules)
