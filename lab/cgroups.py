"""The lab's control groups: the kernel's own record of which process belongs to which machine."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab.paths import state

SUPERVISOR = "_supervisor"
"""Group of the outer process; machines' names have no underscore."""

EXEC = "_exec"
"""Group of what `lab exec` started in the operator's network, with all its children."""


@dataclass(frozen=True)
class Hierarchy:
    """One mounted cgroup hierarchy; without controllers it is version 2."""

    root: Path
    controllers: str

    @property
    def relative(self) -> str:
        """Return where a machine sees this hierarchy below /sys/fs/cgroup."""
        return "" if self.root == Path("/sys/fs/cgroup") else self.root.name


@cache
def hierarchies() -> tuple[Hierarchy, ...]:
    """Return this machine's hierarchies, version 2 first."""
    rows = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    wanted = [row for row in rows if row[2] in {"cgroup", "cgroup2"} and row[1].startswith("/sys/fs/cgroup")]
    found = {row[1]: _controllers(row) for row in wanted}
    return tuple(sorted((Hierarchy(Path(root), names) for root, names in found.items()), key=lambda h: h.controllers))


def _controllers(row: list[str]) -> str:
    plain = {"rw", "ro", "relatime", "noatime", "nosuid", "nodev", "noexec", "xattr", "clone_children"}
    options = [word for word in row[3].split(",") if word not in plain and not word.startswith("release_agent")]
    return ",".join(options) if row[2] == "cgroup" else ""


def parent() -> str:
    """Return the name of the lab's group; labs with other state folders have other names."""
    return "underlay-lab-" + hashlib.sha256(str(state()).encode()).hexdigest()[:8]


def other_labs() -> list[str]:
    """Return the groups of labs on other state folders."""
    found = {path.name for one in hierarchies() for path in one.root.glob("underlay-lab-*")}
    return sorted(found - {parent()})


def join(name: str) -> None:
    """Move this process into a group of the lab, in every hierarchy."""
    for hierarchy in hierarchies():
        folder = hierarchy.root / parent() / name
        folder.mkdir(parents=True, exist_ok=True)
        _fill(hierarchy, folder)
        (folder / "cgroup.procs").write_text("0")


def _fill(hierarchy: Hierarchy, folder: Path) -> None:
    """Pass on what version 1 leaves empty and version 2 leaves switched off."""
    for path in (folder.parent, folder):
        for name in ("cpuset.cpus", "cpuset.mems") if "cpuset" in hierarchy.controllers else ():
            (path / name).write_text((path.parent / name).read_text())
    if not hierarchy.controllers:
        _delegate(folder.parent.parent)
        _delegate(folder.parent)


def _delegate(folder: Path) -> None:
    for name in (folder / "cgroup.controllers").read_text().split():
        (folder / "cgroup.subtree_control").write_text(f"+{name}")


def members(name: str) -> list[int]:
    """Return the processes directly in a group of the lab, as this machine numbers them."""
    folder = hierarchies()[0].root / parent() / name
    return [pid for path in (folder, folder / "machine") for pid in _processes(path)]


def first(name: str) -> int | None:
    """Return the process that is PID 1 of a machine, or None when the machine is down."""
    numbers = {pid: _numbers(pid) for pid in members(name)}
    found = [pid for pid, inside in numbers.items() if len(inside) > 1 and inside[-1] == "1"]
    return min(found, key=lambda pid: len(numbers[pid]), default=None)


def _numbers(pid: int) -> list[str]:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return []
    return next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])


def _processes(folder: Path) -> list[int]:
    try:
        return [int(word) for word in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def end(name: str = "", limit: float = 20.0) -> bool:
    """Kill everything in a group of the lab and remove the group; tell whether nothing is left."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        folders = list(_folders(name))
        if not folders:
            return True
        for folder in folders:
            _kill(folder)
        for folder in folders:
            _remove(folder)
        time.sleep(0.02)
    return False


def _folders(name: str) -> Iterator[Path]:
    """Yield the group and all below it, deepest first, in all hierarchies."""
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy.root / parent() / name, topdown=False):
            yield Path(folder)


def _kill(folder: Path) -> None:
    """Kill the group's processes; the handle is taken before membership is read again, so no other is hit."""
    for pid in _processes(folder):
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if pid in _processes(folder):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            pass
        finally:
            os.close(handle)


def _remove(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return
