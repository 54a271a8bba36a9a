"""Which process stands for a network namespace: the oldest, since any other may be about to end."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from bpf.namespaces import born


def test_a_process_of_any_name_tells_when_it_began(tmp_path: Path) -> None:
    fields = ["S", *map(str, range(1, 19)), "4321", "0"]
    (tmp_path / "stat").write_text(f"4908 (a (b) c) {' '.join(fields)}\n", encoding="utf-8")
    assert born(tmp_path) == 4321


def test_a_child_is_younger_than_its_parent() -> None:
    time.sleep(0.02)
    with subprocess.Popen(["sleep", "60"]) as child:
        assert born(Path(f"/proc/{child.pid}")) > born(Path(f"/proc/{os.getpid()}"))
        child.kill()
