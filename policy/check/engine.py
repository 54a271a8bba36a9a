"""The engine's own run of a pack: in a backend that lasts as long as the check, with no way to any cluster."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .stack import Declared, Unusable

STACK = "check"
SECONDS = 900
LEFT_OUT = ("PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_ACCESS_TOKEN", "PULUMI_STACK", "PULUMI_CONFIG")


@dataclass(frozen=True)
class Run:
    """What the engine said."""

    code: int
    events: list[dict[str, Any]]
    text: str
    """Errors and whatever else was printed beside events."""


@contextmanager
def workshop() -> Iterator[Path]:
    """Yield a folder for a backend and copies; nothing of it is left."""
    with tempfile.TemporaryDirectory(prefix="policy-check-") as folder:
        yield Path(folder)


def preview(folder: Path, stack: Declared, pack: Path, config: Mapping[str, Any]) -> Run:
    """Preview a stack with a pack."""
    shutil.copy(stack.project / "Pulumi.yaml", folder)
    copy = folder / f"Pulumi.{STACK}.yaml"
    _done(_pulumi(["stack", "init", STACK], folder, folder))
    made = yaml.safe_load(copy.read_text(encoding="utf-8")) if copy.exists() else {}
    copy.write_text(
        yaml.safe_dump({**stack.content, **(made or {}), "config": stack.content["config"]}), encoding="utf-8"
    )
    for key, stand_in in stack.hidden.items():
        _done(_pulumi(["config", "set", "--secret", "--stack", STACK, key], folder, folder, stand_in))
    words = ["preview", "--json", "--stack", STACK, "--config-file", str(copy)]
    return _run([*words, *_with(folder, pack, config)], stack.project, folder)


def analyze(folder: Path, state: Path, pack: Path, config: Mapping[str, Any]) -> Run:
    """Judge a saved state with a pack; the program does not run."""
    words = ["policy", "analyze", "--json", "--file", str(state.resolve())]
    return _run([*words, *_with(folder, pack, config)], folder, folder)


def _with(folder: Path, pack: Path, config: Mapping[str, Any]) -> list[str]:
    words = ["--policy-pack", str(pack.resolve())]
    if not config:
        return words
    file = folder / "pack-configuration.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    return [*words, "--policy-pack-config", str(file)]


def _run(words: list[str], cwd: Path, folder: Path) -> Run:
    done = _pulumi(words, cwd, folder)
    lines = done.stdout.splitlines()
    events = [event for line in lines if line.startswith("{") and (event := _event(line))]
    notes = [event["diagnosticEvent"] for event in events if "diagnosticEvent" in event]
    said = [note.get("message", "") for note in notes if note.get("severity") == "error"]
    rest = [line for line in lines if not line.startswith("{")]
    text = "\n".join(line.strip() for line in [*said, *rest, *done.stderr.splitlines()] if line.strip())
    return Run(done.returncode, events, text)


def _event(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _pulumi(words: list[str], cwd: Path, folder: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    settings = {
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_CONFIG_PASSPHRASE": "of this check only",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "1",
        "KUBECONFIG": str(folder / "no-kubeconfig"),
    }
    environment = {key: value for key, value in os.environ.items() if key not in LEFT_OUT} | settings
    command = ["pulumi", *words, "--non-interactive"]
    try:
        return subprocess.run(
            command, cwd=cwd, env=environment, input=text, capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except FileNotFoundError:
        raise Unusable("the program pulumi is not there; install it, or put it on the PATH") from None
    except subprocess.TimeoutExpired:
        raise Unusable(f"`pulumi {words[0]}` did not end within {SECONDS} s") from None


def _done(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode:
        raise Unusable(f"the engine refuses: {(done.stderr or done.stdout).strip()}")
