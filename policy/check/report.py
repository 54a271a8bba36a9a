"""The verdict for people and machines: a table, Markdown, JSON, JUnit and SARIF; no value of a secret is in any."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from pulumi_policy import Policy

from ..strict import Answer
from .verdict import UNJUDGED, WORDS, Finding, Verdict

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
SIGNS = {
    "pass": "ok",
    "no violation": "ok",
    "not applicable": "-",
    "violation": "VIOLATION",
    "undetermined": "UNDETERMINED",
}


def table(verdicts: list[Verdict], policies: list[Policy]) -> str:
    """Return what people read in a terminal."""
    lines = []
    for one in verdicts:
        lines.append(f"{one.subject}: {WORDS[one.code]}")
        width = max((len(policy.name) for policy in policies), default=0)
        lines += [f"  {policy.name:<{width}}  {_sign(one, policy)}" for policy in policies]
        lines += [f"  {_word(item)} [{item.rule}] {_name(item.resource)}: {item.message}" for item in one.findings]
        lines += [f"  note: {note}" for note in one.notes]
        lines += [f"  could not judge everything: {one.error}"] if one.error else []
    return "\n".join(lines)


def _word(item: Finding) -> str:
    return item.answer if item.stops else "advice"


def _sign(one: Verdict, policy: Policy) -> str:
    answer = one.rules[policy.name]
    advice = answer == Answer.VIOLATION.value and not any(
        item.stops for item in one.findings if item.rule == policy.name
    )
    return "advice" if advice else SIGNS[answer]


def markdown(verdicts: list[Verdict], policies: list[Policy]) -> str:
    """Return what a pull request's comment shows."""
    parts = []
    for one in verdicts:
        counts = {answer: list(one.rules.values()).count(answer) for answer in dict.fromkeys(one.rules.values())}
        parts.append(f"## Policy check of `{one.subject}`: {WORDS[one.code]}\n")
        parts.append(f"{len(policies)} rules: " + ", ".join(f"{count} {name}" for name, count in counts.items()) + "\n")
        if one.findings:
            parts.append("| rule | answer | level | resource | what and how to mend it |\n|---|---|---|---|---|")
            parts += [
                f"| {item.rule} | {_word(item)} | {item.level} | `{_name(item.resource)}` | {_cell(item.message)} |"
                for item in one.findings
            ]
        parts += [f"\n- {_cell(note)}" for note in one.notes]
        parts += [f"\n**Could not judge everything:** {_cell(one.error)}"] if one.error else []
    return "\n".join(parts) + "\n"


def junit(verdicts: list[Verdict], policies: list[Policy]) -> str:
    """Return one test suite a subject and one test case a rule; undetermined is an error, not applicable is skipped."""
    root = ET.Element("testsuites", name="policy")
    for one in verdicts:
        suite = ET.SubElement(root, "testsuite", name=one.subject, tests=str(len(policies)))
        for policy in policies:
            _case(suite, one, policy)
        if one.error:
            case = ET.SubElement(suite, "testcase", classname="policy", name="engine")
            ET.SubElement(case, "error", message="could not judge everything").text = one.error
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(kind, str(len(suite.findall(f"testcase/{tag}"))))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, one: Verdict, policy: Policy) -> None:
    case = ET.SubElement(suite, "testcase", classname="policy", name=policy.name)
    said = [item for item in one.findings if item.rule == policy.name]
    text = "\n".join(f"{_name(item.resource)}: {item.message}" for item in said)
    stops = any(item.stops for item in said)
    answer = one.rules[policy.name]
    if said and not stops:
        ET.SubElement(case, "system-out").text = text
    elif answer == Answer.VIOLATION.value:
        ET.SubElement(case, "failure", message=policy.description).text = text
    elif answer == Answer.UNDETERMINED.value:
        ET.SubElement(case, "error", message="undetermined").text = text
    elif answer == Answer.NOT_APPLICABLE.value:
        ET.SubElement(case, "skipped", message="not applicable")


def sarif(verdicts: list[Verdict], policies: list[Policy]) -> str:
    """Return the findings in the form that code hosts show beside lines; the place is the stack's file."""
    rules = [
        {
            "id": policy.name,
            "shortDescription": {"text": policy.description},
            "help": {"text": policy.remediation_steps or policy.description},
        }
        for policy in policies
    ]
    results: list[dict[str, Any]] = [
        {
            "ruleId": item.rule,
            "kind": "fail" if item.answer == Answer.VIOLATION.value else "review",
            "level": _level(item),
            "message": {"text": f"{_name(item.resource)}: {item.message}"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": one.subject}}}],
        }
        for one in verdicts
        for item in one.findings
    ]
    run = {"tool": {"driver": {"name": "policy", "rules": rules}}, "results": results}
    return json.dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _level(item: Finding) -> str:
    """Return a finding's level; the form allows one only for what fails."""
    if item.answer != Answer.VIOLATION.value:
        return "none"
    return "error" if item.stops else "note"


def document(verdicts: list[Verdict], _policies: list[Policy]) -> str:
    """Return everything as JSON."""
    code = outcome(verdicts)
    plain = {"outcome": WORDS[code], "code": code, "subjects": [one.plain() for one in verdicts]}
    return json.dumps(plain, indent=2) + "\n"


def outcome(verdicts: list[Verdict]) -> int:
    """Return the code of all: violations weigh more than what could not be judged."""
    codes = {one.code for one in verdicts}
    return min(codes - {0}, default=0) if codes else UNJUDGED


FORMS: dict[str, Callable[[list[Verdict], list[Policy]], str]] = {
    "policy.json": document,
    "policy.xml": junit,
    "policy.sarif": sarif,
    "policy.md": markdown,
}


def write(folder: Path, verdicts: list[Verdict], policies: list[Policy]) -> None:
    """Write every form into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, form in FORMS.items():
        (folder / name).write_text(form(verdicts, policies), encoding="utf-8")


def _name(urn: str) -> str:
    return urn.partition("::")[2].partition("::")[2].rpartition("$")[2] or urn


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
