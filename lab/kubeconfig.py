"""Kubeconfigs that carry everything they need."""

from __future__ import annotations

import base64

import yaml

from lab.pki import Pair


def kubeconfig(server: str, authority: str, user: Pair) -> str:
    """Return a kubeconfig of one user for one server."""
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


def _encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
