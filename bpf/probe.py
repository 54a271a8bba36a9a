"""Traffic to probe pods: ICMP in two sizes, TCP, UDP and HTTP, answered by the far end."""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

PATIENCE = 3.6
"""Seconds for one exchange: an unanswered ARP request is reported to the sender after about three."""
STREAM = 65536
"""Bytes of the TCP exchange: some forty full segments."""
DATAGRAM = 1200
"""Bytes of the UDP exchange: fits every link that IPv4 pods use."""
SMALL = 56
"""Payload of a small echo request, as ping sends it."""
HEADERS = 28
"""IPv4 and ICMP headers."""
OK = 200
"""HTTP's status of a good answer."""
MTU_DISCOVER, MTU_PROBE, RECEIVE_ERRORS = 10, 3, 11
"""IP_MTU_DISCOVER, IP_PMTUDISC_PROBE (set DF, ignore the path MTU known so far), IP_RECVERR."""
ERROR_QUEUE = 0x2000
"""MSG_ERRQUEUE."""

Probe = Callable[[str], dict[str, Any]]


def run(targets: list[dict[str, str]], port: int, size: int, web: bool = False) -> list[dict[str, Any]]:
    """Probe all targets at once from this process's namespace; `size` is the full packet's length."""
    kinds: dict[str, Probe] = {
        "ping": lambda address: ping(address, SMALL),
        "full": lambda address: ping(address, size - HEADERS),
        "tcp": lambda address: tcp(address, port),
        "udp": lambda address: udp(address, port),
        **({"http": lambda address: http(address, port)} if web else {}),
    }
    with ThreadPoolExecutor(max_workers=max(1, len(targets) * len(kinds))) as pool:
        jobs = [
            (target, {kind: pool.submit(probe, target["address"]) for kind, probe in kinds.items()})
            for target in targets
        ]
        return [{**target, **{kind: job.result() for kind, job in by_kind.items()}} for target, by_kind in jobs]


def ping(address: str, payload: int, count: int = 2) -> dict[str, Any]:
    """Send echo requests with DF set and return what came back, errors of the network included."""
    result: dict[str, Any] = {"sent": 0, "received": 0, "bytes": payload + HEADERS}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        watch_errors(sock)
        identity = os.urandom(2)
        try:
            sock.connect((address, 0))
            for number in range(1, count + 1):
                _exchange(sock, identity, number, payload, result)
        except OSError as error:
            result["error"] = name_of(error)
    return result


def tcp(address: str, port: int, patience: float = PATIENCE) -> dict[str, Any]:
    """Send a stream and return what the far end counted."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(patience)
        watch_errors(sock)
        try:
            sock.connect((address, port))
            sock.sendall(bytes(STREAM))
            sock.shutdown(socket.SHUT_WR)
            return _answer(_read_line(sock), STREAM)
        except OSError as error:
            return {"sent": STREAM, "error": name_of(error)} | network_error(sock)


def http(address: str, port: int, patience: float = PATIENCE) -> dict[str, Any]:
    """Send a GET and return the answer's status, and what the far end counted."""
    request = f"GET / HTTP/1.1\r\nHost: {address}:{port}\r\nConnection: close\r\n\r\n".encode()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(patience)
        watch_errors(sock)
        try:
            sock.connect((address, port))
            sock.sendall(request)
            head, _, body = _read_all(sock).partition(b"\r\n\r\n")
        except OSError as error:
            return {"sent": len(request), "error": name_of(error)} | network_error(sock)
    status = head.partition(b"\r\n")[0].split()
    if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or not status[1].isdigit():
        return {"sent": len(request), "error": "not an answer of HTTP"}
    code = int(status[1])
    return (_answer(body, len(request)) if code == OK else {"sent": len(request), "error": f"HTTP {code}"}) | {
        "status": code
    }


def udp(address: str, port: int, patience: float = PATIENCE) -> dict[str, Any]:
    """Send a datagram, a second time if need be, and return what the far end counted."""
    result: dict[str, Any] = {"sent": DATAGRAM}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(patience / 2)
        watch_errors(sock)
        for _ in range(2):
            try:
                sock.connect((address, port))
                sock.send(bytes(DATAGRAM))
                return _answer(sock.recv(4096), DATAGRAM)
            except OSError as error:
                result |= {"error": name_of(error)} | network_error(sock)
    return result


