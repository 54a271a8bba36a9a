"""Numbers that pages repeat from data are the data's."""

from __future__ import annotations

import pytest

from lab.paths import repo
from tests.lab.faults.table import faults
from underlay.plan.prerequisites import RULES


@pytest.mark.parametrize(("page", "words"), [("README.md", "in {} ways"), ("CHANGELOG.md", "Fault table: {} faults")])
def test_a_page_tells_the_fault_table_s_size(page: str, words: str) -> None:
    assert words.format(len(faults())) in (repo() / page).read_text(encoding="utf-8")


def test_a_page_tells_how_many_rules_a_preflight_has() -> None:
    assert f"Of the {len(RULES)} rules of a node's preflight" in (repo() / "docs/lab.md").read_text(encoding="utf-8")
