"""The first process of a machine: starts its services, starts them again when they end, buries the dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

SERVICES = Path("/etc/lab/services")
LOGS = Path("/var/log/lab")
RUNNING = Path("/run/lab")
"""A file for each service that runs, with its process number in it."""
ENVIRONMENT = {
    "PATH": "/opt/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
SIGNALS = {signal.SIGCHLD, signal.SIGHUP}
PAUSE = 0.5
"""Seconds between a service's end and its next start."""


@dataclass
class Running:
    """What the first process knows of a service."""

    pid: int = 0
    due: float = 0.0
    started: bool = False


def run() -> NoReturn:
    """Keep the services of this machine running; on SIGHUP look for new ones and start those that ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    table: dict[str, Running] = {}
    while True:
        waiting = start_due(table)
        received = signal.sigtimedwait(SIGNALS, 0.05 if waiting else 3600)
        if received is not None and received.si_signo == signal.SIGHUP:
            for entry in table.values():
                entry.started = entry.pid != 0
        bury(table)


def start_due(table: dict[str, Running]) -> bool:
    """Start every service whose time has come; tell whether one still waits."""
    waiting = False
    for path in sorted(SERVICES.glob("*.json")):
        entry = table.setdefault(path.stem, Running())
        service = json.loads(path.read_text())
        if entry.pid or (entry.started and service["life"] != "keep"):
            continue
        if time.monotonic() < entry.due or not Path(service["needs"] or "/").exists():
            waiting = True
        else:
            entry.pid, entry.started, entry.due = spawn(path.stem, service), True, time.monotonic() + PAUSE
    return waiting


def spawn(name: str, service: dict[str, Any]) -> int:
    """Start a service in its own session, with its own log."""
    program = service["argv"][0]
    log = (os.POSIX_SPAWN_OPEN, 1, str(LOGS / f"{name}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), log, (os.POSIX_SPAWN_DUP2, 1, 2)]
    try:
        pid = os.posix_spawnp(
            program,
            service["argv"],
            ENVIRONMENT,
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=[signal.SIGPIPE],
        )
    except OSError as error:
        with (LOGS / f"{name}.log").open("a") as file:
            file.write(f"{program} cannot be started: {error}\n")
        return 0
    (RUNNING / name).write_text(str(pid))
    return pid


def bury(table: dict[str, Running]) -> None:
    """Take note of every process that has ended."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        for name, entry in table.items():
            if entry.pid == pid:
                (RUNNING / name).unlink(missing_ok=True)
                entry.pid, entry.due = 0, time.monotonic() + PAUSE


def prepare(commands: list[list[str]]) -> None:
    """Run what each boot begins with: the sysctl files, then the machine's own commands."""
    for folder in (LOGS, RUNNING):
        folder.mkdir(parents=True, exist_ok=True)
    for command in (["sysctl", "--quiet", "--ignore", "--system"], *commands):
        with (LOGS / "boot.log").open("a") as log:
            subprocess.run(command, stdout=log, stderr=log, env=ENVIRONMENT, check=False)