def watch_errors(sock: socket.socket) -> None:
    """Let a socket hear of the network's errors; one that sends datagrams sets DF."""
    sock.setsockopt(socket.IPPROTO_IP, RECEIVE_ERRORS, 1)
    if sock.type != socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_IP, MTU_DISCOVER, MTU_PROBE)


def _exchange(sock: socket.socket, identity: bytes, number: int, payload: int, result: dict[str, Any]) -> None:
    """Send one request and wait for its answer, or for the network's error about it."""
    request = echo_request(identity, number, payload)
    started = time.monotonic()
    _send(sock, request)
    result["sent"] += 1
    while select.select([sock], [], [], max(0.0, started + PATIENCE / 2 - time.monotonic()))[0]:
        data = _receive(sock)
        header = (data[0] & 15) * 4 if data else 0
        if data[header : header + 1] == b"\0" and data[header + 4 : header + 8] == request[4:8]:
            result["received"] += 1
            result["ms"] = round((time.monotonic() - started) * 1000, 3)
            return
        if found := network_error(sock, identity):
            result |= found
            return


def _send(sock: socket.socket, data: bytes) -> None:
    """Send, a second time where the first only reported an error about something else."""
    try:
        sock.send(data)
    except OSError:
        sock.send(data)


def _receive(sock: socket.socket) -> bytes:
    """Return a packet; nothing where only an error is waiting, whose details are in the error queue."""
    try:
        return sock.recv(65535, socket.MSG_DONTWAIT)  # a queued error alone wakes `select`, and nothing is to be read
    except OSError:
        return b""


def echo_request(identity: bytes, number: int, payload: int) -> bytes:
    """Return an ICMP echo request."""
    body = identity + struct.pack("!H", number) + bytes(payload)
    even = body + bytes(len(body) % 2)
    total = 0x0800 + sum(struct.unpack(f"!{len(even) // 2}H", even))
    total = (total >> 16) + (total & 0xFFFF)
    return struct.pack("!BBH", 8, 0, ~(total + (total >> 16)) & 0xFFFF) + body


def network_error(sock: socket.socket, identity: bytes = b"") -> dict[str, Any]:
    """Return the last error in the socket's queue: name, ICMP type and code, who sent it, and its MTU.

    A raw socket hears of every packet to the same address; those without our identity are left out.
    """
    found: dict[str, Any] = {}
    patience = sock.gettimeout()
    sock.setblocking(False)  # with a timeout Python itself waits, whatever the flags say
    while True:
        try:
            data, extra, _, _ = sock.recvmsg(2048, 512, ERROR_QUEUE)
        except OSError:
            sock.settimeout(patience)
            return found
        for level, kind, details in extra:
            ours = not identity or data[4:6] == identity
            if ours and (level, kind) == (socket.IPPROTO_IP, RECEIVE_ERRORS) and len(details) >= 24:
                number, origin, icmp, code, _, mtu = struct.unpack_from("IBBBBI", details)
                offender = socket.inet_ntoa(details[20:24])
                name = errno.errorcode.get(number, str(number))
                found = {"error": name, "origin": origin, "icmp": [icmp, code], "from": offender, "mtu": mtu}


def _read_line(sock: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < 4096 and (part := sock.recv(4096)):
        data += part
    return data


def _read_all(sock: socket.socket) -> bytes:
    data = b""
    while len(data) < 16384 and (part := sock.recv(4096)):
        data += part
    return data


def _answer(data: bytes, sent: int) -> dict[str, Any]:
    """Return the far end's count; `error` where it did not answer as a responder does."""
    try:
        answer = json.loads(data)
        own = {"by": str(answer["by"])} if answer.get("by") else {}
        return {"sent": sent, "received": int(answer["bytes"]), "source": str(answer["from"]), **own}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"sent": sent, "error": "not a responder's answer"}


def name_of(error: OSError) -> str:
    """Return an error's name."""
    if isinstance(error, TimeoutError):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno or 0, str(error))
