"""The embedded site that the main job has brought up, as the acceptance tests use it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.paths import state
from tests.lab.host import ROOT, Lab
from tests.unit.plan_sites import Data
from underlay.commands.stack_file import SITE

VERIFY = ("exec", "--", "python", "-m", "underlay", "verify", "--stack", "dev", "--json")


@dataclass(frozen=True)
class Judged:
    """A verdict: exit code, causes by rule, and checks that did not pass."""

    code: int
    document: dict[str, Any]
    text: str

    @property
    def causes(self) -> dict[str, str]:
        """Return each cause's rule with its sentence."""
        return {cause["rule"]: cause["sentence"] for cause in self.document["causes"]}

    def not_passed(self) -> list[tuple[str, str, str]]:
        """Return status, rule and place of every check that did not pass."""
        return [(c["status"], c["rule"], c["where"]) for c in self.document["checks"] if c["status"] != "pass"]


class Site(Lab):
    """The lab with a verified underlay on it."""

    def verify(self) -> Judged:
        """Verify now."""
        done = self.run(*VERIFY)
        assert done.stdout, done.stderr
        return Judged(done.returncode, json.loads(done.stdout), done.stderr)

    def long(self, *words: str) -> str:
        """Run a command that may take minutes and has to go well."""
        process = self.start(*words)
        out, error = process.communicate(timeout=900)
        assert process.returncode == 0, f"{words}: {out}{error}"
        return out

    def inside(self, machine: str, *command: str) -> str:
        """Run a command in a machine; it has to go well."""
        return self.good("shell", machine, *command)

    def pods(self) -> dict[str, str]:
        """Return each node's responder pod by address."""
        items = json.loads(self.good("kubectl", "-n", "underlay-probe", "get", "pods", "-o", "json"))["items"]
        return {item["spec"]["nodeName"]: item["status"]["podIP"] for item in items}


def running() -> Site:
    """Return the running site of the state folder in the environment."""
    return Site(state())


def until(look: Callable[[], bool], seconds: float = 60) -> bool:
    """Look once a second until it is so; False after the time."""
    end = time.monotonic() + seconds
    while not look():
        if time.monotonic() > end:
            return False
        time.sleep(1)
    return True


def stack_with(site: Data, path: Path) -> Path:
    """Write the dev stack's file with another site, and return it."""
    content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
    content["config"][SITE] = site
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path
