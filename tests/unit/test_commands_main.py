"""`python3 -m underlay`: every command exists, every failure is one message without a traceback."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.plan_sites import dev, put
from underlay.__main__ import COMMANDS, main, module, usage

BY_JSON = ("install", "lineage", "wait-cilium", "wait-sessions")


def underlay(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "underlay", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(module(name)).main)


@pytest.mark.parametrize("words", [(), ("frobnicate",)])
def test_an_unknown_command_is_answered_with_the_known_ones(words: tuple[str, ...]) -> None:
    done = underlay(*words)
    assert done.returncode == 2
    assert done.stderr == f"{usage()}\n"
    assert [name for name in COMMANDS if f"\n  {name} " not in done.stderr] == []


@pytest.mark.parametrize("stdin", ["", "{", "[]"])
@pytest.mark.parametrize("name", BY_JSON)
def test_input_that_is_no_json_object_is_one_line(name: str, stdin: str) -> None:
    done = underlay(name, stdin=stdin)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: standard input is not ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", BY_JSON)
def test_input_that_lacks_keys_is_one_line(name: str) -> None:
    done = underlay(name, stdin="{}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"{name}: standard input lacks ")


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_no_failure(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        sys.exit(main([*filter(None, [name]), "--help"]))
    assert "usage: " in capsys.readouterr().out


def test_a_word_that_nobody_reads_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["recover", "--stack", "dev"])
    assert "unrecognized arguments: --stack dev" in capsys.readouterr().err


BYTES = ["paths --site", "render", "render Pulumi.dev.yaml --running", "birth --kubeconfig"]


@pytest.mark.parametrize("words", BYTES)
@pytest.mark.parametrize(
    ("content", "said"), [(b"\xff\xfe", "is not UTF-8 at byte 0"), (None, "cannot be read: Is a d")]
)
def test_a_file_that_is_no_text_is_one_line(
    words: str, content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file" if content else tmp_path
    if content:
        file.write_bytes(content)
    chart = ["--chart", str(tmp_path)] if words.startswith("render") else []
    assert main([*words.split(), str(file), *chart]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"), [(["verify"], 3), (["drift"], 3), (["why", "10.0.0.1"], 3)], ids=["verify", "drift", "why"]
)
def test_an_input_that_cannot_be_had_is_no_verdict(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main([*words, "--stack", "dev"]) == code
    assert "the program pulumi cannot be run: No such file or directory" in capsys.readouterr().err
    assert main([*words, "--input", str(tmp_path)]) == code
    assert f"{tmp_path} cannot be read: Is a directory" in capsys.readouterr().err


def test_a_release_of_the_installer_is_not_rendered_and_nothing_of_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = tmp_path / "Pulumi.other.yaml"
    stack.write_text(yaml.safe_dump({"config": {"cilium-underlay:site": dev(put("cilium.owner", "installer"))}}))
    assert main(["render", str(stack), "--running", str(tmp_path / "nowhere")]) == 0
    said = capsys.readouterr()
    assert said.out == "nothing to say\n"
    assert "the vendor's installer owns Cilium, so nothing is rendered" in said.err
