"""A steady stream between all pods: what is lost of it, from when until when, by pair of racks."""

from __future__ import annotations

import select
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from tests.lab.world import PORT
from underlay.model import Site

FLOWS, TICK = 8, 0.05
"""Connections for each pair of pods, and seconds between two packets of one of them."""
LATE = 1.0
"""Seconds after the last packet in which one may still arrive."""
Key = tuple[str, str, int]


class Loss(NamedTuple):
    """What was lost between two racks."""

    lost: int
    sent: int
    seconds: float
    """From the first packet that was lost to the last one, with the pause between two packets."""
    flows: int
    """How many connections lost something."""
    still: int
    """Packets lost within the last second: these connections have not come back."""


class Talking(Protocol):
    """Pods of a site with sockets in them: in bare namespaces, or those of a running cluster."""

    site: Site
    pods: dict[str, str]
    """Address by node."""
    sockets: dict[str, list[socket.socket]]
    """A receiver and senders by node."""


class Stream:
    """Sends for a while, and remembers what arrived."""

    def __init__(self, world: Talking) -> None:
        self.world = world
        self.sent: dict[Key, int] = {}
        self.seen: dict[Key, set[int]] = defaultdict(set)

    def run(self, seconds: float, at: float, event: Callable[[], object]) -> None:
        """Send for so many seconds; something happens in between."""
        begin, number, done = time.monotonic(), 0, False
        while time.monotonic() - begin < seconds:
            if not done and time.monotonic() - begin >= at:
                event()
                done = True
            number = max(number, int((time.monotonic() - begin) / TICK))
            self._send(number)
            number += 1
            self._collect(begin + number * TICK)
        self._collect(time.monotonic() + LATE)

    def _send(self, number: int) -> None:
        for source, (_, *senders) in self.world.sockets.items():
            for target, address in self.world.pods.items():
                for flow, sender in enumerate(senders[:FLOWS]) if source != target else ():
                    self.sent[source, target, flow] = self.sent.get((source, target, flow), 0) + 1
                    try:
                        sender.sendto(f"{source} {flow} {number}".encode(), (address, PORT))
                    except OSError:
                        continue  # no route, or an earlier packet was answered so: it does not arrive

    def _collect(self, end: float) -> None:
        """Read what arrives until then; what has arrived is read even where that is past."""
        while self._read(0.0):
            pass
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def _read(self, patience: float) -> bool:
        receivers = {sockets[0]: name for name, sockets in self.world.sockets.items()}
        ready = select.select([*receivers], [], [], patience)[0]
        for one in ready:
            source, flow, number = one.recv(100).decode().split()
            self.seen[source, receivers[one], int(flow)].add(int(number))
        return bool(ready)

    def losses(self) -> dict[tuple[str, str], Loss]:
        """Return what was lost by the racks of source and target; numbers that nobody sent count for nobody."""
        rack = {node.name: node.rack for node in self.world.site.nodes}
        numbers = sorted(set().union(*self.seen.values()))
        gone: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
        for key in self.sent:
            gone[rack[key[0]], rack[key[1]]].append([one for one in numbers if one not in self.seen[key]])
        return {pair: _loss(missing, numbers) for pair, missing in gone.items()}


def _loss(missing: list[list[int]], numbers: list[int]) -> Loss:
    lost = [one for flow in missing for one in flow]
    span = (max(lost) - min(lost) + 1) * TICK if lost else 0.0
    late = numbers[-1] - int(1 / TICK)
    still = sum(any(one > late for one in flow) for flow in missing)
    return Loss(len(lost), len(missing) * len(numbers), span, sum(map(bool, missing)), still)
