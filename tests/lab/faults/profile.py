"""Another host-routing profile for the running site: declared, applied by the stack, on a cluster that goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from lab.paths import repo, state

DECLARED = "host_routing: "
OTHER = {"legacy": "bpf", "bpf": "legacy"}


def switch(wanted: str) -> None:
    """Declare the profile and let the engine apply it; SystemExit carries what the engine says."""
    path, begun = _site(wanted), time.monotonic()
    for words in (["up", "--site", str(path)], ["pulumi", "up", "--yes", "--skip-preview"]):
        done = subprocess.run([sys.executable, "-m", "lab", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"lab {' '.join(words)}: {_wrong(done.stdout + done.stderr)}")
    print(f"host routing {wanted} applied by the stack in {time.monotonic() - begun:.0f} s", flush=True)


def _wrong(text: str) -> str:
    """Return the lines around each error that the engine tells, and the last ones."""
    lines = text.splitlines()
    near = {at + more for at, line in enumerate(lines) if "error" in line.lower() for more in range(4)}
    return "\n".join(line for at, line in enumerate(lines) if at in near or at >= len(lines) - 5)


def _site(wanted: str) -> Path:
    """Return a stack file that declares the profile and is otherwise the repository's own."""
    text = (repo() / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    old = f"{DECLARED}{OTHER[wanted]}"
    path = state() / f"site-{wanted}.yaml"
    path.write_text(text.replace(old, f"{DECLARED}{wanted}"), encoding="utf-8")
    return path
