"""The stream between pods loses nothing itself, however late this machine is."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace
from typing import Any

from tests.lab.bgp.stream import Stream

NUMBERS = range(50)


def test_what_has_arrived_is_read_where_the_time_is_up_already() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        for number in NUMBERS:
            sender.sendto(f"far 0 {number}".encode(), receiver.getsockname())
        world: Any = SimpleNamespace(sockets={"near": [receiver]})
        stream = Stream(world)
        stream._collect(time.monotonic() - 1)
    assert stream.seen == {("far", "near", 0): set(NUMBERS)}
