"""The rules' page says what the code says."""

from __future__ import annotations

from policy.pages import page
from policy.strict import PAGE
from tests.policy.engine import ROOT


def test_the_page_is_made_from_the_rules() -> None:
    written = (ROOT / PAGE).read_text(encoding="utf-8")
    assert written == page(), f"run: python -m policy.pages > {PAGE}"
