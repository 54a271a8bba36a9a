"""Nothing of the verifier stays in the kernel, whatever ends it and whenever: no program, table, link or pin."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bpf.syscall import bpf
from tests.lab.conversation import BACKENDS, Conversation
from tests.lab.host import family
from tests.lab.minifabric import Fabric
from tests.lab.minisite import ADDRESSES, NETWORKS

pytestmark = [pytest.mark.lab, pytest.mark.namespaces]

BY_ID = {"prog_id": 13, "map_id": 14, "link_id": 30}
"""Commands that open a program, a table or a link by its number."""
Numbers = set[tuple[str, int]]


class Request(ctypes.Structure):
    """What these commands are given."""

    _fields_ = (("id", ctypes.c_uint32), ("next", ctypes.c_uint32), ("flags", ctypes.c_uint32))


def held(pids: list[int]) -> Numbers:
    """Return the numbers of all programs, tables and links that processes hold open."""
    found: Numbers = set()
    for pid in pids:
        for info in Path(f"/proc/{pid}/fdinfo").glob("*"):
            with contextlib.suppress(OSError):
                matches = re.findall(r"^(prog_id|map_id|link_id):\s*(\d+)", info.read_text(), re.MULTILINE)
                found |= {(kind, int(number)) for kind, number in matches}
    return found


def left(numbers: Numbers) -> Numbers:
    """Return what the kernel still has of it, after at most two seconds."""
    deadline = time.monotonic() + 2
    while (alive := {item for item in numbers if _exists(*item)}) and time.monotonic() < deadline:
        time.sleep(0.02)
    return alive


def _exists(kind: str, number: int) -> bool:
    try:
        os.close(bpf(BY_ID[kind], Request(id=number)))
    except FileNotFoundError:
        return False
    return True


def pins(lab: Fabric) -> str:
    return lab.machines["node1"].run("find", "/sys/fs/bpf")


def of_python(pids: list[int]) -> int:
    """Return the program itself: the first process that holds something of BPF."""
    return next(pid for pid in pids if held([pid]))


def kill(talk: Conversation) -> None:
    os.kill(of_python(family(talk.process.pid)), signal.SIGKILL)


def hang_up(talk: Conversation) -> None:
    assert talk.process.stdin
    talk.process.stdin.close()


def time_out(talk: Conversation) -> None:
    """Do what `timeout` on the node does at its limit."""
    os.kill(of_python(family(talk.process.pid)), signal.SIGTERM)


ENDS: dict[str, Callable[[Conversation], None]] = {
    "killed": kill,
    "the controller is gone": hang_up,
    "its time is up": time_out,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("end", ENDS)
def test_nothing_stays(lab: Fabric, end: str, backend: str) -> None:
    before = pins(lab)
    talk = Conversation(lab.machines["node1"], "node1", backend)
    talk.begin()
    numbers = held(family(talk.process.pid))
    assert {kind for kind, _ in numbers} == set(BY_ID)
    assert left(numbers) == numbers, "all of them are in the kernel now"
    ENDS[end](talk)
    assert left(numbers) == set()
    assert pins(lab) == before
    talk.end()


def lasting_child(parent: int) -> None:
    """Wait for the child that probes: others answer at once, this one waits for packets that are lost."""
    seen: dict[int, float] = {}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        now = time.monotonic()
        seen = {pid: seen.get(pid, now) for pid in family(parent)[1:]}
        if any(now - first > 1.0 for first in seen.values()):
            return
        time.sleep(0.02)
    raise AssertionError("no child probes")


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_stays_where_it_is_killed_while_its_children_probe(lab: Fabric, backend: str) -> None:
    talk = Conversation(lab.machines["node1"], "node1", backend)
    talk.begin()
    lab.machines["tor"].run("ip", "route", "replace", "blackhole", NETWORKS["node2"])
    try:
        talk.say(**talk.probing())
        parents = family(talk.process.pid)
        python = of_python(parents)
        lasting_child(python)
        numbers = held([python])
        os.kill(python, signal.SIGKILL)
        assert left(numbers) == set()
    finally:
        lab.machines["tor"].run("ip", "route", "replace", NETWORKS["node2"], "via", ADDRESSES["node2"])
    talk.end()
