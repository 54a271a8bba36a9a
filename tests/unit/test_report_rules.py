"""The page of findings follows from the code, and one rule can be asked for by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from underlay.commands.common import Failure
from underlay.commands.findings import base, main
from underlay.plan.checks import RULES
from underlay.plan.checks.reading import READING
from underlay.report.rules import PLAIN, page

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"


@pytest.fixture(scope="module")
def text() -> str:
    return page(base())


def test_the_committed_page_is_the_one_that_the_code_makes(text: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == text, "run `make docs`"


def test_the_page_names_every_rule(text: str) -> None:
    assert [name for name in RULES if f"### {name}\n" not in text] == []


def test_a_rule_is_explained_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pod-mask-outside-pool"]) == 0
    said = capsys.readouterr().out
    assert "addresses.pods.mask: 31" in said
    assert "expected a length from 16" in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("site-key-unknown", "Did you mean out_of_band?"),
        ("waiver-not-possible", "nothing follows from the site"),
        ("transition-pod-mask", "site.addresses.pods.mask"),
    ],
)
def test_findings_outside_the_table_are_explained_too(name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name]) == 0
    assert text in capsys.readouterr().out


def test_a_rule_that_does_not_exist_is_told() -> None:
    with pytest.raises(Failure, match="no rule is called no-such-rule"):
        main(["no-such-rule"])


def test_one_name_is_one_rule() -> None:
    names = [*RULES, *READING, *(name for reasons in PLAIN.values() for name in reasons)]
    assert sorted({name for name in names if names.count(name) > 1}) == []
