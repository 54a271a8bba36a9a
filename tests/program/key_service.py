"""A key service of a few lines that speaks as much of Vault's transit engine as the engine asks of one."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PREFIX = "vault:v1:"


class _Transit(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        """Encrypt or decrypt, whichever the path says; a turned text is enough to tell the two apart."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "/encrypt/" in self.path:
            data = {"ciphertext": PREFIX + asked["plaintext"][::-1]}
        else:
            data = {"plaintext": asked["ciphertext"].removeprefix(PREFIX)[::-1]}
        base64.b64decode(data.get("plaintext", ""), validate=True)
        answer = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def key_service() -> Iterator[dict[str, str]]:
    """Serve, and yield the variables by which the engine finds it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Transit)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield {"VAULT_SERVER_URL": f"http://127.0.0.1:{server.server_port}", "VAULT_SERVER_TOKEN": "any"}
    finally:
        server.shutdown()
        server.server_close()
