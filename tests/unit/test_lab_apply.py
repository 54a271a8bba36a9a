"""`lab apply` updates where the preview proposes changes, and only there: what is refused stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.paths import repo

PULUMI = """\
#!/bin/sh
echo "$1" >> {place}/calls
echo "$TMPDIR" >> {place}/temporary
case "$1 $*" in
  preview*--expect-no-changes*) echo "error: what the engine says" >&2; exit {code} ;;
  up*--skip-preview*) exit 0 ;;
esac
"""
APPLY = """\
import os
from lab import inside, operate, surroundings
inside.require_supervisor = lambda: 1
inside.supervisor = lambda: None
operate.run(["apply"])
"""


@pytest.mark.parametrize(
    ("code", "calls", "told"),
    [
        (0, "preview\n", True),
        (7, "preview\nup\n", False),
        (5, "preview\n", True),
    ],
    ids=["nothing would change", "changes are proposed", "a policy refuses"],
)
def test_the_stack_is_updated_where_the_preview_proposes_changes(
    tmp_path: Path, code: int, calls: str, told: bool
) -> None:
    program = tmp_path / "bin/pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI.format(place=tmp_path, code=code), encoding="utf-8")
    program.chmod(0o755)
    places = {"UNDERLAY_CACHE": str(tmp_path), "UNDERLAY_STATE": str(tmp_path / "state"), "PYTHONPATH": str(repo())}
    done = subprocess.run(
        [sys.executable, "-c", APPLY], env=os.environ | places, capture_output=True, text=True, check=False
    )
    assert (tmp_path / "calls").read_text(encoding="utf-8") == calls
    assert {*(tmp_path / "temporary").read_text(encoding="utf-8").split()} == {str(tmp_path / "state/temporary")}
    assert done.returncode == (0 if code == 7 else code)
    assert ("what the engine says" in done.stderr) == told
