"""An API server of a few lines: answers from a table, commands in pods too, in a thread of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import yaml

Table = dict[str, Any]
WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What RFC 6455 puts behind a client's key."""


class Answers(BaseHTTPRequestHandler):
    """Answers from a table, which belongs to the class that a server makes of this one."""

    table: ClassVar[Table]

    def do_GET(self) -> None:
        found = self.table.get(self.path.partition("?")[0])
        if "Upgrade" in self.headers and not isinstance(found, int | None):
            self._run(found)
        else:
            self._answer(found)

    def _run(self, told: str | tuple[str, str]) -> None:
        headers, frames = spoken(self.headers["Sec-WebSocket-Key"], told)
        self.send_response(101)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(frames)
        self.close_connection = True

    def do_PATCH(self) -> None:
        change = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["data"]
        if found := self.table.get(self.path):
            found["data"] = merged(found["data"], change)
        self._answer(found)

    def do_DELETE(self) -> None:
        self._answer(self.table.pop(self.path, None))

    def _answer(self, found: Any) -> None:
        code = 404 if found is None else found if isinstance(found, int) else 200
        text = found if isinstance(found, str) else json.dumps(found)
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def api_server(table: Table) -> Iterator[str]:
    """Serve the table and yield the kubeconfig; a path that is not in it is not found, an int is an error code."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Server", (Answers,), {"table": table}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield kubeconfig(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def merged(data: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return what a merge patch makes of data."""
    return {key: value for key, value in (data | change).items() if value is not None}


def spoken(key: str, told: str | tuple[str, str]) -> tuple[dict[str, str], bytes]:
    """Return headers and frames of a command that prints a text; or of one that says something and fails."""
    out, wrong = (told, "") if isinstance(told, str) else told
    accepted = base64.b64encode(hashlib.sha1((key + WEBSOCKET).encode(), usedforsecurity=False).digest()).decode()
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Protocol": "v5.channel.k8s.io"}
    status = json.dumps({"status": "Failure" if wrong else "Success"})
    data = [bytes([channel]) + text.encode() for channel, text in ((1, out[:9]), (1, out[9:]), (2, wrong), (3, status))]
    frames = b"".join(struct.pack("!BBH", 0x82, 126, len(one)) + one for one in data)
    return headers | {"Sec-WebSocket-Accept": accepted}, frames + b"\x88\x00"


def kubeconfig(address: str) -> str:
    """Return a kubeconfig for a server without authentication."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": address}}],
            "users": [{"name": "u", "user": {"token": "x"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


def endpoint(number: int, revision: int, pod: str = "") -> dict[str, Any]:
    """Return an endpoint as an agent tells it, by name or address: number 1 is the host's; revision 0 is none yet."""
    policy = {"realized": {"policy-revision": revision} if revision else {}}
    named = {"k8s-namespace": "shop", "k8s-pod-name": pod} if pod and pod[0].isalpha() else {}
    told = {"external-identifiers": named, "networking": {"addressing": [{"ipv4": pod} if pod else {}]}}
    return {"id": number, "status": {"identity": {"id": number}, "policy": policy, **told}}


def ready(kind: str = "Ready", *, status: str = "True", message: str = "") -> dict[str, Any]:
    """Return a status with one condition."""
    return {"conditions": [{"type": kind, "status": status, "message": message}]}
