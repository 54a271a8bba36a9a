"""`serve PORT OWN` or `send STREAMS STOP OWN`: streams to servers of this kind, and what became of each packet.

It travels as text into pods and machines (`python3 -c TEXT ...`), so it needs the standard library alone. STREAMS is
JSON, name to [kind, host, port]; all run until the file STOP exists, then the figures are printed as JSON. OWN is the
address to send from, or any where it is empty.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

TICK, OPENED = 0.02, 0.1
"""Seconds between two packets or questions of a stream, and between two new connections."""
PATIENCE = 3.0
"""Seconds after which the answer to a datagram does not come any more."""
HELD = 20.0
"""The same for a connection: TCP sends again, later each time."""
AT_ONCE = int(HELD / OPENED)
"""Connections that may wait for their answers."""


class Sent(NamedTuple):
    """One packet, connection or question: when it was sent, and after how many seconds its answer was there."""

    at: float
    waited: float | None


Ended = Callable[[], bool]


def ticks(ended: Ended, every: float = TICK) -> Iterator[float]:
    """Yield the time at each tick; one that was missed is not made up for."""
    at = time.monotonic()
    while not ended():
        time.sleep(max(0.0, at - time.monotonic()))
        yield time.monotonic()
        at = max(at + every, time.monotonic())


def datagrams(host: str, port: int, ended: Ended, own: str) -> list[Sent]:
    """Send datagrams, each to be looked up anew by whoever translates addresses, and take the echoes."""
    sent: list[float] = []
    waited: dict[int, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as call:
        call.bind((own, 0))

        def collect(seconds: float) -> None:
            while select.select([call], [], [], seconds)[0]:
                with suppress(OSError):
                    number = struct.unpack("!I", call.recv(64))[0]
                    waited.setdefault(number, time.monotonic() - sent[number])
                seconds = 0.0

        for at in ticks(ended):
            sent.append(at)
            with suppress(OSError):
                call.sendto(struct.pack("!I", len(sent) - 1), (host, port))
            collect(TICK / 2)
        end = time.monotonic() + PATIENCE
        while len(waited) < len(sent) and time.monotonic() < end:
            collect(0.1)
    return [Sent(at, waited.get(number)) for number, at in enumerate(sent)]


def connections(host: str, port: int, ended: Ended, own: str) -> list[Sent]:
    """Open a connection at each tick, ask one question, and close it by a reset, so that no end keeps the port."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [one.result() for one in [pool.submit(_asked, host, port, own) for _ in ticks(ended, OPENED)]]


def _asked(host: str, port: int, own: str) -> Sent:
    at = time.monotonic()
    try:
        with socket.create_connection((host, port), HELD, (own, 0)) as call:
            call.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            _question(call)
    except OSError:
        return Sent(at, None)
    return Sent(at, time.monotonic() - at)


def questions(host: str, port: int, ended: Ended, own: str) -> list[Sent]:
    """Ask by one connection; one that breaks is a loss, and the next question makes another."""
    found: list[Sent] = []
    call: socket.socket | None = None
    for at in ticks(ended):
        try:
            call = call or socket.create_connection((host, port), HELD, (own, 0))
            call.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _question(call)
            found.append(Sent(at, time.monotonic() - at))
        except OSError:
            found.append(Sent(at, None))
            if call:
                call.close()
            call = None
    if call:
        call.close()
    return found


def _question(call: socket.socket) -> None:
    call.sendall(b"asked")
    if call.recv(5, socket.MSG_WAITALL) != b"asked":
        raise ConnectionResetError("the connection ended without an answer")


KINDS: dict[str, Callable[[str, int, Ended, str], list[Sent]]] = {
    "datagrams": datagrams,
    "connections": connections,
    "questions": questions,
}


def figures(sent: list[Sent]) -> dict[str, float]:
    """Return how many were sent and lost, and in milliseconds the longest loss and the slowest answer."""
    gap, since = 0.0, None
    for one in sent:
        if one.waited is None:
            since = one.at if since is None else since
        elif since is not None:
            gap, since = max(gap, one.at - since), None
    if since is not None:
        gap = max(gap, sent[-1].at - since + TICK)
    answers = [one.waited for one in sent if one.waited is not None]
    lost = len(sent) - len(answers)
    slowest = max(answers, default=0.0)
    return {"sent": len(sent), "lost": lost, "gap": round(gap * 1e3), "slowest": round(slowest * 1e3)}


def send(streams: dict[str, tuple[str, str, int]], ended: Ended, own: str = "") -> dict[str, dict[str, float]]:
    """Run all streams until they are to end, and return the figures of each."""
    with ThreadPoolExecutor(len(streams)) as pool:
        running = {
            name: pool.submit(KINDS[kind], host, port, ended, own) for name, (kind, host, port) in streams.items()
        }
        return {name: figures(one.result()) for name, one in running.items()}


def serve(port: int, own: str) -> None:
    """Echo datagrams, and answer each question of a connection."""
    threading.Thread(target=_echo, args=(port, own), daemon=True).start()
    with socket.create_server((own, port), backlog=500) as server:
        while True:
            threading.Thread(target=_answer, args=(server.accept()[0],), daemon=True).start()


def _echo(port: int, own: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as call:
        call.bind((own, port))
        while True:
            call.sendto(*call.recvfrom(64))


def _answer(call: socket.socket) -> None:
    with call, suppress(OSError):
        while asked := call.recv(64):
            call.sendall(asked)


def main(argv: list[str]) -> None:
    """Serve, or send and print the figures."""
    if argv[0] == "serve":
        serve(int(argv[1]), argv[2])
    print(json.dumps(send(json.loads(argv[1]), Path(argv[2]).exists, argv[3])))


if __name__ == "__main__":
    main(sys.argv[1:])
