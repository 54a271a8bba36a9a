"""The page of findings follows from the code, and one rule can be asked for by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from underlay.commands.common import Failure
from underlay.commands.findings import base, main
from underlay.plan.checks import RULES
from underlay.plan.checks.reading import READING
from underlay.report.rules import PLAIN, page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "findings.md"
ID = re.compile(r"[a-z]+(?:-[a-z0-9]+)+")
SAID = re.compile(rf"\[({ID.pattern})\] ")
MAKERS = {"Finding": 0, "Trouble": 0, "refuse_another_site": 0, "require_plain": 2, "Part": 1}
"""What is called with the id of a finding, and at which place."""


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


def sources() -> list[ast.Module]:
    files = [*(ROOT / "underlay").rglob("*.py"), *(ROOT / "components").rglob("*.py"), ROOT / "__main__.py"]
    return [ast.parse(file.read_text(encoding="utf-8")) for file in files]


def named(modules: list[ast.Module]) -> dict[str, set[str]]:
    """Return the ids that are constants, by name."""
    found: dict[str, set[str]] = {}
    for node in (node for module in modules for node in module.body if isinstance(node, ast.Assign)):
        pairs = [(node.targets[0], node.value)]
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(node.targets[0].elts, node.value.elts, strict=True))
        for name, value in pairs:
            if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and ID.fullmatch(str(value.value)):
                found.setdefault(name.id, set()).add(str(value.value))
    return found


def _parts(node: ast.AST) -> list[ast.expr]:
    """Return what says the id of a finding: an argument of what makes one, or what a text holds in brackets."""
    if isinstance(node, ast.Call) and (place := MAKERS.get(str(getattr(node.func, "id", "")))) is not None:
        return [*node.args[place : place + 1], *(word.value for word in node.keywords if word.arg == "rule")]
    if isinstance(node, ast.JoinedStr):
        opened = [isinstance(one, ast.Constant) and str(one.value).endswith("[") for one in node.values]
        after = zip(opened, node.values[1:], strict=False)
        return [one.value for yes, one in after if yes and isinstance(one, ast.FormattedValue)]
    return []


def ids(modules: list[ast.Module]) -> Iterator[str]:
    """Yield each id that a finding is made with, or that a line for people shows in brackets."""
    constants = named(modules)
    for node in (node for module in modules for node in ast.walk(module)):
        if isinstance(node, ast.Constant):
            yield from SAID.findall(str(node.value))
        for part in _parts(node):
            if isinstance(part, ast.Constant) and ID.fullmatch(str(part.value)):
                yield str(part.value)
            elif isinstance(part, ast.Name):
                yield from constants.get(part.id, ())


def test_every_id_that_anything_prints_is_on_the_page(text: str) -> None:
    found = set(ids(sources()))
    assert {
        "router-syntax-refused",
        "node-not-asked",
        "lineage-missing",
        "chart-missing",
        "host-key-malformed",
    } <= found
    assert sorted(one for one in found if f"### {one}\n" not in text) == []
