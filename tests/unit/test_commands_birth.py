"""The birth record, from an API server of a few lines."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.commands_api import Table, api_server
from underlay.__main__ import main

SYSTEM = {"metadata": {"uid": "u-1", "creationTimestamp": "2026-01-01T00:00:00Z"}}


def release(first: str) -> dict[str, Any]:
    packed = gzip.compress(json.dumps({"info": {"first_deployed": first}}).encode())
    return {"metadata": {"name": "r"}, "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()}}


def table(*releases: dict[str, Any], daemons: tuple[str, ...] = ("cilium",)) -> Table:
    return {
        "/api/v1/namespaces/kube-system": SYSTEM,
        "/api/v1/secrets": {"items": list(releases)},
        "/apis/apps/v1/daemonsets": {
            "items": [{"metadata": {"namespace": "kube-system", "name": name}} for name in daemons]
        },
    }


def run(answers: Table, folder: Path) -> int:
    with api_server(answers) as kubeconfig:
        file = folder / "kubeconfig"
        file.write_text(kubeconfig, encoding="utf-8")
        return main(["birth", "--kubeconfig", str(file)])


def test_the_record_says_when_cilium_came(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later, first = release("2026-02-01T00:00:00Z"), release("2026-01-01T02:00:00.123456789+01:00")
    assert run(table(later, first), tmp_path) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["uid"], found["created"]) == ("u-1", "2026-01-01T00:00:00Z")
    assert (found["firstRelease"], found["others"]) == ("2026-01-01T01:00:00+00:00", [])
    assert found["read"]


def test_the_record_names_other_plug_ins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(table(daemons=("calico-node", "kube-proxy")), tmp_path) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["firstRelease"], found["others"]) == (None, ["kube-system/calico-node"])


def test_cilium_without_helm_came_with_its_agents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = {"namespace": "kube-system", "name": "cilium", "creationTimestamp": "2026-01-01T03:00:00Z"}
    assert run({**table(), "/apis/apps/v1/daemonsets": {"items": [{"metadata": made}]}}, tmp_path) == 0
    assert json.loads(capsys.readouterr().out)["firstRelease"] == "2026-01-01T03:00:00+00:00"


@pytest.mark.parametrize(
    "answers",
    [
        {**table(), "/api/v1/secrets": 403},
        {**table(), "/apis/apps/v1/daemonsets": 500},
        table({"metadata": {"name": "r"}, "data": {"release": "AAAA"}}),
    ],
)
def test_a_gap_is_a_failure(answers: Table, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(answers, tmp_path) == 1
    assert capsys.readouterr().err.startswith("birth: ")
