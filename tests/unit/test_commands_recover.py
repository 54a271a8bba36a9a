"""Recovery removes what a killed update left, says so, and leaves a living update and a whole stack alone."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.commands_api import Table, api_server
from underlay.commands import recover
from underlay.commands.common import Failure

DEAD = 2**22 + 1
"""A process number that the kernel never gives."""


class Engine:
    """Answers like the engine's program, with a state of one stack."""

    def __init__(
        self,
        kubeconfig: str = "",
        *,
        released: bool = True,
        unfinished: tuple[str, ...] = (),
        operation: str = "creating",
    ) -> None:
        secret = {"4dabf18193072939515e22adb298388d": "x", "plaintext": json.dumps(kubeconfig)}
        resources: list[dict[str, Any]] = [{"type": recover.PROVIDER, "inputs": {"kubeconfig": secret}}]
        resources += (
            [{"type": recover.RELEASES, "inputs": {"timeout": 300}, "outputs": {"timeout": 300}}] if released else []
        )
        pending = [{"resource": {"type": kind}, "type": operation} for kind in unfinished]
        self.state = {"deployment": {"resources": resources, "pending_operations": pending}}
        self.asked: list[str] = []

    def __call__(self, *words: str, text: str | None = None) -> str:
        self.asked.append(" ".join(words))
        if text is not None:
            self.state = json.loads(text)
        return "dev\n" if words[:2] == ("stack", "--show-name") else json.dumps(self.state)


def repair(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> list[str]:
    monkeypatch.setattr(recover, "_pulumi", engine)
    return list(recover.repair("dev"))


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


def test_an_update_on_another_host_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, DEAD, "elsewhere", monkeypatch)
    with pytest.raises(Failure, match="on elsewhere; wait for it to end"):
        repair(monkeypatch, Engine())


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


def records(*status: str) -> Table:
    names = [f"sh.helm.release.v1.cilium.v{number}" for number in range(1, len(status) + 1)]
    items = [{"metadata": {"name": name, "labels": {"status": one}}} for name, one in zip(names, status, strict=True)]
    single = {f"{recover.SECRETS}/{item['metadata']['name']}": item for item in items}
    return {recover.SECRETS: {"items": items}, **single}


def left(table: Table) -> list[str]:
    return sorted(path.rpartition(".")[2] for path in table if path != recover.SECRETS)


def test_a_revision_that_was_never_finished_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = records("superseded", "deployed", "pending-upgrade")
    with api_server(table) as config:
        steps = repair(monkeypatch, Engine(config, unfinished=(recover.RELEASES,)))
    assert steps[:-1] == ["Helm's record sh.helm.release.v1.cilium.v3 (pending-upgrade) was removed"]
    assert left(table) == ["v1", "v2"]


def with_options(record: dict[str, Any], *names: str) -> None:
    """Pack a manifest into a record as Helm does."""
    config = {"kind": "ConfigMap", "metadata": {"name": "cilium-config"}, "data": dict.fromkeys(names, "x")}
    text = "---\n# Source: cilium/templates/x.yaml\n---\n" + yaml.safe_dump(config)
    packed = base64.b64encode(gzip.compress(json.dumps({"manifest": text}).encode()))
    record["data"] = {"release": base64.b64encode(packed).decode()}


@pytest.mark.parametrize(
    ("status", "before", "cut_off", "left_over"),
    [
        (("deployed", "pending-upgrade"), ("a", "b"), ("a", "c"), {"a", "d"}),
        (("failed", "pending-rollback"), ("a", "b"), ("a", "c"), {"a", "d"}),
        (("deployed", "failed"), ("a", "b"), ("a", "c"), {"a", "d"}),
        (("deployed", "pending-upgrade"), (), ("a", "c"), {"a", "c", "d"}),
        (("superseded", "pending-upgrade"), ("a",), ("c",), {"a", "d"}),
        (("deployed", "superseded"), ("a",), ("c",), {"a", "c", "d"}),
    ],
)
def test_options_that_only_a_cut_off_revision_has_are_taken_back(
    monkeypatch: pytest.MonkeyPatch,
    status: tuple[str, ...],
    before: tuple[str, ...],
    cut_off: tuple[str, ...],
    left_over: set[str],
) -> None:
    table = records(*status)
    for record, names in zip(table[recover.SECRETS]["items"], (before, cut_off), strict=True):
        with_options(record, *names)
    live = table[recover.CONFIGURATION] = {"data": dict.fromkeys("acd", "x")}
    with api_server(table) as config:
        steps = repair(monkeypatch, Engine(config, unfinished=(recover.RELEASES,), operation="updating"))
    assert live["data"].keys() == left_over
    said = "options that only an unfinished revision has were taken back: c"
    assert (said in steps) == ("c" not in left_over)


def test_a_record_that_cannot_be_read_takes_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    table = records("deployed", "pending-upgrade")
    table[recover.SECRETS]["items"][1]["data"] = {"release": "bm90IGd6aXA="}
    with api_server(table) as config:
        steps = repair(monkeypatch, Engine(config, unfinished=(recover.RELEASES,), operation="updating"))
    assert steps[:-1] == ["Helm's record sh.helm.release.v1.cilium.v2 (pending-upgrade) was removed"]


def test_a_release_that_was_made_while_the_engine_died_is_given_free(monkeypatch: pytest.MonkeyPatch) -> None:
    table = records("deployed")
    with api_server(table) as config:
        steps = repair(monkeypatch, Engine(config, released=False, unfinished=(recover.RELEASES,)))
    assert steps[:-1] == ["Helm's record sh.helm.release.v1.cilium.v1 (deployed) was removed"]
    assert left(table) == []


@pytest.mark.parametrize(
    ("status", "released", "operation"),
    [
        (("superseded", "superseded", "deployed"), False, "creating"),
        (("superseded", "deployed"), False, "creating"),
        (("deployed",), False, "updating"),
        (("deployed",), True, "creating"),
        (("uninstalling",), False, "creating"),
    ],
)
def test_a_whole_release_stays_unless_it_is_the_very_first_of_this_stack(
    monkeypatch: pytest.MonkeyPatch, status: tuple[str, ...], operation: str, *, released: bool
) -> None:
    table = records(*status)
    with api_server(table) as config:
        engine = Engine(config, released=released, unfinished=(recover.RELEASES,), operation=operation)
        steps = repair(monkeypatch, engine)
    assert len(steps) == 1
    assert len(left(table)) == len(status)


def test_a_release_that_this_stack_never_began_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    table = records("deployed", "pending-upgrade")
    with api_server(table) as config:
        assert repair(monkeypatch, Engine(config, released=False)) == []
    assert left(table) == ["v1", "v2"]


def test_a_release_that_the_stack_knows_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    table = records("deployed")
    with api_server(table) as config:
        assert repair(monkeypatch, Engine(config)) == []
    assert left(table) == ["v1"]


def test_a_cluster_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with api_server({recover.SECRETS: 503}) as config:
        steps = repair(monkeypatch, Engine(config, released=False, unfinished=(recover.RELEASES,)))
    assert steps[0].startswith("Helm's records were not looked at: the API server answers 503")


def test_no_stack_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(recover, "_pulumi", lambda *_: "")
    assert recover.main([]) == 0
    assert capsys.readouterr() == ("", "")
