"""What others have said of a preview: refused declarations, warnings, waivers, policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from underlay.report.page import Block, Items, Table, Words, rule_link
from underlay.report.review.preview import Policy, Preview

FINDING = re.compile(r"\[(?P<rule>[a-z0-9]+(?:-[a-z0-9]+)+)\] (?P<text>[^\n]*)")
WAIVED = re.compile(r"(?P<who>waived until [^\n]*?): \[")


class Said(NamedTuple):
    """One finding, as the program told it."""

    rule: str
    text: str
    waived: str


@dataclass(frozen=True)
class Judged:
    """Findings and policies of one preview."""

    errors: Sequence[Said]
    warnings: Sequence[Said]
    failures: Sequence[str]
    """Errors that name no rule."""
    policies: Sequence[Policy]
    judged: bool
    """Whether the pack was asked at all."""

    @property
    def stops(self) -> list[Policy]:
        """Return what of the policies stops an update."""
        return [one for one in self.policies if one.level == "mandatory"]


def judged(preview: Preview, checked: str = "") -> Judged:
    """Return what was said in a preview and, if it is there, in the JSON of `underlay policy`."""
    told = {
        severity: [one.text for one in preview.told if one.severity == severity] for severity in ("error", "warning")
    }
    found = [*preview.policies, *_checked(checked)]
    return Judged(
        errors=_found(told["error"]),
        warnings=_found(told["warning"]),
        failures=[text.splitlines()[0] for text in told["error"] if text and not FINDING.search(text)],
        policies=list(dict.fromkeys(found)),
        judged=preview.judged or bool(checked),
    )


def _found(texts: Sequence[str]) -> list[Said]:
    found = []
    for line in (line for text in texts for line in text.splitlines()):
        if match := FINDING.search(line):
            who = WAIVED.search(line)
            found.append(Said(match["rule"], match["text"].strip(), who["who"] if who else ""))
    return list(dict.fromkeys(found))


def _checked(text: str) -> Iterator[Policy]:
    """Yield what the policy check's own document says; ValueError where it is none."""
    if not text:
        return
    content = json.loads(text)
    if not isinstance(content, Mapping):
        raise ValueError("it holds no JSON object")  # noqa: TRY004 - what cannot be read is one kind of failure
    for subject in content.get("subjects") or ():
        for one in subject.get("findings") or ():
            resource = str(one.get("resource", "")).rpartition("::")[2]
            text_of = f"{one.get('answer')}: {one.get('message')}"
            yield Policy(str(one.get("rule")), str(one.get("level")), resource, text_of)


def findings_blocks(found: Judged) -> list[Block]:
    """Return the findings, each with a link to its explanation."""
    rows = [(rule_link(one.rule), one.text, "refused") for one in found.errors]
    rows += [(rule_link(one.rule), one.text, one.waived or "warning") for one in found.warnings]
    blocks: list[Block] = [Table(("rule", "what, where, and what to do", "so"), rows)] if rows else []
    blocks += [Items(found.failures)] if found.failures else []
    return blocks or [Words("Nothing is wrong with the declaration, and no waiver is in force.")]


def policy_blocks(found: Judged) -> list[Block]:
    """Return what the policies say."""
    if not found.judged:
        return [
            Words(
                "The pack was not asked. Preview with --policy-pack policy, or give the check's result: "
                "--policy build/policy/policy.json."
            )
        ]
    if not found.policies:
        return [Words("The pack was asked, and no policy says a word against it.")]
    rows = [(one.name, one.level, one.resource, " ".join(one.text.split())) for one in found.policies]
    return [Table(("policy", "level", "resource", "what it says"), rows)]
