"""A question to the cluster's DNS from the probe pod: one name, its IPv4 addresses; standard library only."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from typing import Any

PORT = 53
PATIENCE, TRIES = 1.2, 3
"""Seconds for an answer, and questions at most: each comes from a port of its own, so another server may get it."""
ADDRESS, INTERNET = 1, 1
"""Type A, class IN (RFC 1035)."""
CODES = {0: "", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
POINTER = 0xC0
"""Both upper bits of a length: the rest of the name stands elsewhere."""


def resolve(server: str, name: str, port: int = PORT) -> dict[str, Any]:
    """Ask until there is an answer, and return its addresses, or the last error."""
    result: dict[str, Any] = {"server": server, "name": name, "answers": [], "asked": 0}
    while result["asked"] < TRIES:
        result["asked"] += 1
        result["error"] = None
        try:
            result |= _ask(server, name, port)
        except OSError as error:
            timed_out = isinstance(error, TimeoutError)
            result["error"] = "ETIMEDOUT" if timed_out else errno.errorcode.get(error.errno or 0, str(error))
            if not timed_out:
                time.sleep(PATIENCE / TRIES)
        except (ValueError, IndexError, struct.error) as error:
            result["error"] = f"not an answer of DNS: {error}"
        if not result["error"]:
            break
    return result


def _ask(server: str, name: str, port: int) -> dict[str, Any]:
    identity = os.urandom(2)
    started = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.connect((server, port))
        sock.send(question(identity, name))
        data = sock.recv(4096)
    spent = round((time.monotonic() - started) * 1000, 3)
    if data[:2] != identity:
        raise ValueError("another question's")
    code = CODES.get(data[3] & 15, f"code {data[3] & 15}")
    return {"answers": addresses(data), "ms": spent, "error": code or None}


def question(identity: bytes, name: str) -> bytes:
    """Return the datagram that asks for a name's IPv4 addresses."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.rstrip(".").split("."))
    return identity + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", ADDRESS, INTERNET)


def addresses(data: bytes) -> list[str]:
    """Return the IPv4 addresses in an answer's first section; ValueError, IndexError or struct.error for nonsense."""
    questions, answers = struct.unpack_from("!HH", data, 4)
    place = 12
    for _ in range(questions):
        place = _behind_name(data, place) + 4
    found = []
    for _ in range(answers):
        place = _behind_name(data, place)
        kind, _, _, length = struct.unpack_from("!HHIH", data, place)
        place += 10 + length
        if kind == ADDRESS and length == 4:
            found.append(socket.inet_ntoa(data[place - 4 : place]))
    return found


def _behind_name(data: bytes, place: int) -> int:
    while data[place] and data[place] < POINTER:
        place += 1 + data[place]
    return place + (2 if data[place] >= POINTER else 1)
