"""Recovery removes what a killed update left, says so, and leaves a living update and a whole stack alone."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from tests.unit.killed_stack import Engine, repair
from underlay.commands import recover
from underlay.commands.common import Failure

DEAD = 2**22 + 1
"""A process number that the kernel never gives."""


def lock(folder: Path, process: int, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder / ".pulumi/locks/organization/cilium-underlay/dev"
    place.mkdir(parents=True)
    (place / "x.json").write_text(json.dumps({"pid": process, "hostname": host}), encoding="utf-8")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{folder}")


def test_a_whole_stack_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    assert repair(monkeypatch, engine) == []
    assert engine.asked == ["stack export --show-secrets"]


def test_the_lock_of_a_dead_process_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, DEAD, socket.gethostname(), monkeypatch)
    engine = Engine()
    assert repair(monkeypatch, engine) == [f"the lock of process {DEAD}, which is gone, was removed"]
    assert engine.asked[0] == "cancel --yes --stack dev"


def test_a_living_update_is_not_disturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, os.getpid(), socket.gethostname(), monkeypatch)
    monkeypatch.setattr(recover, "_is_pulumi", lambda process: process == os.getpid())
    with pytest.raises(Failure, match=f"is being changed by process {os.getpid()}"):
        repair(monkeypatch, Engine())


def test_a_lock_of_another_machine_stays_and_the_way_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(tmp_path, DEAD, "ci-runner-17", monkeypatch)
    with pytest.raises(Failure, match=r"ci-runner-17; wait for it to end; if it is gone, `pulumi cancel --stack dev`$"):
        repair(monkeypatch, Engine())


def test_a_stack_by_its_full_name_has_the_same_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, DEAD, socket.gethostname(), monkeypatch)
    monkeypatch.setattr(recover, "_pulumi", Engine())
    assert [*recover.unlock("organization/cilium-underlay/dev")] == [
        f"the lock of process {DEAD}, which is gone, was removed"
    ]


def test_locks_of_other_projects_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, DEAD, socket.gethostname(), monkeypatch)
    (tmp_path / ".pulumi/locks/organization/cilium-underlay").rename(tmp_path / ".pulumi/locks/organization/other")
    assert repair(monkeypatch, Engine()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x", "hostname": "h"}', '{"pid": 7}'])
def test_a_lock_that_says_nothing_readable_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    lock(tmp_path, DEAD, socket.gethostname(), monkeypatch)
    (tmp_path / ".pulumi/locks/organization/cilium-underlay/dev/x.json").write_text(text, encoding="utf-8")
    engine = Engine()
    assert repair(monkeypatch, engine) == ["the lock x.json, which is not readable, was removed"]
    assert engine.asked[0] == "cancel --yes --stack dev"


def test_a_dead_lock_beside_a_living_one_disturbs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, DEAD, socket.gethostname(), monkeypatch)
    living = json.dumps({"pid": os.getpid(), "hostname": socket.gethostname()})
    (tmp_path / ".pulumi/locks/organization/cilium-underlay/dev/y.json").write_text(living, encoding="utf-8")
    monkeypatch.setattr(recover, "_is_pulumi", lambda process: process == os.getpid())
    engine = Engine()
    with pytest.raises(Failure, match="is being changed by process"):
        repair(monkeypatch, engine)
    assert engine.asked == []


def test_a_backend_below_the_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path / "state", DEAD, socket.gethostname(), monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file://~/state?no_tmp_dir=true")
    assert repair(monkeypatch, Engine()) == [f"the lock of process {DEAD}, which is gone, was removed"]


def engine_that_says(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\necho 'error: {text}' >&2\nexit 255\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_a_lock_that_the_engine_does_not_remove_is_not_said_to_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(tmp_path, DEAD, socket.gethostname(), monkeypatch)
    engine_that_says(tmp_path, "passphrase must be set", monkeypatch)
    steps = recover.repair("dev")
    with pytest.raises(Failure, match="`pulumi cancel --yes --stack dev` fails: error: passphrase must be set"):
        next(steps)


@pytest.mark.parametrize("text", ["no stack selected; please use `pulumi stack select`", "no stack named dev found"])
def test_an_engine_without_a_stack_is_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    engine_that_says(tmp_path, text.replace("`", ""), monkeypatch)
    assert recover.main([]) == 0


def test_an_engine_that_cannot_answer_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_that_says(tmp_path, "unable to open state directory", monkeypatch)
    with pytest.raises(Failure, match="unable to open state directory"):
        recover.main([])
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Failure, match="the program pulumi cannot be run: No such file or directory"):
        recover.main([])


def test_unfinished_operations_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(unfinished=("command:local:Command", "command:remote:Command"))
    assert repair(monkeypatch, engine) == ["2 unfinished operations were forgotten; the next update does them again"]
    assert "pending_operations" not in engine.state["deployment"]
    assert len(engine.state["deployment"]["resources"]) == 2


@pytest.mark.parametrize(("kind", "noted"), [(recover.RELEASES, 0), ("command:local:Command", 300)])
def test_a_release_that_was_being_changed_differs_from_every_declaration(
    monkeypatch: pytest.MonkeyPatch, kind: str, noted: int
) -> None:
    engine = Engine(unfinished=(kind,), operation="updating")
    repair(monkeypatch, engine)
    assert engine.state["deployment"]["resources"][1] == {
        "type": recover.RELEASES,
        "inputs": {"timeout": noted},
        "outputs": {"timeout": noted},
    }


def test_no_stack_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(recover, "_pulumi", lambda *_: "")
    assert recover.main([]) == 0
    assert capsys.readouterr() == ("", "")
