"""The document for machines: the committed schema is the code's, every verdict fits it, and its digest is its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from lab.paths import repo
from tests.unit import judge_faults as made
from tests.unit.judge_site import healthy, verdict
from underlay.report.document import SCHEMA, Report, age, digest, document, schema, summary


def broken() -> dict[str, Any]:
    evidence = healthy()
    made.forwarding_off(evidence)
    return document(verdict(evidence))


def test_the_committed_schema_is_the_codes() -> None:
    assert (repo() / SCHEMA).read_text(encoding="utf-8") == schema(), "run `python -m underlay.report.document`"


@pytest.mark.parametrize("content", [document(verdict(healthy())), broken()], ids=["healthy", "broken"])
def test_every_verdict_fits_the_schema(content: dict[str, Any]) -> None:
    Report.model_validate_json(json.dumps(content))


@pytest.mark.parametrize("change", [{"schema": 2}, {"status": "fine"}, {"more": 1}, {"digest": "x"}])
def test_a_document_that_is_none_is_refused(change: dict[str, Any]) -> None:
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
