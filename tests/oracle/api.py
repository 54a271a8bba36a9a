"""As much of a Kubernetes API as an agent asks before it has judged its own configuration.

It stands in for the API server only; what is judged, and who judges, is the agent itself.
"""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

Object = dict[str, Any]
NODE, ADDRESS = "node-1", "172.30.1.11"
PORT = 6443
JSON = "application/json"
HELD, LOOK = 600, 0.2
"""Seconds for which a watch stays open, and between two looks for what is new."""
ENDPOINT, ENDPOINTS = "CiliumEndpoint", "/ciliumendpoints"
CILIUM = [
    "CiliumBGPAdvertisement",
    "CiliumBGPClusterConfig",
    "CiliumBGPNodeConfigOverride",
    "CiliumBGPNodeConfig",
    "CiliumBGPPeerConfig",
    "CiliumCIDRGroup",
    "CiliumClusterwideEnvoyConfig",
    "CiliumClusterwideNetworkPolicy",
    "CiliumEgressGatewayPolicy",
    "CiliumEndpoint",
    "CiliumEndpointSlice",
    "CiliumEnvoyConfig",
    "CiliumIdentity",
    "CiliumL2AnnouncementPolicy",
    "CiliumLoadBalancerIPPool",
    "CiliumLocalRedirectPolicy",
    "CiliumNetworkPolicy",
    "CiliumNodeConfig",
    "CiliumNode",
    "CiliumPodIPPool",
    "CiliumGatewayClassConfig",
    "CiliumVTEPConfig",
    "CiliumDatapathPlugin",
]
"""Cilium's own kinds."""
PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))(?:/namespaces/[^/]+)?/(?P<plural>[a-z0-9]+)(?:/(?P<name>.+))?"
)
PLAIN = [
    "Node",
    "Service",
    "EndpointSlice",
    "Namespace",
    "Pod",
    "NetworkPolicy",
    "CustomResourceDefinition",
    "Secret",
    "ConfigMap",
]


def _plural(kind: str) -> str:
    return f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"


KINDS = {_plural(kind): kind for kind in (*PLAIN, *CILIUM)}
VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.1"}


def _meta(name: str) -> Object:
    return {"name": name, "uid": f"uid-of-{name}", "resourceVersion": "1", "labels": {}}


def _objects() -> dict[str, list[Object]]:
    """Return what is there: the node, its share of the pod pool, and Cilium's kinds by their names."""
    addresses = [{"type": "InternalIP", "address": ADDRESS}, {"type": "Hostname", "address": NODE}]
    crds = [{"metadata": _meta(f"{_plural(kind)}.cilium.io")} for kind in CILIUM]
    return {
        "nodes": [{"metadata": _meta(NODE), "spec": {}, "status": {"addresses": addresses}}],
        "ciliumnodes": [{"metadata": _meta(NODE), "spec": {"ipam": {"podCIDRs": ["10.244.1.0/24"]}}, "status": {}}],
        "customresourcedefinitions": crds,
        "namespaces": [{"metadata": _meta("kube-system")}],
    }


class Api(BaseHTTPRequestHandler):
    """Answers reads; takes every write, and keeps the agent's endpoints, because it learns its own pods from these."""

    protocol_version = "HTTP/1.1"
    objects = _objects()
    made: ClassVar[list[Object]] = []
    """The endpoints that the agent has written."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a version, an object, a list or a watch."""
        parts = urlsplit(self.path)
        found = PATH.fullmatch(parts.path)
        if not found:
            self._answer(VERSION if parts.path == "/version" else {})
            return
        kind = self._kind(found)
        there = [{**kind, **one} for one in self.objects.get(found["plural"], [])]
        if found["name"]:
            named = [one for one in there if one["metadata"]["name"] == found["name"]]
            self._answer(named[0] if named else {"kind": "Status", "apiVersion": "v1", "code": 404}, bool(named))
        elif "watch" in parse_qs(parts.query):
            self._watch(kind, there, initial="sendInitialEvents" in parts.query)
        else:
            self._answer({**kind, "kind": f"{kind['kind']}List", "metadata": {"resourceVersion": "1"}, "items": there})

    def do_POST(self) -> None:
        """Give back what was written, in the form in which it came: leases come as protobuf."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "POST" and ENDPOINTS in self.path:
            one = json.loads(body)
            one["metadata"] |= {"uid": f"uid-of-{one['metadata']['name']}", "resourceVersion": str(3 + len(self.made))}
            self.made.append(one)
            body = json.dumps(one).encode()
        self._send(201, body, self.headers.get("Content-Type", JSON))

    do_PUT = do_PATCH = do_POST  # noqa: N815 - the protocol's names

    def _kind(self, found: re.Match[str]) -> Object:
        plural, version = found["plural"], found["core"] or found["group"]
        if "PartialObjectMetadata" in self.headers.get("Accept", ""):
            return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        return {"kind": KINDS.get(plural, "Unknown"), "apiVersion": version}

    def _watch(self, kind: Object, there: list[Object], *, initial: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", JSON)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if initial:
            marks = {"k8s.io/initial-events-end": "true"}
            events = [{"type": "ADDED", "object": one} for one in there]
            end = {**kind, "metadata": {"resourceVersion": "2", "annotations": marks}}
            for event in [*events, {"type": "BOOKMARK", "object": end}]:
                self._event(event)
        told = 0
        for _ in range(int(HELD / LOOK) if kind["kind"] == ENDPOINT else 0):
            for one in self.made[told:]:
                self._event({"type": "ADDED", "object": {**kind, **one}})
                told += 1
            time.sleep(LOOK)
        time.sleep(HELD)

    def _event(self, event: Object) -> None:
        data = json.dumps(event).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _answer(self, body: Object, found: bool = True) -> None:
        self._send(200 if found else 404, json.dumps(body).encode())

    def _send(self, status: int, body: bytes, form: str = JSON) -> None:
        self.send_response(status)
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of an agent that was ended in the middle of an answer."""


def serve() -> None:
    """Answer on the loopback device, in the background."""
    threading.Thread(target=_Server(("127.0.0.1", PORT), Api).serve_forever, daemon=True).start()
