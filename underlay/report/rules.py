"""The page of all rules: why each exists, what breaks it, what is then said, and the same put right."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from underlay.plan.checks import RULES
from underlay.plan.checks.examples import declared, lines
from underlay.plan.checks.registry import Rule

HEAD = """# Findings

Every rule that a declaration has to keep, made from the code by `make docs`; do not edit it by hand.
A finding says rule, place, what was found, what is expected, and what to do.
An **error** refuses the declaration at preview; a **warning** is said at every run and refuses nothing.
Examples are changes of the site in `Pulumi.dev.yaml`, as path below `site` and value:
`-` breaks the rule, `!` is what is then said, `+` is the same put right. One rule: `python3 -m underlay findings NAME`.
"""


def page(base: Mapping[str, Any]) -> str:
    """Return the page as Markdown; `base` is the plain site that the examples change."""
    return "\n".join([HEAD, *(line for rules in _chapters() for line in _chapter(rules, base))])


def entry(rule: Rule, base: Mapping[str, Any]) -> str:
    """Return what the page says about one rule."""
    said = [str(finding).partition("] ")[2] for finding in rule(declared(base, rule.bad))[:1]]
    marked = {"-": lines(rule.bad), "!": said, "+": lines(rule.good)}
    block = [f"{mark} {line}" for mark, texts in marked.items() for line in texts]
    return "\n".join([f"### {rule.name}\n", f"{rule.severity}. {rule.reason}\n", "```diff", *block, "```\n"])


def _chapters() -> Iterator[list[Rule]]:
    """Yield the rules of each module of checks."""
    rules = sorted(RULES.values(), key=lambda rule: (rule.check.__module__, rule.name))
    for _, group in groupby(rules, key=lambda rule: rule.check.__module__):
        yield list(group)


def _chapter(rules: list[Rule], base: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {(sys.modules[rules[0].check.__module__].__doc__ or '').partition('.')[0]}\n"
    yield from (entry(rule, base) for rule in rules)
