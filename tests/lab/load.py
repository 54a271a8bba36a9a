"""A bounded load between two pods: bulk streams, and questions with answers; no program but python3 is needed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PORT = 5301
SECONDS = 3.0
"""Of each measurement."""
SERVER = """
import socket, struct, sys, threading
def bulk(call):
    store, total = bytearray(1 << 20), 0
    while taken := call.recv_into(store):
        total += taken
    call.sendall(struct.pack("!Q", total))
def echo(call, size):
    while data := call.recv(size, socket.MSG_WAITALL):
        call.sendall(data)
def serve(call):
    call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size, = struct.unpack("!Q", call.recv(8, socket.MSG_WAITALL))
    echo(call, size) if size else bulk(call)
    call.close()
with socket.create_server(("", int(sys.argv[1])), backlog=64) as server:
    print("up", flush=True)
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""
CLIENT = """
import json, multiprocessing, socket, struct, sys, time
host, port, size, streams, seconds = sys.argv[1], *map(int, sys.argv[2:5]), float(sys.argv[5])
def dial():
    call = socket.create_connection((host, port), 10)
    call.settimeout(20)
    call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    call.sendall(struct.pack("!Q", size))
    return call
def bulk(_):
    block, end = bytes(1 << 18), time.monotonic() + seconds
    with dial() as call:
        while time.monotonic() < end:
            call.sendall(block)
        call.shutdown(socket.SHUT_WR)
        return struct.unpack("!Q", call.recv(8, socket.MSG_WAITALL))[0]
def ask(_):
    data, end, done = bytes(size), time.monotonic() + seconds, 0
    with dial() as call:
        while time.monotonic() < end:
            call.sendall(data)
            call.recv(size, socket.MSG_WAITALL)
            done += 1
    return done
begun = time.monotonic()
with multiprocessing.Pool(streams) as pool:
    total = sum(pool.map(ask if size else bulk, range(streams), 1))
print(json.dumps({"total": total, "seconds": time.monotonic() - begun}))
"""


@dataclass(frozen=True)
class Kind:
    """What is measured: questions of so many bytes, or bulk where the size is zero, by so many streams at once."""

    size: int
    streams: int

    @property
    def name(self) -> str:
        """Return how a table calls it."""
        many = f"{self.streams} stream{'s' * (self.streams > 1)}"
        return f"questions of {self.size:,} bytes, {many}" if self.size else f"bulk, {many}"

    @property
    def unit(self) -> str:
        """Return the unit of its rate."""
        return "answers/s" if self.size else "Mbit/s"


KINDS = (Kind(0, 1), Kind(0, 4), Kind(0, 8), Kind(64, 1), Kind(1400, 1), Kind(16384, 1), Kind(64, 8))


@dataclass(frozen=True)
class Measured:
    """A rate, and the processor's seconds of the whole machine for each GB or each thousand answers."""

    rate: float
    processor: float


def measure(enter: Sequence[str], host: str, kind: Kind, seconds: float = SECONDS) -> Measured:
    """Run the client behind the words that enter its pod; AssertionError carries what it said instead of a figure."""
    words = [*enter, "python3", "-c", CLIENT, host, str(PORT), str(kind.size), str(kind.streams), str(seconds)]
    before = busy()
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds + 60)
    used = busy() - before
    assert done.returncode == 0, f"{kind.name}: {done.stderr.strip()[-500:]}"
    found: dict[str, Any] = json.loads(done.stdout)
    amount = found["total"] / 1e3 if kind.size else found["total"] / 1e9
    rate = found["total"] / seconds if kind.size else found["total"] * 8 / 1e6 / seconds
    return Measured(rate, used / amount)


def busy() -> float:
    """Return the seconds in which the machine's processors were not idle since its start."""
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]
    idle = int(first[3]) + int(first[4])
    return (sum(map(int, first)) - idle) / 100


def answers(enter: Sequence[str], host: str, patience: float = 60) -> None:
    """Wait until the server answers behind those words."""
    end = time.monotonic() + patience
    while True:
        try:
            measure(enter, host, Kind(64, 1), 0.1)
        except (AssertionError, subprocess.TimeoutExpired):
            assert time.monotonic() < end, f"no answer from {host} within {patience:.0f} s"
            time.sleep(1)
        else:
            return
