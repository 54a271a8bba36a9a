"""Programs on their way into the kernel by the bpf system call: loaded, and linked to a device's tcx hook."""

from __future__ import annotations

import ctypes

from bpf.syscall import bpf

LOAD, LINK = 5, 28
"""Commands of the bpf system call."""
SCHED_CLS = 3
"""The kind of a program that sees packets at a device."""


class _Program(ctypes.Structure):
    """What the kernel is told of a program to load."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("instructions", ctypes.c_uint64),
        ("licence", ctypes.c_uint64),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log", ctypes.c_uint64),
        ("version", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("name", ctypes.c_char * 16),
        ("ifindex", ctypes.c_uint32),
        ("expected", ctypes.c_uint32),
    )


class _Link(ctypes.Structure):
    """What the kernel is told of a program to attach."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("program", "ifindex", "hook", "flags", "relative", "pad")),
        ("revision", ctypes.c_uint64),
    )


def load(
    kind: int, expected: int, instructions: bytes, name: bytes = b"", log: ctypes.Array[ctypes.c_char] | None = None
) -> int:
    """Return a loaded program's file descriptor; OSError, and the log where one is given, say why there is none."""
    code, licence = ctypes.create_string_buffer(instructions, len(instructions)), ctypes.create_string_buffer(b"GPL")
    asked = _Program(
        type=kind,
        count=len(instructions) // 8,
        instructions=ctypes.addressof(code),
        licence=ctypes.addressof(licence),
        name=name,
        expected=expected,
    )
    if log is not None:
        asked.log_level, asked.log_size, asked.log = 1, len(log), ctypes.addressof(log)
    return bpf(LOAD, asked)


def link(program: int, ifindex: int, hook: int, flags: int = 0) -> int:
    """Return the file descriptor that keeps a program at a device's hook; OSError where the kernel refuses."""
    return bpf(LINK, _Link(program=program, ifindex=ifindex, hook=hook, flags=flags))
