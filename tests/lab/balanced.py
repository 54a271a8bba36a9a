"""Five backends behind a service on the lab, and flows to it: who answered each, and whom the backend saw."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab.policy_pods import IMAGE, Agents
from tests.lab.site import Site, until

NAMESPACE, LABEL, PORT = "underlay-balance", "underlay-test", 8080
BACKENDS = {"one": "cp-1", "two": "worker-1", "three": "worker-2", "four": "worker-3", "five": "worker-2"}
"""Backend to node; the outside client enters by the nodes of the first two."""
CALLER = "caller"
FIRST = 20_000
"""The first of the flows' source ports; they lie below those that kernels choose themselves."""
OUTSIDE, INSIDE = "outside", "inside"
"""From where flows come: the client beyond the routers, and a pod."""
CLIENT = "203.0.113.10"
"""The client's address that every router is told of: a backend answers it directly, from whatever rack."""
SERVER = """
import socket, sys
with socket.create_server(("", 8080), backlog=1000) as server:
    while True:
        call, (source, _) = server.accept()
        with call:
            call.sendall(f"{sys.argv[1]} {source}".encode())
"""
FLOWS = """
import concurrent.futures, json, socket, struct, sys, time
address, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def flow(port):
    with socket.socket() as call:
        call.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        call.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        call.settimeout(8)
        call.bind((sys.argv[4], port))
        call.connect((address, 80))
        said = b""
        while part := call.recv(100):
            said += part
        return said.decode().split()
def ask(port):
    try:
        return flow(port)
    except OSError as error:
        return ["", str(error)]
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    print(json.dumps(list(pool.map(ask, range(first, first + count)))))
"""
"""A flow for each source port; it ends by a reset, so that no end keeps the port."""


class Answer(NamedTuple):
    """Which backend answered a flow, and the source address that it saw; no backend: the error of the flow."""

    backend: str
    source: str


@dataclass
class Balanced:
    """Backends, a pod that calls, and services in front of the backends."""

    site: Site
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, folder: Path) -> None:
        """Make the pods and wait until all of them are ready."""
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        pods = [_pod(name, node, ["python3", "-c", SERVER, name], serves=True) for name, node in BACKENDS.items()]
        self.apply(folder, space, *pods, _pod(CALLER, "worker-1", ["sleep", "infinity"], serves=False))
        assert until(lambda: len(self._found()) == len(BACKENDS) + 1, 120), self._found()
        self.addresses = self._found()

    def apply(self, folder: Path, *objects: dict[str, Any]) -> None:
        """Apply objects."""
        file = folder / "objects.json"
        content = {"apiVersion": "v1", "kind": "List", "items": objects}
        file.write_text(json.dumps(content), encoding="utf-8")
        self.site.good("kubectl", "apply", "-f", str(file))

    def stop(self) -> None:
        """Remove everything."""
        self.site.run("kubectl", "delete", "namespace", NAMESPACE, "--timeout=60s")

    def _found(self) -> dict[str, str]:
        """Return the address of each pod that is ready."""
        items = json.loads(self.site.good("kubectl", "-n", NAMESPACE, "get", "pods", "-o", "json"))["items"]
        return {item["metadata"]["name"]: item["status"]["podIP"] for item in items if _ready(item)}

    def serve(self, folder: Path, name: str, backends: Iterable[str] = BACKENDS, **spec: Any) -> dict[str, str]:
        """Put a service in front of the backends and return its addresses once every node's kernel has all of it."""
        metadata = {"name": name, "namespace": NAMESPACE}
        ports = [{"port": 80, "targetPort": PORT}]
        spec = {"type": "LoadBalancer", "selector": {LABEL: "backend"}, "ports": ports, **spec}
        self.apply(folder, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        assert until(lambda: len(self._service(name)) == 2), name
        addresses = self._service(name)
        self.wait(addresses, backends)
        return addresses

    def _service(self, name: str) -> dict[str, str]:
        """Return a service's addresses for clients outside and for pods, as far as it has them."""
        item = json.loads(self.site.good("kubectl", "-n", NAMESPACE, "get", "service", name, "-o", "json"))
        outside = [one["ip"] for one in item["status"]["loadBalancer"].get("ingress", ())]
        return {INSIDE: item["spec"]["clusterIP"], **({OUTSIDE: outside[0]} if outside else {})}

    def wait(self, addresses: dict[str, str], backends: Iterable[str]) -> None:
        """Wait until the kernels have exactly these backends for all addresses; with policy Local each has its own."""
        wanted = {self.addresses[name] for name in backends}
        assert until(lambda: self._ready(addresses, wanted)), self._kernels(addresses)

    def _ready(self, addresses: dict[str, str], wanted: set[str]) -> bool:
        found = self._kernels(addresses)
        once = sum(map(len, found)) == len(addresses) * len(wanted)
        return all(one == wanted for one in found) or (once and set().union(*found) == wanted)

    def _kernels(self, addresses: dict[str, str]) -> list[set[str]]:
        """Return for each node and address the backends in the node's BPF maps."""
        told = [json.loads(text) for text in self._agents("bpf", "lb", "list", "-o", "json")]
        keys = [f"{address}:80/TCP" for address in addresses.values()]
        return [
            {entry.partition(":")[0] for name, many in maps.items() if name.startswith(key) for entry in many}
            - {"0.0.0.0"}  # noqa: S104 - how Cilium writes a service's own entry
            for maps in told
            for key in keys
        ]

    def member(self, name: str, *, serves: bool) -> None:
        """Let a backend leave its services, or come back; the pod itself lives on."""
        label = f"{LABEL}={'backend' if serves else 'left'}"
        self.site.good("kubectl", "-n", NAMESPACE, "label", "--overwrite", "pod", name, label)

    def forget(self) -> None:
        """Let every node forget its connections, so that a source port is a new flow again."""
        self._agents("bpf", "ct", "flush")

    def _agents(self, *words: str) -> list[str]:
        agents = Agents(self.site)
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda pod: self.site.good(*agents.words(pod, *words)), agents.pods()))

    def flows(self, place: str, address: str, count: int, first: int = FIRST) -> list[Answer]:
        """Return the answer to each flow, by source port; every one of them has to be answered."""
        words = ("python3", "-c", FLOWS, address, str(first), str(count))
        inside = place == INSIDE
        told = self.site.good(*in_caller(*words, "")) if inside else self.site.inside("client", *words, CLIENT)
        found = [Answer(*one) for one in json.loads(told)]
        assert [one for one in found if not one.backend] == []
        assert len(found) == count
        return found


def in_caller(*words: str) -> tuple[str, ...]:
    """Return the command that runs in the pod that calls."""
    return ("kubectl", "-n", NAMESPACE, "exec", CALLER, "--", *words)


def counts(answers: Iterable[Answer]) -> dict[str, int]:
    """Return how many flows each backend answered."""
    return dict(sorted(Counter(answer.backend for answer in answers).items()))


def moved(before: Iterable[Answer], after: Iterable[Answer]) -> int:
    """Return how many flows another backend answered than before."""
    return sum(one.backend != other.backend for one, other in zip(before, after, strict=True))


def _ready(item: dict[str, Any]) -> bool:
    return all(one["ready"] for one in item["status"].get("containerStatuses") or [{"ready": False}])


def _pod(name: str, node: str, command: list[str], *, serves: bool) -> dict[str, Any]:
    probe = {"readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1}} if serves else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {LABEL: "backend" if serves else "caller"},
        },
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "main", "image": IMAGE, "command": command, **probe}],
        },
    }
