"""The far end of every probe: runs in a pod, counts what arrives and says from whom; standard library only.

TCP: reads until the caller closes its side, then answers one line of JSON and closes. An HTTP GET is answered at once.
UDP: answers each datagram; one shorter than the answer is ignored, so a forged sender gains nothing.
"""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import socketserver
import sys
import threading

LONGEST = 4 * 1024 * 1024
"""Bytes read from one connection at most."""
PATIENCE = 10.0
"""Seconds that a silent connection stays open."""
GET, END = b"GET ", b"\r\n\r\n"
"""How an HTTP request begins, and how its head ends."""
HEAD = 8192
"""Bytes of a head at most; what is longer is no request."""


def answer(address: str, count: int, own: str) -> bytes:
    """Return the reply: the source address seen, the bytes that arrived, and the own address."""
    return json.dumps({"from": address, "bytes": count, "by": own}).encode() + b"\n"


def page(body: bytes) -> bytes:
    """Return a reply as HTTP carries it."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def own_address(caller: str) -> str:
    """Return the address from which a caller is answered; empty where no way leads back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((caller, 9))
        return str(probe.getsockname()[0])
    return ""


class Stream(socketserver.BaseRequestHandler):
    """One TCP connection."""

    def handle(self) -> None:
        """Count what is sent, then answer in the caller's own way."""
        self.request.settimeout(PATIENCE)
        with contextlib.suppress(OSError):
            count, web = self._take()
            reply = answer(self.client_address[0], count, self.request.getsockname()[0])
            if count:
                self.request.sendall(page(reply) if web else reply)

    def _take(self) -> tuple[int, bool]:
        """Read up to the end of an HTTP request's head, or until the caller closes its side; say which it was."""
        count, head = 0, b""
        while count < LONGEST and (part := self.request.recv(65536)):
            count += len(part)
            head += part if len(head) < HEAD else b""
            if head.startswith(GET) and END in head:
                return count, True
        return count, False


class Datagram(socketserver.BaseRequestHandler):
    """One UDP datagram."""

    def handle(self) -> None:
        """Answer, unless the answer would be longer than the question."""
        data, reply_socket = self.request
        reply = answer(self.client_address[0], len(data), own_address(self.client_address[0]))
        if len(reply) <= len(data):
            with contextlib.suppress(OSError):  # no way back now does not mean none later
                reply_socket.sendto(reply, self.client_address)


class StreamServer(socketserver.ThreadingTCPServer):
    """TCP, one thread a connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class DatagramServer(socketserver.UDPServer):
    """UDP, answered in turn."""

    allow_reuse_address = True
    max_packet_size = 65535


def serve(port: int, address: str = "") -> tuple[StreamServer, DatagramServer]:
    """Open both servers on one port and run them in threads of their own; port 0 takes any free one."""
    stream = StreamServer((address, port), Stream)
    datagram = DatagramServer((address, stream.server_address[1]), Datagram)
    datagram.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    for server in (stream, datagram):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return stream, datagram


def main(arguments: list[str]) -> int:
    """Serve on the port given until the process is ended; as PID 1 of a pod it must ask for SIGTERM itself."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(int(arguments[0]))
    print(f"responder: TCP and UDP port {arguments[0]}", flush=True)
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
