"""`python3 -m underlay`: every command exists, every failure is one message without a traceback."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lab.paths import repo
from tests.unit.plan_sites import dev, put
from tests.unit.test_report_page import event
from underlay.__main__ import COMMANDS, main, module, usage
from underlay.commands.ending import UNREAD

BY_JSON = ("install", "lineage", "wait-cilium", "wait-sessions")


def underlay(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "underlay", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_main(name: str) -> None:
    assert callable(importlib.import_module(module(name)).main)


@pytest.mark.parametrize(
    ("words", "last"),
    [
        ((), ""),
        (("frobnicate",), "underlay: no command is called 'frobnicate'\n"),
        (("verfy",), "underlay: no command is called 'verfy'; perhaps verify is meant\n"),
    ],
)
def test_an_unknown_command_is_answered_with_the_known_ones(words: tuple[str, ...], last: str) -> None:
    done = underlay(*words)
    assert done.returncode == 2
    assert done.stderr == f"{usage()}\n{last}"
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


SITE = f"--site {repo() / 'Pulumi.production.yaml'}"
PRINTING = [
    "--help",
    "findings",
    "findings --json",
    "schema page",
    f"paths {SITE}",
    f"paths {SITE} --json",
    f"ends {SITE}",
]


@pytest.mark.parametrize("words", PRINTING)
def test_a_reader_who_leaves_is_no_accident(words: str) -> None:
    near, far = os.pipe()
    os.close(near)
    try:
        command = [sys.executable, "-m", "underlay", *words.split()]
        done = subprocess.run(command, stdout=far, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    finally:
        os.close(far)
    assert (done.returncode, done.stderr) == (UNREAD, "")


@pytest.mark.parametrize("words", PRINTING)
def test_output_that_cannot_be_written_is_one_line(words: str) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "underlay", *words.split()]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    ["pictures --site Pulumi.dev.yaml", "review --events {events} --site Pulumi.dev.yaml"],
    ids=("plain", "judged"),
)
def test_a_place_that_cannot_be_written_is_one_line_and_no_verdict(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "events").write_text(event(), encoding="utf-8")
    (tmp_path / "taken").touch()
    line = words.format(events=tmp_path / "events")
    assert main([*line.split(), "--report", str(tmp_path / "taken" / "out")]) in {1, 3}
    assert capsys.readouterr().err.endswith("taken/out cannot be written: Not a directory\n")


def test_an_accident_of_ours_is_one_line_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("underlay.commands.paths.document", "no function")
    assert main(["paths", "--site", "Pulumi.dev.yaml", "--json"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("paths: unexpected TypeError at underlay/commands/paths.py:")
    assert said.count("\n") == 1


def test_a_rule_that_does_not_exist_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "pod-pool-overlaps-servce-range"]) == 1
    assert "perhaps pod-pool-overlaps-service-range is meant" in capsys.readouterr().err


def test_every_finding_is_there_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["findings", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    page = (repo() / "docs/findings.md").read_text(encoding="utf-8")
    assert sorted(told) == sorted(re.findall(r"^### (.+)$", page, re.MULTILINE))
    assert {one["severity"] for one in told.values()} == {"error", "warning"}


def test_a_release_of_the_installer_is_not_rendered_and_nothing_of_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack = tmp_path / "Pulumi.other.yaml"
    stack.write_text(yaml.safe_dump({"config": {"cilium-underlay:site": dev(put("cilium.owner", "installer"))}}))
    assert main(["render", str(stack), "--running", str(tmp_path / "nowhere")]) == 0
    said = capsys.readouterr()
    assert said.out == "nothing to say\n"
    assert "the vendor's installer owns Cilium, so nothing is rendered" in said.err
