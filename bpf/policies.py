"""What the local Cilium agent enforces: the policies it holds, and for each pod how far its programs have come.

The agent is asked on its own socket and only for what it lists; nothing there changes anything.
"""

# ruff: noqa: ANN401 - JSON is of any type

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOCKET = Path("/var/run/cilium/cilium.sock")
SECONDS = 3.0
"""For one answer."""
LATE, AGAIN = 4.0, 0.5
"""Seconds that pods have to catch up with what their agent holds, and between two looks."""
GOOD = " 200 "
LONGEST = 16 << 20
"""Bytes of an answer at most."""
MOST, TEXT = 2000, 256
"""Policies and pods told at most, and letters of a text."""
NAME, SPACE, KIND = (f"io.cilium.k8s.policy.{word}" for word in ("name", "namespace", "derived-from"))
OWN = "underlay-"
"""How the names of policies begin that this program declares."""
POD_SPACE = "io.kubernetes.pod.namespace"
INNER = ("io.kubernetes.pod.", "io.cilium.")
"""Labels that Kubernetes and Cilium add to a pod's own."""


def facts(path: Path = SOCKET) -> dict[str, Any] | None:
    """Return revision, policies and pods; None where no agent listens.

    Pods that lag behind the revision of the first look are given time: an agent has a second's work with each change.
    """
    if not path.exists():
        return None
    told = _ask(path, "/v1/policy")
    revision = int(told.get("revision") or 0)
    deadline, pods = time.monotonic() + LATE, _pods(path)
    while any(pod["revision"] < revision for pod in pods) and time.monotonic() < deadline:
        time.sleep(AGAIN)
        pods = _pods(path)
    return {"revision": revision, "policies": sorted(_policies(told))[:MOST], "pods": pods[:MOST]}


def _ask(path: Path, what: str) -> Any:
    """Return an answer of the agent; it ends with the connection, as HTTP 1.0 has it."""
    data = bytearray()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as agent:
        agent.settimeout(SECONDS)
        agent.connect(str(path))
        agent.sendall(f"GET {what} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        while len(data) <= LONGEST and (part := agent.recv(1 << 16)):
            data += part
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    first = head.split(b"\r\n")[0].decode(errors="replace")
    if GOOD not in first or len(data) > LONGEST:
        raise OSError(f"the agent answers {first[:TEXT]!r} with {len(body)} bytes to {what}")
    return json.loads(body)


def _policies(told: dict[str, Any]) -> set[str]:
    """Return our policies by kind, namespace and name; one may stand in several of the agent's entries."""
    found = set()
    for entry in json.loads(told.get("policy") or "null") or ():
        labels = dict(_labels(entry.get("labels") or entry.get("Labels")))
        if labels.get(NAME, "").startswith(OWN):
            name = "/".join(part for part in (labels.get(SPACE, ""), labels[NAME]) if part)
            found.add(f"{labels.get(KIND, '')} {name}"[:TEXT])
    return found


def _pods(path: Path) -> list[dict[str, Any]]:
    """Return the pods of this node as their agent has them; its own endpoints are of no pod."""
    return [pod for one in _ask(path, "/v1/endpoint") if (pod := _pod(one.get("id"), one.get("status") or {}))]


def _pod(number: Any, status: dict[str, Any]) -> dict[str, Any] | None:
    """Return an endpoint that is a pod: its labels say of which namespace; Cilium 1.20 no longer tells pods' names."""
    labels = dict(_labels((status.get("identity") or {}).get("labels")))
    if POD_SPACE not in labels:
        return None
    named = status.get("external-identifiers") or {}
    realized = (status.get("policy") or {}).get("realized") or {}
    addresses = (status.get("networking") or {}).get("addressing") or [{}]
    return {
        "namespace": labels[POD_SPACE],
        "name": str(named.get("k8s-pod-name") or f"endpoint-{number}")[:TEXT],
        "address": addresses[0].get("ipv4") or None,
        "state": str(status.get("state", ""))[:TEXT],
        "revision": int(realized.get("policy-revision") or 0),
        "enabled": str(realized.get("policy-enabled", "none"))[:TEXT],
        "labels": {key: value for key, value in labels.items() if not key.startswith(INNER)},
    }


def _labels(listed: Any) -> Iterator[tuple[str, str]]:
    """Yield key and value of labels, which the agent writes as texts or as objects."""
    for one in listed or ():
        if isinstance(one, dict):
            yield str(one.get("key", ""))[:TEXT], str(one.get("value", ""))[:TEXT]
        else:
            key, _, value = str(one).partition(":")[2].partition("=")
            yield key[:TEXT], value[:TEXT]
