"""The check for pull requests as a job runs it: exit codes, results, and four ways to pass off an old cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from policy.testing import Resource, state
from tests.policy.cases.case import CLUSTER, OURS, RELEASE
from tests.policy.cases.lineage import KEEPER
from tests.policy.engine import ROOT, Engine, needs_engine
from tests.policy.repository import commit, repository

pytestmark = [pytest.mark.engine, needs_engine]

PROGRAM = """
import pulumi
config = pulumi.Config()
cluster = config.require_object("cluster")
secret = config.get_secret("password")
facts = {"clusterName": cluster["name"], "origin": cluster["origin"], "api": cluster["api"], "networkMode": "underlay",
    "routingMode": "native", "podPool": ["10.1.0.0/16"], "podMask": 24, "nativeRoutingCidr": "10.1.0.0/16"}
pulumi.ComponentResource("underlay:cluster:Cluster", cluster["name"], {**facts, "password": secret})
"""
PROJECT = "name: net\nruntime: python\nconfig:\n  password: {type: string, secret: true}\n"
FACTS = {
    "clusterName": "prod",
    "origin": "new",
    "networkMode": "underlay",
    "routingMode": "native",
    "podPool": ["10.1.0.0/16"],
    "podMask": 24,
    "nativeRoutingCidr": "10.1.0.0/16",
}


def stack(origin: str, name: str = "prod") -> str:
    return f"config:\n  net:cluster: {{name: {name}, origin: {origin}, api: 192.0.2.9}}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = repository(tmp_path / "repository")
    (folder / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    (folder / "Pulumi.yaml").write_text(PROJECT, encoding="utf-8")
    return folder


def check(project: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Run the check and return its code, its JSON and what it printed."""
    engine = Engine(project.parent)
    report = project.parent / "report"
    command = [sys.executable, "-m", "underlay", "policy", "--project", str(project), "--report", str(report), *words]
    environment = {**engine.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    file = report / "policy.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return done.returncode, found, done.stdout + done.stderr


def against(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(one["rule"], one["answer"]) for subject in found["subjects"] for one in subject["findings"]}


def test_a_clean_stack_needs_no_secret_and_no_cluster(project: Path) -> None:
    commit(project, {"Pulumi.prod.yaml": stack("new")})
    code, found, text = check(project, "--stack", "prod")
    assert (code, found["outcome"]) == (0, "clean"), text
    assert "stands-for-a-secret" not in text + json.dumps(found)
    assert sorted(path.name for path in (project.parent / "report").iterdir()) == [
        "policy.json",
        "policy.md",
        "policy.sarif",
        "policy.xml",
    ]
    assert sorted(path.name for path in project.glob("Pulumi*")) == ["Pulumi.prod.yaml", "Pulumi.yaml"]


def test_what_cannot_be_judged_is_no_violation_and_not_clean(project: Path, tmp_path: Path) -> None:
    (project / "__main__.py").write_text("raise SystemExit('broken')", encoding="utf-8")
    commit(project, {"Pulumi.prod.yaml": stack("new")})
    code, found, text = check(project, "--stack", "prod")
    assert (code, found["outcome"]) == (2, "could not judge"), text
    code, _, text = check(project, "--state", str(tmp_path / "none.json"))
    assert (code, "none.json cannot be read" in text) == (2, True), text
    code, _, text = check(project, "--stack", "absent")
    assert (code, "cannot be read" in text) == (2, True), text


@pytest.mark.parametrize(
    ("later", "name"),
    [({"Pulumi.prod.yaml": stack("new")}, "prod"), ({"Pulumi.green.yaml": stack("new", "green")}, "green")],
)
def test_an_edited_word_and_a_renamed_stack_are_caught(project: Path, later: dict[str, str], name: str) -> None:
    commit(project, {"Pulumi.prod.yaml": stack("upgraded")})
    commit(project, later)
    code, found, text = check(project, "--stack", name)
    assert code == 1, text
    assert against(found) == {("origin-agrees-with-history", "violation")}


def test_a_removed_record_is_caught(project: Path, tmp_path: Path) -> None:
    cluster = Resource(CLUSTER, FACTS, "prod")
    release = Resource(RELEASE, {"chart": "cilium", "values": VALUES}, "cilium", provider=OURS)
    codes = {}
    for name, resources in {"whole": (cluster, release, KEEPER), "cut": (cluster, release)}.items():
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(state(resources)), encoding="utf-8")
        code, found, text = check(project, "--state", str(file))
        codes[name] = (code, against(found)), text
    assert codes["cut"][0] == (1, {("birth-is-recorded", "violation")}), codes["cut"][1]
    assert codes["whole"][0] == (0, set()), codes["whole"][1]


VALUES = {
    "routingMode": "native",
    "ipv4NativeRoutingCIDR": "10.1.0.0/16",
    "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"], "clusterPoolIPv4MaskSize": 24}},
}


def test_an_old_cluster_in_a_new_stack_is_caught_by_its_birth(project: Path, tmp_path: Path) -> None:
    commit(project, {"Pulumi.prod.yaml": stack("new")})
    now = datetime.now(UTC).isoformat()
    record = {"uid": "u-9", "created": "2024-01-01T00:00:00Z", "firstRelease": now, "others": [], "read": now}
    file = tmp_path / "birth.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    code, found, text = check(project, "--stack", "prod", "--birth", str(file))
    assert code == 1, text
    assert against(found) == {("cluster-was-born-with-cilium", "violation")}
    assert os.fspath(tmp_path) not in json.dumps(found)
