"""Run programs so that they end with us: also when we are killed, nothing of theirs stays behind."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

TIED = ("setpriv", "--pdeathsig", "KILL")
OWN_NAMESPACES = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc")
TAIL = 12

_running: set[subprocess.Popen[bytes]] = set()
_guard = threading.Lock()
_stopped = threading.Event()


class StepError(Exception):
    """A step could not be done; the message says what and why in one or two lines."""


def tied(argv: Sequence[str]) -> list[str]:
    """Return the command so that it ends with us; as root it takes its mounts and children along."""
    return [*TIED, *(OWN_NAMESPACES if os.geteuid() == 0 else ()), *argv]


def run(
    argv: Sequence[str],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> None:
    """Run a program, everything it prints into the log; anything but exit 0 is a StepError."""
    with log.open("ab") as out:
        out.write(f"$ {shlex.join(argv)}\n".encode())
        out.flush()
        process = _start(tied(argv), stdout=out, cwd=cwd, env=env)
        try:
            process.communicate(stdin)
        finally:
            _forget(process)
    if process.returncode != 0:
        raise StepError(f"{shlex.join(argv)[:200]} ended with {process.returncode}")


def read(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float = 120,
) -> str:
    """Return what a short program prints; anything but exit 0 is a StepError with its complaint."""
    try:
        done = subprocess.run(argv, cwd=cwd, env=env, input=stdin, capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepError(f"{argv[0]} did not run: {error}") from error
    if done.returncode != 0:
        complaint = done.stderr.decode(errors="replace").strip()[-400:]
        raise StepError(f"{shlex.join(argv)[:200]} ended with {done.returncode}: {complaint}")
    return done.stdout.decode(errors="replace")


def stop() -> None:
    """End every running program at once and let none start after it."""
    _stopped.set()
    with _guard:
        for process in _running:
            process.kill()


def tail(log: Path, lines: int = TAIL) -> Iterable[str]:
    """Return the last lines of a log."""
    if not log.exists():
        return []
    return log.read_text(errors="replace").splitlines()[-lines:]


def _start(
    argv: list[str], stdout: BinaryIO, cwd: Path | None, env: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    with _guard:
        if _stopped.is_set():
            raise StepError("interrupted")
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
        except OSError as error:
            raise StepError(f"{argv[0]} did not start: {error}") from error
        _running.add(process)
        return process


def _forget(process: subprocess.Popen[bytes]) -> None:
    with _guard:
        _running.discard(process)
