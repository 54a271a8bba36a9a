"""Reaching into a running lab from outside: find a machine, enter it, write its files, run something in it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import cgroups, init
from lab.failure import Failure
from lab.files import write
from lab.namespaces import MACHINE, OUTER, Kind, enter

if TYPE_CHECKING:
    from lab.outfit import Outfit


def supervisor() -> int | None:
    """Return the lab's outer process, None when the lab is down."""
    return cgroups.first(cgroups.SUPERVISOR)


def require_supervisor() -> int:
    """Return the lab's outer process, or say what to do."""
    found = supervisor()
    if found is None:
        raise Failure("the lab is not running; start it with `python3 -m lab up`")
    return found


def require(name: str) -> int:
    """Return a machine's first process, or say that it is down."""
    found = cgroups.first(name)
    if found is None:
        raise Failure(f"machine {name} is down; `python3 -m lab up` boots what is down, `status` shows all machines")
    return found


def root(name: str) -> Path:
    """Return a machine's root as this process sees it."""
    return Path(f"/proc/{require(name)}/root")


def equip(name: str, outfit: Outfit) -> None:
    """Give a running machine files and services, and have its first process start what does not run."""
    here = root(name)
    write(here, outfit.files, mode=0o644)
    write(here, outfit.private, mode=0o600)
    write(here, {f"{init.SERVICES}/{key}.json": service.text() for key, service in outfit.services.items()}, mode=0o644)
    wake(name)


def wake(name: str) -> None:
    """Have a machine start every service that does not run."""
    os.kill(require(name), signal.SIGHUP)


def services(name: str) -> dict[str, int]:
    """Return a machine's lasting services with their process numbers inside it, 0 for one that does not run."""
    here = root(name)
    declared: dict[str, Any] = {
        path.stem: json.loads(path.read_text()) for path in sorted(_inside(here, init.SERVICES).glob("*.json"))
    }
    return {key: _number(here, key) for key, service in declared.items() if service["life"] != "once"}


def _number(here: Path, service: str) -> int:
    try:
        return int(_inside(here, init.RUNNING / service).read_text() or 0)
    except FileNotFoundError:
        return 0


def _inside(here: Path, path: Path) -> Path:
    return here / str(path).lstrip("/")


def enter_machine(name: str) -> None:
    """Move this process into a machine; its children are then the machine's."""
    pid = require(name)
    cgroups.join(name)
    enter(pid, MACHINE)


def enter_outer() -> None:
    """Move this process into the lab's outer namespaces; its children are then the outer process's."""
    pid = require_supervisor()
    cgroups.join(cgroups.SUPERVISOR)
    enter(pid, OUTER)


def enter_operator() -> None:
    """Move this process into the operator's network, on the host's own files and process numbers."""
    pid = require_supervisor()
    cgroups.join(cgroups.EXEC)
    enter(pid, Kind.NET)


def run(name: str, argv: list[str]) -> int:
    """Run a command in a machine with this process's terminal and return its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's interrupt is for the command alone
    if child := os.fork():
        return _code(child)
    enter_machine(name)
    if command := os.fork():
        os._exit(_code(command))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.chdir("/root")
        os.execvpe(argv[0], argv, init.ENVIRONMENT | {"TERM": os.environ.get("TERM", "dumb")})  # noqa: S606 - a list
    except OSError as error:
        os.write(2, f"lab: {argv[0]} cannot be run: {error.strerror}\n".encode())
        os._exit(127)


def _code(child: int) -> int:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code
