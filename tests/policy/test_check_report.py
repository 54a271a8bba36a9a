"""What the engine's events come to, in every form; undetermined is told apart from a violation everywhere."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from policy.check import report
from policy.check.engine import Run
from policy.check.verdict import Verdict, verdict
from policy.pack import POLICIES
from policy.strict import UNDETERMINED_MARK

RULE = "cilium-only-on-new-clusters"
URN = "urn:pulumi:check::net::underlay:cluster:Cluster::prod"


def event(message: str, level: str = "mandatory", rule: str = RULE) -> dict[str, Any]:
    told = {"policyName": rule, "message": f"Description.\n{message}", "enforcementLevel": level, "resourceUrn": URN}
    return {"policyEvent": told}


PASSED = {"policyAnalyzeSummaryEvent": {"passed": ["names-are-safe"]}}
VIOLATION = event("declares origin `existing`")
UNKNOWN = event(f"{UNDETERMINED_MARK}the value of origin is not known")
ADVICE = event("a tag", "advisory", "images-are-pinned-by-digest")
SKIPPED = {
    "policyEvent": {"policyName": "x", "message": "can't run policy 'x' during preview", "enforcementLevel": "advisory"}
}


def judged(*events: dict[str, Any], code: int = 0, text: str = "", config: dict[str, Any] | None = None) -> Verdict:
    return verdict("Pulumi.x.yaml", Run(code, [PASSED, *events], text), POLICIES, config or {}, [])


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (judged(), 0),
        (judged(ADVICE), 0),
        (judged(VIOLATION, code=1), 1),
        (judged(UNKNOWN, code=1), 2),
        (judged(UNKNOWN, VIOLATION, code=1), 1),
        (judged(SKIPPED), 2),
        (judged(code=255, text="a traceback"), 2),
        (verdict("x", Run(0, [], ""), POLICIES, {}, []), 2),
    ],
)
def test_the_code_says_clean_violations_or_could_not_judge(found: Verdict, code: int) -> None:
    assert (found.code, report.outcome([found])) == (code, code)


def test_violations_weigh_more_than_what_could_not_be_judged() -> None:
    assert report.outcome([judged(UNKNOWN, code=1), judged(VIOLATION, code=1), judged()]) == 1


def test_each_rule_has_one_answer() -> None:
    found = judged(UNKNOWN, ADVICE, code=1)
    assert found.rules[RULE] == "undetermined"
    assert found.rules["names-are-safe"] == "pass"
    assert found.rules["bgp-is-symmetrical"] == "not applicable"


def test_live_rules_that_did_not_apply_and_lowered_rules_are_said() -> None:
    found = judged(config={RULE: {"enforcementLevel": "advisory"}, "names-are-safe": "disabled"})
    assert "birth-is-recorded did not apply: only a cluster tells its facts, and none was asked" in found.notes
    assert f"the configuration lowers {RULE} to advisory" in found.notes
    assert "the configuration lowers names-are-safe to disabled" in found.notes


def test_junit_tells_failures_errors_and_skips_apart() -> None:
    other = event("plain text", rule="passwords-are-secrets")
    root = ET.fromstring(report.junit([judged(UNKNOWN, other, ADVICE, code=1)], POLICIES))  # noqa: S314 - our own text
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases[RULE] == ["error"]
    assert cases["passwords-are-secrets"] == ["failure"]
    assert cases["images-are-pinned-by-digest"] == ["system-out"]
    assert cases["bgp-is-symmetrical"] == ["skipped"]
    assert cases["names-are-safe"] == []
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("errors")) == ("1", "1")


def test_sarif_and_json_and_markdown_tell_them_apart_too() -> None:
    found = [judged(UNKNOWN, event("plain text", rule="passwords-are-secrets"), code=1)]
    results = json.loads(report.sarif(found, POLICIES))["runs"][0]["results"]
    assert [(one["ruleId"], one["kind"], one["level"]) for one in results] == [
        (RULE, "review", "none"),
        ("passwords-are-secrets", "fail", "error"),
    ]
    plain = json.loads(report.document(found, POLICIES))
    assert (plain["outcome"], plain["code"]) == ("violations", 1)
    assert plain["subjects"][0]["rules"][RULE] == "undetermined"
    assert f"| {RULE} | undetermined | mandatory | `underlay:cluster:Cluster::prod` |" in report.markdown(
        found, POLICIES
    )
    assert "undetermined [cilium-only" in report.table(found, POLICIES)
