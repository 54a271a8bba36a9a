"""Kubeconfigs and requests to the API server with them."""

from __future__ import annotations

import base64
import json
import ssl
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import yaml

from lab.keys import write_private
from lab.pki import Pair


def kubeconfig(server: str, authority: str, user: Pair) -> str:
    """Return a kubeconfig that carries everything it needs."""
    cluster = {"server": server, "certificate-authority-data": _encode(authority)}
    client = {"client-certificate-data": _encode(user.certificate), "client-key-data": _encode(user.key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": "user", "user": client}],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    }
    return yaml.safe_dump(content, sort_keys=False)


class Api:
    """The API server, asked as the user of a kubeconfig."""

    def __init__(self, text: str, folder: Path) -> None:
        content = yaml.safe_load(text)
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        chain = folder / "operator.pem"
        write_private(chain, _decode(user["client-certificate-data"]) + _decode(user["client-key-data"]))
        self.server: str = cluster["server"]
        self.context = ssl.create_default_context(cadata=_decode(cluster["certificate-authority-data"]))
        self.context.load_cert_chain(chain)

    def get(self, path: str) -> str:
        """Return what the server says to a GET; OSError when it does not answer or refuses."""
        return self._ask(path)

    def patch(self, path: str, change: dict[str, Any]) -> None:
        """Merge a change into an object."""
        self._ask(path, "PATCH", json.dumps(change), {"Content-Type": "application/merge-patch+json"})

    def _ask(self, path: str, method: str = "GET", body: str = "", headers: dict[str, str] | None = None) -> str:
        connection = HTTPSConnection(self.server.removeprefix("https://"), timeout=5, context=self.context)
        with closing(connection):
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode()
        if answer.status >= 400:
            raise OSError(f"{self.server}{path} answers {answer.status}: {text[:200]}")
        return text


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _decode(text: str) -> str:
    return base64.b64decode(text).decode()
