"""A preview that is made now takes the stack's file from where it lies, and leaves the repository's alone."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from underlay.commands import review
from underlay.commands.common import Failure


@pytest.mark.parametrize(
    ("file", "words"), [("/state/Pulumi.dev.yaml", ["--config-file", "/state/Pulumi.dev.yaml"]), ("", [])]
)
def test_the_stack_s_file_is_the_one_that_the_surroundings_name(
    monkeypatch: pytest.MonkeyPatch, file: str, words: list[str]
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 1, "", "error: no such stack")

    monkeypatch.setenv("UNDERLAY_CONFIG_FILE", file)
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(Failure, match="no such stack"):
        review.main(["--stack", "dev"])
    assert asked[0][: 6 + len(words)] == ["pulumi", "preview", "--json", "--non-interactive", "--stack", "dev", *words]
