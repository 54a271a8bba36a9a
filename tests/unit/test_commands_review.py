"""A preview that is made now takes the stack's file from where it lies, and leaves the repository's alone."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_report_page import event
from underlay.commands import review, stack_file
from underlay.commands.common import Failure

STACK = Path(__file__).parents[2] / "Pulumi.dev.yaml"


@pytest.mark.parametrize(
    ("file", "words"), [("/state/Pulumi.dev.yaml", ["--config-file", "/state/Pulumi.dev.yaml"]), ("", [])]
)
def test_the_stack_s_file_is_the_one_that_the_surroundings_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: str, words: list[str]
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "error: no such stack")

    monkeypatch.setenv("UNDERLAY_CONFIG_FILE", file)
    monkeypatch.setattr(subprocess, "run", run)
    assert review.main(["--stack", "dev"]) == 3
    assert "no such stack" in capsys.readouterr().err
    assert asked == [["pulumi", "preview", "--json", *words, "--non-interactive", "--stack", "dev"]]


def test_what_is_drawn_and_compared_is_the_file_that_is_previewed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "Pulumi.dev.yaml"
    elsewhere.write_text(STACK.read_text(encoding="utf-8"), encoding="utf-8")
    asked: list[Path] = []

    def read(path: Path) -> None:
        asked.append(path)
        raise Failure("seen")

    monkeypatch.setenv("UNDERLAY_CONFIG_FILE", str(elsewhere))
    monkeypatch.setattr(stack_file, "site", read)
    events = tmp_path / "events"
    events.write_text(event(), encoding="utf-8")
    review.main(["--stack", "dev", "--events", str(events), "--report", str(tmp_path)])
    assert asked == [elsewhere]
