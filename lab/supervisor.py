"""The outer process: everything in the lab lives in its namespaces and ends with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from lab import cgroups
from lab.fabric import power
from lab.hardware import Hardware, Machine, read
from lab.machine import boot, in_child
from lab.namespaces import OUTER, Flag, mount, unshare
from lab.outfit import Outfit, common
from lab.paths import state
from lab.surroundings import stack_file


def ready_file() -> Path:
    """Return the file that is there once every machine has booted."""
    return state() / "ready"


def outfit(machine: Machine, hardware: Hardware) -> Outfit:
    """Return what a machine carries, by its kind."""
    from lab import nodes, routers

    own = {"node": lambda _: nodes.node(), "frr": routers.frr, "bird": routers.bird, "outside": routers.outside}
    return common(machine, hardware) | own[machine.kind](machine)


def start(machine: Machine, hardware: Hardware) -> int:
    """Boot a machine in a child of this process and return the child's number."""
    return in_child(lambda: boot(machine, hardware, outfit(machine, hardware)))


def main() -> NoReturn:
    """Cut this process off from the host, build the lab, then bury the dead until killed."""
    cgroups.join(cgroups.SUPERVISOR)
    unshare(OUTER)
    if os.fork():
        os._exit(0)
    os.setsid()
    try:
        _outer()
        _build(read(stack_file()))
    except (OSError, subprocess.SubprocessError) as error:
        print(f"failed: {error}", flush=True)
        sys.exit(1)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.sigwait({signal.SIGCHLD})


def _outer() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    mount("", "/", flags=Flag.RECURSIVE | Flag.PRIVATE)
    mount("proc", "/proc", "proc")
    mount("tmpfs", "/run", "tmpfs", data="mode=755")


def _build(hardware: Hardware) -> None:
    begin = time.monotonic()
    times: dict[str, float] = {}
    power(hardware)
    times["fabric"] = time.monotonic() - begin
    _say("fabric", f"{len(hardware.cables)} cables", times["fabric"])
    pending = {start(machine, hardware): machine.name for machine in hardware.machines.values()}
    while pending:
        pid, status = os.wait()
        name = pending.pop(pid, "")
        if name and status != 0:
            raise OSError(f"{name} did not boot")
        if name:
            times[name] = time.monotonic() - begin
            _say(name, hardware.machines[name].kind, times[name])
    ready_file().write_text(json.dumps(times))


def _say(name: str, what: str, seconds: float) -> None:
    print(f"{seconds:6.1f} s  {name:<16} {what}", flush=True)


if __name__ == "__main__":
    main()
