"""What the check learns of the past: from git, whatever a stack was called, and from saved states."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from policy.check.history import history
from policy.check.stack import KUBECONFIG, Unusable, declared, read
from policy.testing import Resource, state
from tests.policy.cases.case import CLUSTER
from tests.policy.cases.lineage import KEEPER
from tests.policy.repository import commit, repository


def declaration(origin: str, name: str = "prod") -> str:
    return f"config:\n  net:site:\n    cluster: {{name: {name}, origin: {origin}, api: {{address: 192.0.2.9}}}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "repository")
    commit(folder, {"Pulumi.yaml": "name: net\nruntime: python\n", "Pulumi.prod.yaml": declaration("upgraded")})
    return folder


def origins(project: Path) -> set[tuple[str, str]]:
    return {(one["cluster"], one["origin"]) for one in history(project, []).records}


def test_an_edited_word_and_a_renamed_stack_stay_known(project: Path) -> None:
    commit(project, {"Pulumi.yaml": "name: net\nruntime: python\n", "Pulumi.fresh.yaml": declaration("new", "fresh")})
    assert origins(project) == {("prod", "upgraded"), ("fresh", "new")}
    assert {one["api"] for one in history(project, []).records} == {"192.0.2.9"}
    assert history(project, []).complete


def test_a_cut_off_history_is_no_history(project: Path, tmp_path: Path) -> None:
    commit(project, {"Pulumi.prod.yaml": declaration("new")})
    copy = tmp_path / "copy"
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{project}", str(copy)], check=True)
    assert not history(copy, []).complete


def test_a_folder_without_git_is_said_to_have_no_history(tmp_path: Path) -> None:
    found = history(tmp_path, [])
    assert (found.records, found.notes) == ([], ["no git history: the project is in no repository"])


def test_a_state_tells_its_cluster_and_its_birth(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    kept = [Resource(CLUSTER, {"clusterName": "old", "origin": "upgraded"}, "old"), KEEPER]
    file.write_text(json.dumps(state(kept)), encoding="utf-8")
    [found] = history(tmp_path, [file]).records
    assert (found["cluster"], found["origin"], found["uid"]) == ("old", "upgraded", "u-1")


def test_a_file_that_is_no_state_is_named(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(Unusable, match=r"x\.json is no state"):
        history(tmp_path, [file])


def test_every_secret_is_replaced_and_the_rest_is_kept(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: net\nconfig: {net:a: {secret: true}, b: {secret: true}, c: {}}\n")
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(
        "encryptionsalt: v1\nconfig: {net:kubeconfig: {secure: AAA}, net:d: {e: {secure: BBB}}, net:f: 1}\n"
    )
    found = declared(tmp_path, file, {"net:g": "2"})
    assert found.content == {"config": {"net:f": 1, "net:g": "2"}}
    assert set(found.hidden) == {"net:a", "net:b", "net:kubeconfig", "net:d"}
    assert found.hidden["net:kubeconfig"] == KUBECONFIG


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "can't decode byte 0xff"),
        (b"config: {a: 1, a: 2}\n", "the key 'a' stands twice, line 1"),
        (b"[" * 4000, "cannot be read"),
        (b"a: 2026-13-45\n", "month must be"),
    ],
)
def test_what_the_engine_cannot_read_is_not_judged(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_bytes(content)
    with pytest.raises(Unusable, match=re.escape(str(file))) as caught:
        read(file)
    assert said in str(caught.value)


def test_yes_is_a_text_as_for_the_engine(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text("{a: yes, b: true}", encoding="utf-8")
    assert read(file) == {"a": "yes", "b": True}
