"""What every program on a node or router needs: findings, files replaced in one step, commands, one report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BYTES = "surrogateescape"
"""How what is no UTF-8 is read and written: other people's lines stay as they are, byte for byte."""


class Trouble(Exception):
    """Something on this machine is not as it has to be; carries the finding."""

    def __init__(self, rule: str, where: str, found: str, expected: str, fix: str = "") -> None:
        """Keep the finding as plain data."""
        super().__init__(rule)
        self.finding = {"rule": rule, "where": where, "found": found, "expected": expected, "fix": fix}


def unwritten(error: OSError, root: Path, then: str) -> Trouble:
    """Return the finding about what cannot be written, and what running this again will do."""
    fix = f"Make room there, or let it be written; then run this again: {then}."
    where = str(error.filename or root)
    return Trouble("write-refused", where, error.strerror or str(error), "a file that can be written", fix)


def sentence(finding: dict[str, str]) -> str:
    """Return a finding as one line for people."""
    line = "[{rule}] {where}: found {found}; expected {expected}. {fix}".format(**finding)
    return " ".join(line.split())


def report(findings: list[dict[str, str]], facts: dict[str, Any]) -> int:
    """Print the result as JSON, each finding as a line for people, and return the exit code.

    A change carries its time, so that two changes that read alike, as of a password, are two for those who watch.
    """
    when = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} if facts.get("changed") else {}
    print(json.dumps({"findings": findings, **facts, **when}, sort_keys=True))
    for finding in findings:
        print(sentence(finding), file=sys.stderr)
    return 1 if findings else 0


def run(*words: str) -> tuple[int, str]:
    """Run a program and return its exit code and all that it wrote."""
    try:
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors=BYTES, check=False)
    except OSError as error:
        return 127, f"{words[0]}: {error.strerror}"
    return done.returncode, (done.stdout + done.stderr).strip()


def read(path: Path) -> str:
    """Return a file's text; empty when there is none."""
    return path.read_bytes().decode(errors=BYTES) if path.exists() else ""


def write(path: Path, text: str, *, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Replace a file in one step: a reader sees the old text or the new one, nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors=BYTES, newline="") as file:
            os.fchmod(descriptor, mode)
            if owner:
                os.fchown(descriptor, *owner)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)  # a draft may hold a password, and nobody else would remove it
        if isinstance(error, OSError):
            error.filename = str(path)
        raise


def owner_of(path: Path) -> tuple[int, int] | None:
    """Return (user, group) of a file; None when there is none."""
    return (path.stat().st_uid, path.stat().st_gid) if path.exists() else None


def keep_copy(path: Path) -> None:
    """Keep a file as it was before this project came; a later call changes nothing."""
    copy = copy_of(path)
    if path.exists() and not copy.exists():
        write(copy, read(path), mode=0o640, owner=owner_of(path))


def drop_copy(path: Path) -> None:
    """Give the file its former owner, and remove the copy, with everything else of this project."""
    copy = copy_of(path)
    if copy.exists() and path.exists():
        os.chown(path, *(owner_of(copy) or (0, 0)))
    copy.unlink(missing_ok=True)


def copy_of(path: Path) -> Path:
    """Return where a file is kept as it was before this project came."""
    return path.with_name(f"{path.name}.before-underlay")
