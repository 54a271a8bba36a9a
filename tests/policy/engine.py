"""The engine's own run of a pack: a backend of its own below a folder, and the policy events that it tells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import paths
from lab.toolchain import install_plugins
from lab.toolchain.images import CHART as CILIUM_CHART
from tests.unit.plan_sites import Data, host_keys

ROOT = Path(__file__).parents[2]
PACK = ROOT / "policy"
STACK = "pack"
SECONDS = 240
CHART = str(paths.cache() / CILIUM_CHART)
PATH = os.pathsep.join([str(paths.binaries()), str(paths.venv_python().parent), os.environ.get("PATH", os.defpath)])

needs_engine = pytest.mark.skipif(not shutil.which("pulumi", path=PATH), reason="the program pulumi is not there")


@dataclass(frozen=True)
class Outcome:
    """What the engine said of a preview."""

    code: int
    events: list[tuple[str, str, str]]
    """Level, policy and URN of each policy event."""
    text: str
    messages: tuple[str, ...] = ()
    """The message of each policy event."""
    passed: frozenset[tuple[str, str]] = frozenset()
    """Policy and URN of each resource's policy that passed; of a stack's policy with an empty URN."""

    def mandatory(self) -> list[tuple[str, str]]:
        """Return policy and resource's name of each event that stops an update."""
        return sorted((policy, urn.rpartition("::")[2]) for level, policy, urn in self.events if level == "mandatory")


class Engine:
    """The engine's program with its state below a folder."""

    def __init__(self, folder: Path, before: Sequence[str] = ()) -> None:
        """Keep state in a folder; `before` are words that bring a command to another place."""
        self.folder, self.before = folder, before
        install_plugins(folder / "home")
        settings = {
            "PATH": PATH,
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "1",
            "PULUMI_STACK": STACK,
            "PYTHONPATH": str(ROOT),
        }
        left_out = {"PULUMI_CONFIG_PASSPHRASE_FILE", "KUBECONFIG"}
        self.environment = {key: value for key, value in os.environ.items() if key not in left_out} | settings

    def run(self, *words: str, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run the engine's program."""
        return subprocess.run(
            [*self.before, "pulumi", *words, "--non-interactive"],
            cwd=cwd,
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def stack(self, project: Path) -> Path:
        """Make the stack of a project beside a copy of its Pulumi.yaml, and return the stack file's folder."""
        place = self.folder / "stack"
        place.mkdir(exist_ok=True)
        shutil.copy(project / "Pulumi.yaml", place)
        done = self.run("stack", "init", STACK, cwd=place)
        assert done.returncode == 0, done.stderr
        return place

    def kinds(self, place: Path) -> set[str]:
        """Return the types of what is in the stack's state."""
        state = json.loads(self.run("stack", "export", cwd=place).stdout)["deployment"]
        return {resource["type"] for resource in state.get("resources", [])}

    def preview(
        self, project: Path, file: Path, pack: Path | None, config: Data | None = None, target: str = ""
    ) -> Outcome:
        """Preview a project, or what a target names of it, with a pack and return what came of it."""
        words = ["preview", "--json", "--config-file", str(file)]
        if target:
            words += ["--target", target]
        if pack:
            words += ["--policy-pack", str(pack)]
        if config:
            told = self.folder / "pack.json"
            told.write_text(json.dumps(config), encoding="utf-8")
            words += ["--policy-pack-config", str(told)]
        return outcome(self.run(*words, cwd=project))

    def analyze(self, state: Data, pack: Path, config: Data | None = None) -> Outcome:
        """Let the engine judge a saved state."""
        file = self.folder / "state.json"
        file.write_text(json.dumps(state), encoding="utf-8")
        words = ["policy", "analyze", "--json", "--file", str(file), "--policy-pack", str(pack)]
        if config:
            told = self.folder / "pack.json"
            told.write_text(json.dumps(config), encoding="utf-8")
            words += ["--policy-pack-config", str(told)]
        return outcome(self.run(*words, cwd=self.folder))


def outcome(done: subprocess.CompletedProcess[str]) -> Outcome:
    """Return what the engine's events say."""
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = [event["policyEvent"] for event in events if "policyEvent" in event]
    told_of = [(one["enforcementLevel"], one["policyName"], one.get("resourceUrn", "")) for one in found]
    kinds = ("policyAnalyzeSummaryEvent", "policyAnalyzeStackSummaryEvent")
    summaries = [event[kind] for event in events for kind in kinds if kind in event]
    passed = [(name, one.get("resourceUrn", "")) for one in summaries for name in one.get("passed") or []]
    messages = tuple(one["message"] for one in found)
    notes = [event["diagnosticEvent"] for event in events if "diagnosticEvent" in event]
    said = [note["message"] for note in notes if note["severity"] != "debug"]
    rest = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    text = "\n".join([*said, *messages, *rest, done.stderr])
    return Outcome(done.returncode, told_of, text, messages, frozenset(passed))


def our_stack(engine: Engine, site: Data, **other: Any) -> Path:
    """Return the stack file of our own program for a site."""
    file = engine.stack(ROOT) / f"Pulumi.{STACK}.yaml"
    values = {"site": site, "hostKeys": host_keys(site), "chart": CHART, **other}
    write_config(engine, file, {f"cilium-underlay:{key}": value for key, value in values.items()})
    return file


def example_stack(engine: Engine, example: Path) -> Path:
    """Return the stack file of a committed example, with secrets as its first lines say and a chart that is here."""
    file = engine.stack(ROOT) / f"Pulumi.{STACK}.yaml"
    config = yaml.safe_load(example.read_text(encoding="utf-8"))["config"]
    write_config(engine, file, {**config, "cilium-underlay:chart": CHART})
    return file


def write_config(engine: Engine, file: Path, config: Data) -> None:
    """Write plain values into a stack file, and set its secrets by the engine's program."""
    content = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    content["config"] = config
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    for key in ("sshKey", "bgpPassword"):
        done = engine.run("config", "set", "--secret", f"cilium-underlay:{key}", cwd=file.parent, text="not-a-secret")
        assert done.returncode == 0, done.stderr


def foreign_stack(engine: Engine, program: str) -> tuple[Path, Path]:
    """Write somebody else's project and return its folder and its stack file."""
    project = engine.folder / "foreign"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: foreign\nruntime: python\n", encoding="utf-8")
    (project / "__main__.py").write_text(program, encoding="utf-8")
    return project, engine.stack(project) / f"Pulumi.{STACK}.yaml"


def plain_pack(place: Path) -> Path:
    """Write the pack that the SDK's own documentation leads to: one mandatory policy over a property."""
    place.mkdir()
    (place / "PulumiPolicy.yaml").write_text("runtime: python\n", encoding="utf-8")
    (place / "__main__.py").write_text(PLAIN, encoding="utf-8")
    return place


PLAIN = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def origin_is_new(args, report_violation):
    if args.resource_type == "underlay:cluster:Cluster" and args.props["origin"] != "new":
        report_violation("Cilium runs only on new clusters")

PolicyPack("plain", enforcement_level=EnforcementLevel.MANDATORY, policies=[ResourceValidationPolicy(
    name="origin-is-new", description="Only new clusters", validate=origin_is_new)])
"""
