"""Traffic beyond pod to pod: to a service's address, and from a pod to another node's own network."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bpf import probe

TRIES, PATIENCE = 3, 1.8
"""Exchanges with a service at most, and seconds for each: the next connection may meet another pod behind it."""
ENOUGH = 4.0
"""Seconds after which none is begun any more: one takes twice the patience at most, and the pod's part has 9 s."""
PAUSE = 0.3
"""Seconds after an exchange that failed at once: a service's pods change while nodes are told of it."""


def service(address: str, port: int, web_port: int) -> dict[str, Any]:
    """Return what a service's address answers by TCP, UDP and HTTP."""
    kinds: dict[str, Callable[[], dict[str, Any]]] = {
        "tcp": lambda: probe.tcp(address, port, PATIENCE),
        "udp": lambda: probe.udp(address, port, PATIENCE),
        "http": lambda: probe.http(address, web_port, PATIENCE),
    }
    with ThreadPoolExecutor(max_workers=len(kinds)) as pool:
        jobs = {kind: pool.submit(again, exchange) for kind, exchange in kinds.items()}
        found = {kind: job.result() for kind, job in jobs.items()}
    return {"address": address, "port": port, "web_port": web_port, **found}


def again(exchange: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the first good result, or the last one, and how many exchanges it took."""
    asked, begun = 1, time.monotonic()
    while True:
        result = {**exchange(), "asked": asked}
        if "error" not in result or asked == TRIES or time.monotonic() - begun > ENOUGH:
            return result
        asked += 1
        time.sleep(PAUSE)


def node(node: str, address: str, port: int) -> dict[str, Any]:
    """Return whether a node's own network answers at a TCP port, be it by a refusal; where not, whether it echoes."""
    found = {"node": node, "address": address, "port": port, **connect(address, port)}
    return found if "error" not in found["tcp"] else {**found, "ping": probe.ping(address, probe.SMALL)}


def connect(address: str, port: int) -> dict[str, Any]:
    """Open a connection and close it: what a far kernel refuses by itself has been reached as well."""
    begun = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(probe.PATIENCE)
        probe.watch_errors(sock)
        closed = False
        try:
            sock.connect((address, port))
        except OSError as error:
            told = probe.network_error(sock)
            if error.errno != errno.ECONNREFUSED or told:
                return {"tcp": {"sent": 1, "error": probe.name_of(error)} | told, "closed": False}
            closed = True
    return {"tcp": {"sent": 1, "received": 1, "ms": round((time.monotonic() - begun) * 1000, 3)}, "closed": closed}
