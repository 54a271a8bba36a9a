"""A person at a shell: one line after the other, in a copy of the repository; folder and variables stay."""

from __future__ import annotations

import filecmp
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lab.paths import binaries, cache, repo, venv_python
from lab.toolchain import install_plugins
from lab.toolchain.images import CHART
from tests.docs.accounts import Step

SECONDS = 1500
"""For one line, on a machine that does much else."""
LEFT_OUT = shutil.ignore_patterns(".git", "build", "__pycache__", ".*_cache", ".hypothesis")
TRACEBACK = "Traceback (most recent call last)"
KEPT = '\ncode=$?\npwd >"$TYPED/folder"\nexport -p >"$TYPED/variables"\nexit $code\n'
"""What follows a line, so that the next one begins where it ended."""


@dataclass(frozen=True)
class Done:
    """What came of a line."""

    line: str
    code: int
    text: str
    seconds: float


class Walk(NamedTuple):
    """The lines of a walk that were typed, and what the last of them came to where it went wrong."""

    lines: list[Done]
    wrong: str


class Shell:
    """A shell with a home of its own, and the toolchain's programs in place of installed ones."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        """Begin in a folder; `variables` come on top of those that a person has."""
        home, self.notes = folder / "home", folder / "typed"
        (home / ".ssh").mkdir(parents=True)
        self.notes.mkdir()
        (home / ".ssh/id_ed25519").write_text("a private key\n", encoding="utf-8")
        install_plugins(folder / "engine")
        others = {
            key: text for key, text in os.environ.items() if not key.startswith(("PULUMI", "KUBECONFIG", "PYTHON"))
        }
        self.environment = others | {
            "HOME": str(home),
            "TYPED": str(self.notes),
            "PULUMI_HOME": str(folder / "engine"),
            "PULUMI_CONFIG_PASSPHRASE": "typed",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "UNDERLAY_CACHE": str(cache()),
            "CHART": str(cache() / CHART),
            **variables,
        }
        self.folder = folder / "copy"

    def copy(self) -> None:
        """Begin in a copy of the repository, with the toolchain's packages."""
        shutil.copytree(repo(), self.folder, ignore=LEFT_OUT)
        programs = [str(binaries()), str(venv_python().parent), self.environment["PATH"]]
        self.environment["PATH"] = os.pathsep.join(programs)

    def type(self, line: str, typed: str = "") -> Done:
        """Run a line, give it what a person would type, and return what came of it."""
        variables = self.notes / "variables"
        before = f'. "{variables}"\n' if variables.exists() else ""
        place = self.notes / "folder"
        begin = time.monotonic()
        with subprocess.Popen(
            ["bash", "-c", before + line + KEPT],
            cwd=place.read_text(encoding="utf-8").strip() if place.exists() else self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as shell:
            try:
                text, _ = shell.communicate(typed, timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                text = f"no end within {SECONDS} s"
        return Done(line, shell.returncode, text, time.monotonic() - begin)

    def walk(self, steps: tuple[Step, ...]) -> Walk:
        """Do every step, up to the first that does not come to what it says."""
        lines: list[Done] = []
        for step in steps:
            if step.edit:
                self.change(step.edit, step.old, step.new)
                continue
            done = self.type(step.line, step.typed)
            lines.append(done)
            print(f"{done.seconds:5.1f} s  {step.line}")
            if wrong := self._wrong(step, done):
                return Walk(lines, wrong)
        return Walk(lines, "")

    def _wrong(self, step: Step, done: Done) -> str:
        """Return what a step came to, where that is not what it says; empty where it is."""
        if done.code != step.code or step.says not in done.text or TRACEBACK in done.text:
            return f"`{step.line}` ended with {done.code}, expected {step.code} and {step.says!r}:\n{done.text[-6000:]}"
        differ = [name for name in step.same.split() if not filecmp.cmp(repo() / name, self.folder / name, False)]
        return f"`{step.line}` left another {' and '.join(differ)}" if differ else ""

    def change(self, name: str, old: str, new: str) -> None:
        """Change a file as a person does in an editor."""
        file = self.folder / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), encoding="utf-8")
