"""`python -m underlay ends`: what is rendered agrees; a router's own text is compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.plan_sites import site
from underlay.__main__ import main
from underlay.plan.routers import PASSWORD_MARK, router_text

FILE = str(Path(__file__).parents[2] / "Pulumi.dev.yaml")


def given(tmp_path: Path, old: str = "", new: str = "") -> str:
    """Return the words for tor-a's text as it runs, with its password and one change."""
    path = tmp_path / "tor-a.conf"
    path.write_text(router_text(site(), site().router("tor-a")).replace(PASSWORD_MARK, "sesame").replace(old, new))
    return f"tor-a={path}"


def test_the_rendered_ends_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ends", "--site", FILE]) == 0
    assert capsys.readouterr().out == "7 sessions: 0 differences, 0 not understood\n"


def test_a_router_s_own_text_is_compared(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["ends", "--site", FILE, "--router", given(tmp_path)]) == 0
    words = ["ends", "--json", "--site", FILE, "--router", given(tmp_path, "timers 3 9", "timers 3 30")]
    capsys.readouterr()
    assert main(words) == 1
    found = json.loads(capsys.readouterr().out)["differences"]
    assert {one["wrong"] for one in found} == {"tor-a"}
    assert found[0]["sentence"] == "tor-a proposes 30 s of hold time to cp-1; planned 9 s"


@pytest.mark.parametrize("words", ["tor-z=x", "tor-a", "tor-a=/no/such/file"])
def test_a_wrong_word_is_one_line(capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert main(["ends", "--site", FILE, "--router", words]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
