"""Recovery of a release that was cut off: Helm's records, and the options that only an unfinished revision has."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
import yaml

from tests.unit.commands_api import Table, api_server
from tests.unit.killed_stack import Engine, repair
from underlay.commands import recover


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
