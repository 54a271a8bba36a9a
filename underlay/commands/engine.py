"""The engine's program as the commands run it, and where the file of a stack lies."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from underlay.commands.common import Failure

CONFIG_FILE = "UNDERLAY_CONFIG_FILE"
"""Names the stack's file where it does not lie beside the program."""
Done = subprocess.CompletedProcess[str]


def stack_file(stack: str) -> Path:
    """Return where a stack's file lies."""
    return Path(os.environ.get(CONFIG_FILE) or f"Pulumi.{stack}.yaml")


def config_file() -> list[str]:
    """Return the words that tell the engine where the stack's file lies; none where it finds it itself."""
    file = os.environ.get(CONFIG_FILE)
    return ["--config-file", file] if file else []


def run(*words: str, stack: str = "", text: str | None = None, more: Mapping[str, str] | None = None) -> Done:
    """Run the engine's program on a stack, or on the selected one; Failure where there is no such program.

    Its Kubernetes plugin leaves a kubeconfig in the folder of temporary files; it gets one that ends with the run.
    """
    command = ["pulumi", *words, "--non-interactive", *(["--stack", stack] if stack else [])]
    with tempfile.TemporaryDirectory() as temporary:
        around = {**os.environ, "TMPDIR": temporary, **(more or {})}
        try:
            return subprocess.run(command, input=text, env=around, capture_output=True, text=True, check=False)
        except OSError as error:
            raise Failure(f"the program pulumi cannot be run: {error.strerror}; expected it on PATH") from None


def said(done: Done) -> str:
    """Return what the engine's program said of its failure."""
    return done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}"
