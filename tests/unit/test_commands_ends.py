"""`python -m underlay ends`: what is rendered agrees; a router's own text is compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.plan_sites import site
from underlay.__main__ import main
from underlay.commands import ends, stack_file
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
def test_a_wrong_word_is_one_line_and_no_verdict(capsys: pytest.CaptureFixture[str], words: str) -> None:
    assert main(["ends", "--site", FILE, "--router", words]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_site_that_cannot_be_read_is_no_verdict() -> None:
    assert main(["ends", "--site", "/no/such/file"]) == 3


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_file_is_no_router_that_is_as_planned(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "empty").write_text(text)
    assert main(["ends", "--site", FILE, "--router", f"tor-a={tmp_path}/empty"]) == 3
    assert "is empty" in capsys.readouterr().err


def test_a_mistake_of_ours_is_no_verdict(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyError("sekret")

    monkeypatch.setattr(ends, "declared_ends", crash)
    assert main(["ends", "--site", FILE]) == 3
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("ends: the site could not be judged: KeyError")


def text_of(file: str) -> str:
    """Return what is rendered for tor-b of a site."""
    declared = stack_file.site(Path(file))
    return router_text(declared, declared.router("tor-b"))


HUAWEI = "not tried on a router"


def vrp(tmp_path: Path) -> str:
    """Return the dev site's file with a router of Huawei's."""
    path = tmp_path / "Pulumi.vrp.yaml"
    lines = "platform: {}\n        asn: 65102\n        managed: {}"
    path.write_text(Path(FILE).read_text().replace(lines.format("bird", "true"), lines.format("vrp", "false")))
    return str(path)


def test_a_saved_text_of_huawei_s_is_compared_and_said_to_be_untried(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file, saved = vrp(tmp_path), tmp_path / "tor-b.cfg"
    assert main(["ends", "--site", file]) == 0
    told = capsys.readouterr().out.splitlines()
    assert (told[0].split(":")[0], HUAWEI in told[0]) == ("tor-b", True)
    assert told[1:] == ["7 sessions: 0 differences, 0 not understood"]
    rendered = text_of(file)
    saved.write_text(rendered.replace("as-number 65010", "as-number 65009").replace(PASSWORD_MARK, "%^%#x$y%^%#"))
    assert main(["ends", "--site", file, "--router", f"tor-b={saved}"]) == 1
    assert "tor-b expects AS 65009 of worker-2, which has AS 65010" in capsys.readouterr().out.splitlines()
