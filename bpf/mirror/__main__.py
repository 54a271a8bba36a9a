"""`python3 -m bpf.mirror prepare|run|remove`: the mirror on one node, configured by JSON in a file.

`prepare` makes the pair of devices and ends, so that an engine finds what it reads. `run` copies every packet that
comes in by an uplink or from a pod to the engine's device, ahead of all other programs, until it is asked to end; then
the kernel takes the programs out and the devices go. Nothing is pinned: if this process is killed, no program stays.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from bpf.mirror import devices
from bpf.mirror.kernel import Counters, end_program, mirror_program

PERIOD = 1.0
"""Seconds between two looks where the kernel says nothing of itself; new devices it tells at once."""
OLDEST = "Linux 6.6, the first with tcx"


class Mirror:
    """The programs on one node."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.counters = Counters()
        self.program = mirror_program(self.counters, socket.if_nametoindex(settings["enter"]))
        self.end = end_program()
        self.end.attach(socket.if_nametoindex(settings["interface"]))
        self.repairs = 0
        self.errors: dict[str, str] = {}

    def wanted(self) -> dict[int, str]:
        """Return the devices whose incoming packets are mirrored, by number."""
        uplinks, prefix = self.settings["uplinks"], self.settings["pod_links"]
        return {number: name for number, name in socket.if_nameindex() if name in uplinks or name.startswith(prefix)}

    def look(self) -> None:
        """Attach to what has come, let go of what has gone, and go back to the first place where it was taken."""
        wanted = self.wanted()
        self.errors = {name: why for name, why in self.errors.items() if name in wanted.values()}
        for number in set(self.program.links) - wanted.keys():
            self.program.detach(number)
        for number, name in wanted.items():
            try:
                self._hold(number)
            except OSError as error:
                self.errors[name] = error.strerror or str(error)
            else:
                self.errors.pop(name, None)

    def _hold(self, number: int) -> None:
        if number not in self.program.links:
            self.program.attach(number)
        elif not self.program.is_first(number):
            self.program.detach(number)
            self.program.attach(number)
            self.repairs += 1

    def state(self) -> dict[str, Any]:
        """Return what the mirror does now, as its file tells it."""
        names = dict(socket.if_nameindex())
        held = sorted(names[number] for number in self.program.links if number in names)
        told = {"program": self.program.id, "devices": held, "repairs": self.repairs, "errors": self.errors}
        return {"time": time.time(), **told, **self.counters.read()}


def write(path: Path, state: dict[str, Any]) -> None:
    """Replace the file that tells how the mirror is."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(state), encoding="utf-8")
    draft.replace(path)


def run(settings: dict[str, Any]) -> None:
    """Mirror until the process is asked to end."""
    ended = threading.Event()
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: ended.set())
    prepare(settings)
    watch, mirror, path = devices.Watch(), Mirror(settings), Path(settings["state"])
    try:
        while not ended.is_set():
            mirror.look()
            write(path, mirror.state())
            watch.wait(PERIOD)
    finally:
        path.unlink(missing_ok=True)
        for number in list(mirror.program.links):
            mirror.program.detach(number)
        remove(settings)


def prepare(settings: dict[str, Any]) -> None:
    """Make the pair of devices: copies go into one and come out of the other, which the engine reads."""
    devices.make(settings["enter"], settings["interface"])


def remove(settings: dict[str, Any]) -> None:
    """Remove the pair of devices."""
    devices.remove(settings["enter"])


ORDERS = {"prepare": prepare, "run": run, "remove": remove}


def main(argv: list[str]) -> int:
    """Carry out one order; a failure is one sentence and exit code 1."""
    if len(argv) != 2 or argv[0] not in ORDERS:
        print(f"usage: python3 -m bpf.mirror {'|'.join(ORDERS)} FILE", file=sys.stderr)
        return 2
    try:
        ORDERS[argv[0]](json.loads(Path(argv[1]).read_text(encoding="utf-8")))
    except OSError as error:
        print(f"mirror: {error}; it needs {OLDEST}, and the capabilities BPF and NET_ADMIN", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
