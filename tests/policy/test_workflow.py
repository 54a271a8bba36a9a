"""The workflow's own steps, run as a job would run them; and the adoption guide's, as a new team would."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.policy.engine import CHART, PACK, ROOT, Engine, needs_engine
from tests.policy.repository import commit, repository

pytestmark = [pytest.mark.engine, needs_engine]

WORKFLOW = ROOT / ".github/workflows/policy.yaml"
BEFORE = {"packages"}
"""Steps that have run before the tests do."""


def test_the_steps_of_the_workflow_run(tmp_path: Path) -> None:
    job = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["policy"]
    engine = Engine(tmp_path)
    summary = tmp_path / "summary.md"
    environment = engine.environment | job["env"] | {"CHART": CHART, "GITHUB_STEP_SUMMARY": str(summary)}
    environment.pop("PULUMI_BACKEND_URL")
    results = tmp_path / "policy-results"
    for step in (step for step in job["steps"] if "run" in step and step["name"] not in BEFORE):
        command = step["run"].replace("policy-results", str(results))
        done = subprocess.run(
            ["bash", "-ec", command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "## Policy check of `Pulumi.production.yaml`: clean" in summary.read_text(encoding="utf-8")
    found = json.loads((results / "policy.json").read_text(encoding="utf-8"))
    quiet = [note for note in found["subjects"][0]["notes"] if "did not apply" in note]
    assert [note.partition(" ")[0] for note in quiet] == ["cluster-was-born-with-cilium", "birth-is-recorded"]


def test_another_team_adopts_the_pack_by_its_guide(tmp_path: Path) -> None:
    team = repository(tmp_path / "team")
    shutil.copytree(PACK, team / "guard", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests/policy/foreign/chart", team / "chart")
    shutil.copy(ROOT / "tests/policy/foreign/plain_release.py", team / "__main__.py")
    (team / "Pulumi.yaml").write_text("name: team\nruntime: python\n", encoding="utf-8")
    guide = (team / "guard/README.md").read_text(encoding="utf-8")
    blocks: dict[str, Any] = dict(re.findall(r"```(json|)\n(.*?)```", guide, re.DOTALL))
    (team / "guard.json").write_text(blocks["json"], encoding="utf-8")
    commit(team, {"Pulumi.prod.yaml": "config: {team:chart: ./chart/cilium}\n"})
    environment = {key: value for key, value in Engine(tmp_path).environment.items() if key != "PYTHONPATH"}
    command = blocks[""].split()
    without = [word for word in command if word not in {"--config", "guard.json"}]
    codes = [subprocess.run(words, cwd=team, env=environment, check=False).returncode for words in (command, without)]
    assert codes == [0, 1]
    assert (team / "results/policy.sarif").exists()
