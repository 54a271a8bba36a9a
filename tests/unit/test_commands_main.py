"""`python3 -m underlay`: every command exists, every failure is one message without a traceback."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from underlay.__main__ import COMMANDS


def underlay(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "underlay", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(COMMANDS[name]).main)


@pytest.mark.parametrize("words", [(), ("frobnicate",)])
def test_an_unknown_command_is_answered_with_the_known_ones(words: tuple[str, ...]) -> None:
    done = underlay(*words)
    assert done.returncode == 2
    assert done.stderr == f"usage: python3 -m underlay {{{','.join(COMMANDS)}}}\n"


@pytest.mark.parametrize("stdin", ["", "{", "[]"])
@pytest.mark.parametrize("name", ["install", "wait-cilium", "wait-sessions"])
def test_input_that_is_no_json_object_is_one_line(name: str, stdin: str) -> None:
    done = underlay(name, stdin=stdin)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: standard input is not ")
    assert done.stderr.count("\n") == 1
