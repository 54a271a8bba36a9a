"""What the verifier costs its machine, in seconds, memory and nanoseconds per event; runs there, beside its zip."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bpf import by_core, selftest
from bpf.__main__ import peak
from bpf.events import POD, Events, start
from bpf.syscall import bpf

ENABLE_STATS = 32
"""Command of the bpf system call that lets the kernel measure programs (Linux 5.8)."""
PACKETS = 10_000
"""Datagrams of each kind; half of them to a closed port, where they are dropped and refused."""
OURS, FOREIGN = ("127.77.1.1", "127.77.1.2"), ("127.77.2.1", "127.77.2.2")
"""Addresses that are watched, and others that are not."""
Runs = dict[str, "tuple[int, int]"]


class _Stats(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint32),)


def measure(backend: str | None = None) -> dict[str, Any]:
    """Return what attaching costs, and nanoseconds per run of each program for watched and for foreign packets."""
    library = _library()
    begun, before = time.monotonic(), peak()
    events = start(0, backend)
    attached = time.monotonic() - begun
    wrong = selftest.run(events)["wrong"]
    found = {
        "backend": events.loaded.name,
        "attach_seconds": round(attached, 3),
        "tested_seconds": round(time.monotonic() - begun, 3),
        "peak_mib": peak(),
        "peak_mib_before": before,
        "wrong": wrong,
        **library,
        **_nanoseconds(events),
    }
    events.close()
    return found


def _library() -> dict[str, Any]:
    """Return size and load time of libbpf; nothing where the machine has none."""
    begun = time.monotonic()
    try:
        ctypes.CDLL(by_core.LIBRARY)
    except OSError:
        return {"libbpf_kib": None, "libbpf_seconds": None}
    seconds = round(time.monotonic() - begun, 4)
    maps = Path("/proc/self/maps").read_text().splitlines()
    path = next(line.split(maxsplit=5)[5] for line in maps if "libbpf" in line)
    return {"libbpf_kib": Path(path).stat().st_size // 1024, "libbpf_seconds": seconds}


def _nanoseconds(events: Events) -> dict[str, Any]:
    """Let the kernel measure all programs while packets are sent; its measuring ends with this call."""
    events.watch(OURS, POD)
    with _measured():
        start_ = _runs(events)
        _send(*OURS)
        middle = _runs(events)
        _send(*FOREIGN)
        end = _runs(events)
    events.forget(OURS)
    return {"ns_watched": _each(start_, middle), "ns_foreign": _each(middle, end)}


@contextmanager
def _measured() -> Iterator[None]:
    fd = bpf(ENABLE_STATS, _Stats())
    try:
        yield
    finally:
        os.close(fd)


def _runs(events: Events) -> Runs:
    """Return nanoseconds and number of runs of each program so far."""
    return {name: _run(f"/proc/self/fdinfo/{fd}") for name, fd in events.loaded.programs.items()}


def _run(path: str) -> tuple[int, int]:
    values = dict(line.split(":", 1) for line in Path(path).read_text().splitlines())
    return int(values["run_time_ns"]), int(values["run_cnt"])


def _each(before: Runs, after: Runs) -> dict[str, int]:
    """Return nanoseconds per run of each program that ran often enough to be measured, and of all together."""
    spent = {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}
    often = {name: both for name, both in spent.items() if both[1] >= PACKETS // 10}
    return {name: nanoseconds // count for name, (nanoseconds, count) in often.items()} | {"all": _mean(spent.values())}


def _mean(spent: Iterable[tuple[int, int]]) -> int:
    rows = list(spent)
    return sum(nanoseconds for nanoseconds, _ in rows) // max(1, sum(count for _, count in rows))


def _send(source: str, target: str) -> None:
    """Send datagrams by turns to an open port, where nobody reads, and to a closed one."""
    family, kind = socket.AF_INET, socket.SOCK_DGRAM
    with socket.socket(family, kind) as receiver, socket.socket(family, kind) as sender:
        receiver.bind((target, 0))
        sender.bind((source, 0))
        open_port = receiver.getsockname()[1]
        for number in range(PACKETS):
            sender.sendto(b"underlay cost", (target, 9 if number % 2 else open_port))


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:2])))
