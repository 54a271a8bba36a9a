"""A repository of git's own, as the checks of history read it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def repository(folder: Path) -> Path:
    """Make a folder with an empty repository and return it."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def commit(folder: Path, files: dict[str, str]) -> None:
    """Commit these files, and the loss of all others."""
    for old in folder.glob("Pulumi.*.yaml"):
        old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["add", "-A"], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
