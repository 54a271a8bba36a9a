"""The far end of every probe: runs in a pod, counts what arrives and says from whom; standard library only.

TCP: reads until the caller closes its side, then answers one line of JSON and closes.
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


def answer(address: str, count: int) -> bytes:
    """Return the reply: the source address seen, and the bytes that arrived."""
    return json.dumps({"from": address, "bytes": count}).encode() + b"\n"


class Stream(socketserver.BaseRequestHandler):
    """One TCP connection."""

    def handle(self) -> None:
        """Count until the caller closes its side, then answer."""
        self.request.settimeout(PATIENCE)
        count = 0
        try:
            while count < LONGEST and (part := self.request.recv(65536)):
                count += len(part)
            if count:
                self.request.sendall(answer(self.client_address[0], count))
        except OSError:
            return


class Datagram(socketserver.BaseRequestHandler):
    """One UDP datagram."""

    def handle(self) -> None:
        """Answer, unless the answer would be longer than the question."""
        data, reply_socket = self.request
        reply = answer(self.client_address[0], len(data))
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
