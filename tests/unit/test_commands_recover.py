"""Recovery removes what a killed update left, says so, and leaves a living update and a whole stack alone."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands_api import Table, api_server
from underlay.commands import recover
from underlay.commands.common import Failure

DEAD = 2**22 + 1
"""A process number that the kernel never gives."""


class Engine:
    """Answers like the engine's program, with a state of one stack."""

    def __init__(self, kubeconfig: str = "", *, released: bool = True, unfinished: tuple[str, ...] = ()) -> None:
        secret = {"4dabf18193072939515e22adb298388d": "x", "plaintext": json.dumps(kubeconfig)}
        resources: list[dict[str, Any]] = [{"type": recover.PROVIDER, "inputs": {"kubeconfig": secret}}]
        resources += [{"type": recover.RELEASES, "inputs": {}}] if released else []
        pending = [{"resource": {"type": kind}, "type": "creating"} for kind in unfinished]
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
    place = folder / ".pulumi/locks/organization/project/dev"
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


def test_an_update_on_another_host_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, DEAD, "elsewhere", monkeypatch)
    with pytest.raises(Failure, match="on elsewhere; wait for it to end"):
        repair(monkeypatch, Engine())


def test_unfinished_operations_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(unfinished=("command:local:Command", "command:remote:Command"))
    assert repair(monkeypatch, engine) == ["2 unfinished operations were forgotten; the next update does them again"]
    assert "pending_operations" not in engine.state["deployment"]
    assert len(engine.state["deployment"]["resources"]) == 2


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
    assert steps[1:] == ["Helm's record sh.helm.release.v1.cilium.v3 (pending-upgrade) was removed"]
    assert left(table) == ["v1", "v2"]


def test_a_release_that_was_made_while_the_engine_died_is_given_free(monkeypatch: pytest.MonkeyPatch) -> None:
    table = records("deployed")
    with api_server(table) as config:
        steps = repair(monkeypatch, Engine(config, released=False, unfinished=(recover.RELEASES,)))
    assert steps[1:] == ["Helm's record sh.helm.release.v1.cilium.v1 (deployed) was removed"]
    assert left(table) == []


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
    assert steps[-1].startswith("Helm's records were not looked at: the API server answers 503")


def test_no_stack_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(recover, "_pulumi", lambda *_: "")
    assert recover.main([]) == 0
    assert capsys.readouterr() == ("", "")
