"""Programs, links and counters of the mirror by the bpf system call; the kernel ends all of them with this process."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

from bpf.loading import SCHED_CLS, link, load
from bpf.mirror.instructions import end, mirror
from bpf.programs import MIRROR, TCX, id_of, tcx_ids
from bpf.syscall import Table, bpf

MAP_CREATE = 0
"""Command of the bpf system call."""
PER_CPU_ARRAY, BEFORE = 6, 8
"""A kind of table, and the wish to come before all other programs of a hook."""
END_NAME, TABLE_NAME = b"underlay_end", b"underlay_seen"
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
        self.fd = _loaded(instructions, name)
        self.id = id_of(self.fd)
        self.links: dict[int, int] = {}

    def attach(self, device: int) -> None:
        """Put the program before all others at a device's ingress; OSError where the kernel refuses."""
        self.links[device] = link(self.fd, device, TCX["ingress"], BEFORE)

    def detach(self, device: int) -> None:
        """Take the program away from a device; nothing where it is not there."""
        if (link := self.links.pop(device, None)) is not None:
            os.close(link)

    def is_first(self, device: int) -> bool:
        """Say whether a device's packets meet this program before any other."""
        return tcx_ids(device, "ingress")[:1] == [self.id]


def mirror_program(counters: Counters, device: int) -> Program:
    """Load the program that mirrors to a device."""
    return Program(mirror(counters.fd, device), MIRROR.encode())


def end_program() -> Program:
    """Load the program of the mirror's far end."""
    return Program(end(), END_NAME)


def processors() -> int:
    """Return how many processors the kernel may ever have: so many values a per-processor table gives."""
    ranges = [part.split("-") for part in POSSIBLE.read_text().strip().split(",")]
    return sum(int(ends[-1]) - int(ends[0]) + 1 for ends in ranges)


def _loaded(instructions: bytes, name: bytes) -> int:
    """Load a program; where the kernel refuses, ask it again for its own words."""
    try:
        return load(SCHED_CLS, TCX["ingress"], instructions, name)
    except OSError as error:
        words = ctypes.create_string_buffer(WORDS)
        try:
            return load(SCHED_CLS, TCX["ingress"], instructions, name, words)
        except OSError:
            last = " ".join(words.value.decode(errors="replace").split())[-300:]
            raise OSError(error.errno, f"{error.strerror}; the kernel says: {last or 'nothing'}") from None
