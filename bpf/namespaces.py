"""Network namespaces of this machine: which one holds an address, and how to run a function in it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

NEW_NET = 0x40000000
"""The kernel's CLONE_NEWNET."""
PDEATHSIG = 1
"""The kernel's PR_SET_PDEATHSIG."""
STARTED = 19
"""Where `starttime` stands in /proc/PID/stat behind the name, which may hold anything (proc(5))."""
NOBODY = "192.0.2.1"
"""An address of documentation (RFC 5737)."""
MOST = 8 * 1024 * 1024
"""Bytes that a child may answer."""

_libc = ctypes.CDLL(None, use_errno=True)


def enter(path: str) -> None:
    """Move this process into a network namespace."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, NEW_NET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)


def holding(address: str | None) -> str:
    """Return the path of the network namespace, other than our own, that holds an address; LookupError if none."""
    if address is None:
        message = "no probe pod is known on this node"
        raise LookupError(message)
    found = Child(lambda: _search(address)).result(5.0)
    if not found.get("path"):
        message = f"no network namespace on this node holds {address}"
        raise LookupError(message)
    return str(found["path"])


class Child:
    """A function that runs in a process of its own, and answers with JSON."""

    def __init__(self, function: Callable[[], dict[str, Any]]) -> None:
        self.fd, write = os.pipe()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _end_with(parent)
            _answer(function, write)
        os.close(write)

    def result(self, seconds: float) -> dict[str, Any]:
        """Return the answer, or what went wrong as `error`; the child is gone afterwards."""
        try:
            data = _read(self.fd, time.monotonic() + seconds)
            return dict(json.loads(data)) if data else {"error": "the child ended without an answer"}
        except (TimeoutError, ValueError) as error:
            return {"error": f"no answer within {seconds:g} s ({error})"}
        finally:
            os.close(self.fd)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def _end_with(parent: int) -> None:
    """Let the kernel end this process with its parent: it holds the parent's programs as well."""
    _libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _answer(function: Callable[[], dict[str, Any]], fd: int) -> None:
    """Run the function, write its result and end the process without the parent's clean-up."""
    try:
        result = function()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent reports it
        result = {"error": f"{type(error).__name__}: {error}"}
    with os.fdopen(fd, "w") as stream:
        json.dump(result, stream)
    os._exit(0)


def _read(fd: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while sum(map(len, parts)) < MOST:
        if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError("time limit")
        part = os.read(fd, 1 << 20)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


def _search(address: str) -> dict[str, Any]:
    for path in _others():
        with contextlib.suppress(OSError):
            enter(path)
            if _is_local(address):
                return {"path": path}
    return {"path": None}


def _is_local(address: str) -> bool:
    """Say whether the namespace owns an address: only then can a socket be bound to it.

    A namespace that has never had an address takes any; it is known by taking one that nobody has.
    """
    return _binds(address) and not _binds(NOBODY)


def _binds(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _others() -> Iterator[str]:
    """Yield one path for each network namespace that this process can see, without its own.

    Of the processes in one the oldest is taken: others may be about to end, as other verifications' own are.
    """
    seen = {Path("/proc/self/ns/net").stat().st_ino}
    for path in Path("/run/netns").glob("*"):
        with contextlib.suppress(OSError):
            inode = path.stat().st_ino
            if inode not in seen:
                seen.add(inode)
                yield str(path)
    oldest: dict[int, tuple[int, str]] = {}
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            inode = path.stat().st_ino
            if inode not in seen:
                one = (born(path.parent.parent), str(path))
                oldest[inode] = min(oldest.get(inode, one), one)
    yield from (path for _, path in oldest.values())


def born(process: Path) -> int:
    """Return when a process of /proc began, in the kernel's ticks since it started."""
    return int((process / "stat").read_text().rpartition(")")[2].split()[STARTED])
