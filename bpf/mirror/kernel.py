"""Programs, links and counters of the mirror by the bpf system call; the kernel ends all of them with this process."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

from bpf.mirror.instructions import end, mirror
from bpf.syscall import Table, bpf

MAP_CREATE, PROG_LOAD, OBJECT_INFO, QUERY, LINK_CREATE = 0, 5, 15, 16, 28
"""Commands of the bpf system call."""
PER_CPU_ARRAY, SCHED_CLS, TCX_INGRESS, BEFORE = 6, 3, 46, 8
MANY = 64
"""Programs on one hook at most."""
NAME, END_NAME, TABLE_NAME = b"underlay_mirror", b"underlay_end", b"underlay_seen"
"""As the kernel keeps them: 15 characters at most."""
COUNTERS = ("seen", "mirrored", "failed")
WORDS = 65536
"""Bytes for the verifier's own words where it refuses a program."""
POSSIBLE = Path("/sys/devices/system/cpu/possible")


class _Create(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("kind", "key", "value", "entries", "flags", "inner", "numa")),
        ("name", ctypes.c_char * 16),
    )


class _Load(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
        ("instructions", ctypes.c_uint64),
        ("terms", ctypes.c_uint64),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log", ctypes.c_uint64),
        ("version", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("name", ctypes.c_char * 16),
        ("device", ctypes.c_uint32),
        ("attach_type", ctypes.c_uint32),
    )


class _Link(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("program", "device", "hook", "flags", "relative", "pad")),
        ("revision", ctypes.c_uint64),
    )


class _Query(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("device", "hook", "query_flags", "attach_flags")),
        ("ids", ctypes.c_uint64),
        ("count", ctypes.c_uint32),
        ("pad", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("flags_of_programs", "links", "flags_of_links", "revision")),
    )


class _InfoRequest(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_uint32), ("length", ctypes.c_uint32), ("info", ctypes.c_uint64))


class Counters:
    """What the mirror's program has counted on all processors together."""

    def __init__(self) -> None:
        size = 8 * len(COUNTERS)
        self.fd = bpf(MAP_CREATE, _Create(kind=PER_CPU_ARRAY, key=4, value=size, entries=1, name=TABLE_NAME))
        self.table = Table(self.fd, 4, size * processors())

    def read(self) -> dict[str, int]:
        """Return packets seen, packets mirrored, and copies that the mirror's device did not take."""
        numbers = list(struct.iter_unpack(f"<{len(COUNTERS)}Q", self.table.get(bytes(4)) or b""))
        return {name: sum(row[place] for row in numbers) for place, name in enumerate(COUNTERS)}


class Program:
    """A program in the kernel, and what it is attached to."""

    def __init__(self, instructions: bytes, name: bytes) -> None:
        self.fd = _load(instructions, name)
        self.id = _id(self.fd)
        self.links: dict[int, int] = {}

    def attach(self, device: int) -> None:
        """Put the program before all others at a device's ingress; OSError where the kernel refuses."""
        request = _Link(program=self.fd, device=device, hook=TCX_INGRESS, flags=BEFORE)
        self.links[device] = bpf(LINK_CREATE, request)

    def detach(self, device: int) -> None:
        """Take the program away from a device; nothing where it is not there."""
        if (link := self.links.pop(device, None)) is not None:
            os.close(link)

    def is_first(self, device: int) -> bool:
        """Say whether a device's packets meet this program before any other."""
        return attached(device)[:1] == [self.id]


def attached(device: int) -> list[int]:
    """Return the numbers of the programs at a device's tcx ingress, in their order."""
    ids = (ctypes.c_uint32 * MANY)()
    query = _Query(device=device, hook=TCX_INGRESS, ids=ctypes.addressof(ids), count=MANY)
    bpf(QUERY, query)
    return list(ids[: query.count])


def mirror_program(counters: Counters, device: int) -> Program:
    """Load the program that mirrors to a device."""
    return Program(mirror(counters.fd, device), NAME)


def end_program() -> Program:
    """Load the program of the mirror's far end."""
    return Program(end(), END_NAME)


def processors() -> int:
    """Return how many processors the kernel may ever have: so many values a per-processor table gives."""
    ranges = [part.split("-") for part in POSSIBLE.read_text().strip().split(",")]
    return sum(int(ends[-1]) - int(ends[0]) + 1 for ends in ranges)


def _load(instructions: bytes, name: bytes) -> int:
    code, terms = ctypes.create_string_buffer(instructions, len(instructions)), ctypes.create_string_buffer(b"GPL")
    request = _Load(kind=SCHED_CLS, count=len(instructions) // 8, name=name, attach_type=TCX_INGRESS)
    request.instructions, request.terms = ctypes.addressof(code), ctypes.addressof(terms)
    try:
        return bpf(PROG_LOAD, request)
    except OSError as error:
        words = ctypes.create_string_buffer(WORDS)
        request.log_level, request.log_size, request.log = 1, WORDS, ctypes.addressof(words)
        try:
            return bpf(PROG_LOAD, request)
        except OSError:
            last = " ".join(words.value.decode(errors="replace").split())[-300:]
            raise OSError(error.errno, f"{error.strerror}; the kernel says: {last or 'nothing'}") from None


def _id(fd: int) -> int:
    info = (ctypes.c_uint32 * 2)()
    bpf(OBJECT_INFO, _InfoRequest(fd=fd, length=ctypes.sizeof(info), info=ctypes.addressof(info)))
    return int(info[1])
