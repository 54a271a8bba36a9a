"""The document for machines: the committed schema is the code's, every verdict fits it, and its digest is its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from lab.paths import repo
from tests.unit import judge_faults as made
from tests.unit import test_judge_causes, test_judge_missing
from tests.unit import test_judge_recorded as recorded
from tests.unit.judge_faults import W1
from tests.unit.judge_site import healthy, verdict
from underlay.commands import verify
from underlay.report.document import SCHEMA, Report, age, digest, document, schema, summary

Change = Callable[[dict[str, Any]], object]


def on_a_node(change: Change) -> Change:
    return lambda evidence: change(evidence["nodes"][W1])


CHANGES = [case[0] for case in test_judge_causes.CASES + recorded.CAUSES] + [case[0] for case in recorded.CHECKS]
CASES: dict[str, Change] = {
    "healthy": lambda _: None,
    **{change.__name__: change for change in CHANGES},
    **{f"{rule}: {name}": on_a_node(change) for rule, name, change, _ in test_judge_missing.CASES},
}
"""Every change of the healthy site's evidence that a test of the judge is about."""


def broken() -> dict[str, Any]:
    evidence = healthy()
    made.forwarding_off(evidence)
    return document(verdict(evidence))


def test_the_committed_schema_is_the_codes() -> None:
    assert (repo() / SCHEMA).read_text(encoding="utf-8") == schema(), "run `python -m underlay.report.document`"


@pytest.fixture(scope="module")
def committed() -> Draft202012Validator:
    content = json.loads((repo() / SCHEMA).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content)


@pytest.mark.parametrize("case", CASES)
def test_every_verdict_fits_the_committed_schema_whole_and_shortened(
    committed: Draft202012Validator, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    evidence = healthy()
    CASES[case](evidence)
    found = verdict(evidence)
    monkeypatch.setattr(verify, "LONGEST", len(json.dumps(document(found))) - 1)
    whole, short = json.loads(json.dumps(document(found))), json.loads(verify._short(found))
    for content in (whole, short):
        assert [error.message for error in committed.iter_errors(content)] == []
        Report.model_validate_json(json.dumps(content))
    assert "left_out" not in whole
    assert sum(short["left_out"].values()) > 0
    assert short["digest"] == whole["digest"]


@pytest.mark.parametrize("change", [{"schema": 2}, {"status": "fine"}, {"more": 1}, {"digest": "x"}])
def test_a_document_that_is_none_is_refused(committed: Draft202012Validator, change: dict[str, Any]) -> None:
    assert list(committed.iter_errors(broken() | change)) != []
    with pytest.raises(ValidationError):
        Report.model_validate_json(json.dumps(broken() | change))


def test_the_digest_is_of_everything_else() -> None:
    content = broken()
    assert digest(content) == content["digest"]
    assert digest(content | {"notes": ["changed"]}) != content["digest"]


def test_the_stack_keeps_status_time_and_digest() -> None:
    content = broken()
    kept = summary(json.dumps(content))
    assert kept == {"status": "fail", "taken": "2026-01-02T03:04:05+00:00", "digest": content["digest"]}
    for text in (None, "", "{}", "[]", "no JSON"):
        assert summary(text) == {"status": "error", "taken": "", "digest": ""}


def test_an_age_is_said_in_words() -> None:
    now = datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC)
    assert age("2026-01-02T03:04:05+00:00", now) == "60 minutes old"
    assert age("2026-01-02T04:04:00+00:00", now) == "5 seconds old"
    assert age("2025-12-30T04:04:05+00:00", now) == "3 days old"
    assert age("", now) == "of unknown age"
