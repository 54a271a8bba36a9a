"""The bpf system call, and the kernel's tables by their file descriptors: the same for whatever made them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
from collections.abc import Iterator
from pathlib import Path

SYSCALL = {"x86_64": 321, "aarch64": 280}
LOOKUP, UPDATE, DELETE, NEXT = 1, 2, 3, 4
"""Commands of a table's entries."""
GET = 7
"""Command: a file descriptor for a pinned table."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Entry(ctypes.Structure):
    _fields_ = (
        ("fd", ctypes.c_uint32),
        ("key", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    )


class _Path(ctypes.Structure):
    _fields_ = (("path", ctypes.c_uint64), ("fd", ctypes.c_uint32), ("flags", ctypes.c_uint32))


def bpf(command: int, attributes: ctypes.Structure) -> int:
    """Call the kernel; OSError where it refuses, or where the call's number on this machine is not known."""
    number = SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"bpf: the call's number on {platform.machine()} is not known")
    result = int(_libc.syscall(number, command, ctypes.byref(attributes), ctypes.sizeof(attributes)))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf command {command}: {os.strerror(ctypes.get_errno())}")
    return result


class Table:
    """A table in the kernel."""

    def __init__(self, fd: int, key_bytes: int, value_bytes: int) -> None:
        self.fd = fd
        self.key = ctypes.create_string_buffer(key_bytes)
        self.value = ctypes.create_string_buffer(value_bytes)

    def put(self, key: bytes, value: bytes) -> None:
        """Set an entry."""
        self.value.raw = value
        self._call(UPDATE, key)

    def get(self, key: bytes) -> bytes | None:
        """Return an entry; None where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._call(LOOKUP, key)
            return self.value.raw
        return None

    def delete(self, key: bytes) -> None:
        """Remove an entry, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._call(DELETE, key)

    def keys(self) -> list[bytes]:
        """Return every key."""
        found: list[bytes] = []
        following = ctypes.create_string_buffer(len(self.key))
        entry = _Entry(fd=self.fd, value=ctypes.addressof(following))
        with contextlib.suppress(FileNotFoundError):
            while True:
                bpf(NEXT, entry)
                found.append(following.raw)
                self.key.raw = following.raw
                entry.key = ctypes.addressof(self.key)
        return found

    def items(self) -> list[tuple[bytes, bytes]]:
        """Return all entries."""
        return [(key, value) for key in self.keys() if (value := self.get(key)) is not None]

    def clear(self) -> None:
        """Remove all entries."""
        for key in self.keys():
            self.delete(key)

    def _call(self, command: int, key: bytes) -> None:
        self.key.raw = key
        value = 0 if command == DELETE else ctypes.addressof(self.value)
        bpf(command, _Entry(fd=self.fd, key=ctypes.addressof(self.key), value=value))


@contextlib.contextmanager
def pinned(path: Path, key_bytes: int, value_bytes: int, copies: int = 1) -> Iterator[Table]:
    """Yield a pinned table; OSError where there is none, or where its entries have other sizes than expected.

    A table may keep a copy of each value for each processor.
    """
    text = ctypes.create_string_buffer(str(path).encode())
    fd = bpf(GET, _Path(path=ctypes.addressof(text)))
    try:
        sizes = _sizes(fd)
        if sizes != (key_bytes, value_bytes):
            raise OSError(errno.EINVAL, f"{path.name}: found {sizes} bytes an entry; expected {key_bytes, value_bytes}")
        yield Table(fd, key_bytes, value_bytes * copies)
    finally:
        os.close(fd)


def _sizes(fd: int) -> tuple[int, int]:
    """Return the bytes of a table's keys and values: the kernel copies as many, whatever room there is."""
    lines = Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(told["key_size"]), int(told["value_size"])
