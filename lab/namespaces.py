"""The kernel calls that Python 3.11 lacks: unshare, setns, mount and their like."""

from __future__ import annotations

import ctypes
import os
import subprocess
from enum import IntFlag
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)


class Kind(IntFlag):
    """A kind of namespace, by its clone flag."""

    MOUNT = 0x00020000
    CGROUP = 0x02000000
    UTS = 0x04000000
    IPC = 0x08000000
    PID = 0x20000000
    NET = 0x40000000


OUTER = Kind.MOUNT | Kind.UTS | Kind.IPC | Kind.PID | Kind.NET
MACHINE = OUTER | Kind.CGROUP


class Flag(IntFlag):
    """How something is mounted."""

    NONE = 0
    READ_ONLY = 0x1
    REMOUNT = 0x20
    BIND = 0x1000
    RECURSIVE = 0x4000
    PRIVATE = 0x40000
    SHARED = 0x100000


def unshare(kinds: Kind) -> None:
    """Leave the caller's namespaces of these kinds for new ones; a new PID namespace begins with the next fork."""
    _check(_libc.unshare(int(kinds)), f"unshare {kinds!r}")


def enter(pid: int, kinds: Kind) -> None:
    """Join namespaces of a process; its PID namespace begins with the next fork."""
    descriptor = os.pidfd_open(pid)
    try:
        _check(_libc.setns(descriptor, int(kinds)), f"join the namespaces of process {pid}")
    finally:
        os.close(descriptor)


def enter_network(name: str) -> None:
    """Join a network namespace that `ip netns` knows by name."""
    with Path("/run/netns", name).open() as file:
        _check(_libc.setns(file.fileno(), int(Kind.NET)), f"join the network namespace {name}")


def mount(source: str | Path, target: str | Path, kind: str = "", flags: Flag = Flag.NONE, data: str = "") -> None:
    """Mount a file system, or change a mount."""
    words = [str(word).encode() or None for word in (source, target, kind)]
    done = _libc.mount(words[0], words[1], words[2], ctypes.c_ulong(int(flags)), data.encode() or None)
    _check(done, f"mount {source} on {target}")


def bind(source: Path, target: Path, *, read_only: bool = False) -> None:
    """Show a file or folder at a second place, which is made when it is missing."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(source, target, flags=Flag.BIND)
    if read_only:
        mount("", target, flags=Flag.REMOUNT | Flag.BIND | Flag.READ_ONLY)


def pivot(root: Path) -> None:
    """Make a mounted tree the root of this mount namespace and let go of the old one."""
    os.chdir(root)
    Path(".old").mkdir(exist_ok=True)
    subprocess.run(["pivot_root", ".", ".old"], check=True)
    os.chdir("/")
    _check(_libc.umount2(b"/.old", 2), "let go of the old root")
    Path("/.old").rmdir()
    mount("", "/", flags=Flag.RECURSIVE | Flag.SHARED)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
