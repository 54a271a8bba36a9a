"""Power for the whole lab or one machine: up, down, restart."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import cgroups, fabric, inside, stack
from lab.failure import Failure
from lab.hardware import Hardware, read
from lab.machine import folder, in_child
from lab.paths import repo, state
from lab.supervisor import ready_file, start
from lab.surroundings import stack_file

MARK = ".underlay-lab"
"""The file that makes a folder the lab's own: only a folder with it is ever removed."""

PATIENCE = 60.0


def up(site: Path) -> None:
    """Bring the lab up; on a running one, boot what is down and start what ended."""
    stack.declared(site)
    with _alone():
        if inside.supervisor() is None:
            _end()
            _prepare()
            stack.write(site)
            _launch()
        else:
            stack.write(site)
        stack.make_secrets()
        _follow()
        _mend(list(read(stack_file()).machines))


def down() -> None:
    """End the lab and remove what it left: processes, control groups, state."""
    with _alone():
        _end()


def _end() -> None:
    outer = inside.supervisor()
    cgroups.end(cgroups.SUPERVISOR)
    if not cgroups.end():
        raise Failure(
            f"control group {cgroups.parent()} cannot be removed: a process in it does not end; run `lab down` again"
        )
    if (state() / MARK).exists():
        shutil.rmtree(state())
    deadline = time.monotonic() + 3
    while outer and Path(f"/proc/{outer}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)  # the host's own first process buries it; some look only once a second


def restart(names: list[str], hardware: Hardware, *, wipe: bool = False) -> None:
    """Power machines off and boot them: memory is lost, disks stay unless they are wiped."""
    with _alone():
        for name in names:
            if not cgroups.end(name):
                raise Failure(
                    f"{name} does not power off: a process in control group {cgroups.parent()}/{name} does not end"
                )
            if wipe:
                shutil.rmtree(folder(name))
        _boot(names, hardware)
        _wait_for_services(names)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep a second command out; the lock is the parent of the state folder, so nothing is left of it."""
    state().parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(state().parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _prepare() -> None:
    """Make the state folder; one that holds something else is left alone."""
    here = state()
    if here.exists() and any(here.iterdir()):
        raise Failure(
            f"{here} is not empty and not the lab's: {MARK} is missing; name another folder in UNDERLAY_STATE"
        )
    here.mkdir(mode=0o700, parents=True, exist_ok=True)
    here.chmod(0o700)
    (here / MARK).touch()
    (here / "log").mkdir()


def _launch() -> None:
    with (state() / "log/supervisor").open("w") as log:
        command = [sys.executable, "-m", "lab.supervisor"]
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=repo(), check=False)


def _follow() -> None:
    """Print the outer process's progress until every machine has booted; nothing when that was long ago."""
    if ready_file().exists() and time.time() - ready_file().stat().st_mtime > PATIENCE:
        return
    deadline = time.monotonic() + PATIENCE
    with (state() / "log/supervisor").open() as log:
        while True:
            finished, alive = ready_file().exists(), inside.supervisor() is not None
            sys.stdout.write(log.read())
            if finished:
                return
            if not alive or time.monotonic() > deadline:
                raise Failure(f"the lab did not come up; see {state() / 'log/supervisor'}")
            time.sleep(0.05)


def _mend(names: list[str]) -> None:
    """Boot machines that are down, start services that ended, and wait for all."""
    _boot([name for name in names if cgroups.first(name) is None], read(stack_file()))
    for name in names:
        if not all(inside.services(name).values()):
            inside.wake(name)
    _wait_for_services(names)


def _boot(names: list[str], hardware: Hardware) -> None:
    """Boot machines in the lab's outer namespaces, as the outer process's children."""

    def work() -> None:
        inside.enter_outer()
        if os.waitpid(in_child(lambda: _boot_all(names, hardware)), 0)[1]:
            raise OSError(f"not every machine of {', '.join(names)} booted")

    if names and os.waitpid(in_child(work), 0)[1]:
        raise Failure(f"{', '.join(names)} did not boot; the cause stands above")


def _boot_all(names: list[str], hardware: Hardware) -> None:
    for name in names:
        fabric.replug(hardware.machines[name], hardware)
    children = [start(hardware.machines[name], hardware) for name in names]
    ended = [os.waitpid(child, 0)[1] for child in children]
    if any(ended):
        raise OSError("a machine did not boot")


def _wait_for_services(names: list[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    waiting = names
    while waiting := [name for name in waiting if not all(inside.services(name).values())]:
        if time.monotonic() > deadline:
            raise Failure(f"services do not run on {', '.join(waiting)}; `python3 -m lab status` shows which")
        time.sleep(0.05)
