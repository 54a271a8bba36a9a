"""The engine's program knows every command and option that the pages show of it."""

from __future__ import annotations

import subprocess

import pytest

from tests.policy.engine import PATH, needs_engine
from tests.unit.test_docs_commands import OPTION, PULUMI

pytestmark = [pytest.mark.engine, needs_engine]


@pytest.mark.parametrize("command", PULUMI)
def test_the_engine_knows_what_is_shown(command: str) -> None:
    settings = {"PATH": PATH, "HOME": "/nonexistent", "PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_DEBUG_COMMANDS": "true"}
    words = ["pulumi", *command.split(), "--help"]
    done = subprocess.run(words, env=settings, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    names = done.stdout.partition("Usage:\n")[2].partition("Available Commands:")[0].partition("Flags:")[0]
    assert command.rsplit(maxsplit=1)[-1] in names.replace(",", " ").split(), names
    assert PULUMI[command] <= set(OPTION.findall(done.stdout))
