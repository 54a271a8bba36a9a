"""An API server of a few lines: answers GET and DELETE from a table, in a thread of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

Table = dict[str, Any]


@contextmanager
def api_server(table: Table) -> Iterator[str]:
    """Serve the table and yield the kubeconfig; a path that is not in it is not found, an int is an error code."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(table.get(self.path.partition("?")[0]))

        def do_DELETE(self) -> None:
            self._answer(table.pop(self.path, None))

        def _answer(self, found: Any) -> None:
            code = 404 if found is None else found if isinstance(found, int) else 200
            text = found if isinstance(found, str) else json.dumps(found)
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(found, str) else "application/json")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield kubeconfig(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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


def ready(kind: str = "Ready", *, status: str = "True", message: str = "") -> dict[str, Any]:
    """Return a status with one condition."""
    return {"conditions": [{"type": kind, "status": status, "message": message}]}
