"""The verdict as test results, for whatever shows those of a pipeline."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from underlay.judge.verdict import Check, Status, Verdict
from underlay.report.columns import harmless

TAGS = {Status.FAIL: "failure", Status.ERROR: "error", Status.SKIPPED: "skipped"}


def junit(verdict: Verdict, run: str) -> str:
    """Return one test case a check, a cause and a loss; what could not be judged is an error."""
    counts = {"tests": len(verdict.checks) + len(verdict.causes) + len(verdict.lost)}
    counts["failures"] = len(verdict.of(Status.FAIL)) + len(verdict.causes) + len(verdict.lost)
    counts |= {"errors": len(verdict.of(Status.ERROR)), "skipped": len(verdict.of(Status.SKIPPED))}
    root = ET.Element("testsuites", {"name": "underlay"})
    totals = {key: str(value) for key, value in counts.items()}
    told = {"name": harmless(verdict.site), "timestamp": verdict.taken.isoformat(timespec="seconds"), **totals}
    suite = ET.SubElement(root, "testsuite", {**told, "time": f"{verdict.seconds:.1f}"})
    ET.SubElement(ET.SubElement(suite, "properties"), "property", {"name": "run", "value": run})
    for check in verdict.checks:
        _check(suite, check)
    for cause in verdict.causes:
        _failure(suite, f"cause.{cause.rule}", cause.where, cause.sentence, "\n".join((*cause.witnesses, cause.fix)))
    for lost in verdict.lost:
        _failure(suite, "lost", f"{lost.source} to {lost.target}", lost.found, lost.last_seen)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _check(suite: ET.Element, check: Check) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": check.rule, "name": harmless(check.where)})
    if tag := TAGS.get(check.status):
        made = ET.SubElement(case, tag, {"message": harmless(check.found)})
        made.text = harmless(f"expected {check.expected}. {check.fix}" if check.expected else check.fix)


def _failure(suite: ET.Element, kind: str, name: str, message: str, text: str) -> None:
    case = ET.SubElement(suite, "testcase", {"classname": kind, "name": harmless(name)})
    made = ET.SubElement(case, "failure", {"message": harmless(message)})
    made.text = "\n".join(map(harmless, text.splitlines()))
