"""The adapter for a platform's API: told which ports, believed only where it answers for each of them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan_sites import put, site
from underlay.__main__ import main
from underlay.plan.security import adapted_groups, adapted_ports, table

PORTS = [
    {"node": "worker-2", "uplink": "eth0", "address": "172.30.2.11", "check": "disabled"},
    {"node": "worker-3", "uplink": "eth0", "address": "172.30.2.12", "check": "disabled"},
]
HONEST = {"worker-2/eth0": "disabled", "worker-3/eth0": "disabled"}
GROUP = {"name": "nodes", "ports": [], "allow": []}
ANSWERS = """
import json, pathlib, sys
asked = json.load(sys.stdin)
pathlib.Path(sys.argv[1]).write_text(json.dumps(asked))
print(sys.argv[2])
sys.exit(int(sys.argv[3]))
"""


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, answer: object, code: int = 0, word: str = "ports", **other: Any
) -> int:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    adapter = [sys.executable, "-c", ANSWERS, str(folder / "asked"), text, str(code)]
    data = {"adapter": adapter, "ports": PORTS, **other}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(data)))
    return main([word])


def test_every_port_is_told_and_answered_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, {"ports": HONEST}) == 0
    assert json.loads((tmp_path / "asked").read_text()) == {"action": "apply", "ports": PORTS, "groups": []}
    assert json.loads(capsys.readouterr().out) == {"ports": HONEST, "groups": {}}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"nodes": "applied"}, ""),
        ({"nodes": "pending"}, "nodes: found pending; expected applied"),
        ({}, "nodes: found no answer; expected applied"),
    ],
)
def test_every_group_is_told_and_answered_for(
    answer: dict[str, str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, tmp_path, {"ports": HONEST, "groups": answer}, groups=[GROUP]) == bool(told)
    assert json.loads((tmp_path / "asked").read_text())["groups"] == [GROUP]
    assert told in capsys.readouterr().err


def test_removal_gives_the_check_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, {"ports": {}}, word="ports-back") == 0
    assert json.loads((tmp_path / "asked").read_text())["action"] == "remove"


WRONG: dict[str, tuple[object, int, str]] = {
    "a port that is left out": ({"ports": {"worker-2/eth0": "disabled"}}, 0, "worker-3/eth0: found no answer"),
    "a port that stays checked": (
        {"ports": {**HONEST, "worker-3/eth0": "enabled"}},
        0,
        "worker-3/eth0: found enabled; expected disabled",
    ),
    "no JSON": ("\x1b[2Jdone", 0, "expected {"),
    "another form": ({"ports": ["worker-2/eth0"]}, 0, "expected {"),
    "a failure": ({"ports": HONEST}, 4, "ended with code 4"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_adapter_that_fails_is_one_message(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, code, words = WRONG[name]
    assert run(monkeypatch, tmp_path, answer, code) == 1
    told = capsys.readouterr().err
    assert words in told
    assert "\x1b" not in told
    assert "Traceback" not in told


def test_an_adapter_that_is_not_there_or_hangs_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, "", adapter=["/no/such/adapter"]) == 1
    assert "expected a program (site.port_adapter)" in capsys.readouterr().err
    monkeypatch.setattr("underlay.commands.ports.SECONDS", 0.2)
    assert run(monkeypatch, tmp_path, "", adapter=["sleep", "5"]) == 1
    assert "did not end within 0.2 s" in capsys.readouterr().err


def test_only_ports_of_the_adapter_are_its_own() -> None:
    assert adapted_ports(site()) == []
    ours = put("nodes.2.uplinks.0.check_switched_by", "adapter")
    assert adapted_ports(site(ours, put("port_adapter", ["x"]))) == PORTS[:1]


def test_only_groups_of_the_adapter_are_its_own_with_every_line_once() -> None:
    assert adapted_groups(site()) == []
    twice = put("security_groups.0.allow.1", {"direction": "egress", "network": "172.30.1.0/24", "protocol": "any"})
    declared = site(twice, put("security_groups.0.applied_by", "adapter"), put("port_adapter", ["x"]))
    [group] = adapted_groups(declared)
    assert [port["node"] for port in group["ports"]] == ["cp-1", "worker-1", "worker-2", "worker-3"]
    assert {"node": "worker-2", "uplink": "eth0", "address": "172.30.2.11"} in group["ports"]
    allowed = [tuple(line.values()) for line in group["allow"]]
    assert len(allowed) == len(set(allowed)) < len(table(declared))
    assert set(allowed) == {line[1:4] for line in table(declared)}
