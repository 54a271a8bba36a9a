"""Six workloads and a stand-in of the cluster's DNS on the lab: pods that answer on ports and ask each other's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.lab.host import ROOT
from tests.lab.site import Site, until

IMAGE = "underlay.lab/probe:1"
MARK = {"underlay-test": "policies"}
PORTS = ("TCP/8080", "TCP/9090", "UDP/5353")
RESOLVER = "resolver"
"""The stand-in of the cluster's DNS."""
PLACES = {
    "web": ("shop", "worker-1"),
    "api": ("shop", "worker-2"),
    "cache": ("shop", "worker-3"),
    "db": ("data", "worker-2"),
    "jobs": ("data", "cp-1"),
    "watch": ("ops", "worker-1"),
    RESOLVER: ("kube-system", "worker-3"),
}
"""Workload to namespace and node: pairs of one node and of two, of one rack and of two."""
OUTSIDE, STRANGER = "outside", "203.0.113.77"
"""Who is no workload, and an address of the client that no baseline blocks."""
WAYS = {"client": "", "tor-a": "172.30.255.3", "tor-b": "172.30.255.0"}
"""Machines on the way to that address, and their next hops; it is the client's own."""
LABELS = {name: {"app": name} for name in PLACES} | {RESOLVER: {"k8s-app": "kube-dns", "app": "policy-resolver"}}
SERVED = dict.fromkeys(PLACES, PORTS) | {RESOLVER: (*PORTS, "UDP/53", "TCP/53")}

SERVER = """
import socket, struct, sys, threading
def tcp(port):
    with socket.create_server(("", port), backlog=100) as server:
        while True:
            call, _ = server.accept()
            call.sendall(b"yes")
            call.close()
NAMES = {
    b"\\7allowed\\7outside\\4test\\0": "203.0.113.10",
    b"\\5later\\7outside\\4test\\0": "203.0.113.10",
    b"\\5other\\7outside\\4test\\0": "172.30.255.3",
}
def answer(data):
    name = data[12:data.find(b"\\0", 12) + 1]
    if name not in NAMES:
        return b"yes"
    found = b"\\xc0\\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(NAMES[name])
    return data[:2] + struct.pack("!HHHHH", 0x8580, 1, 1, 0, 0) + name + struct.pack("!HH", 1, 1) + found
def udp(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", port))
        while True:
            data, source = server.recvfrom(500)
            server.sendto(answer(data), source)
work = {"TCP": tcp, "UDP": udp}
for word in sys.argv[1:]:
    kind, port = word.split("/")
    threading.Thread(target=work[kind], args=(int(port),)).start()
"""
"""Says yes; asked for one of two names outside the cluster by DNS, it answers with the name's address."""
CLIENT = """
import concurrent.futures, json, socket, sys
def told(call):
    return "yes" if call.recv(10) == b"yes" else "silent"
def tcp(host, port):
    with socket.create_connection((host, port), 4, (own, 0)) as call:
        return told(call)
def udp(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as call:
        call.settimeout(1)
        call.bind((own, 0))
        call.connect((host, port))
        for _ in range(4):
            call.send(b"x")
            try:
                return told(call)
            except TimeoutError:
                pass
    return "silent"
def ask(one):
    host, word = one
    kind, port = word.split("/")
    try:
        return {"TCP": tcp, "UDP": udp}[kind](host, int(port))
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"
asked, own = json.loads(sys.argv[1]), "".join(sys.argv[2:])
with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
    print(json.dumps(list(pool.map(ask, asked))))
"""
"""Tells apart who answers, whose machine refuses (packets pass, nobody listens) and who says nothing."""
RESOLVE = (
    (ROOT / "bpf/names.py").read_text(encoding="utf-8")
    + """
import json, sys
print(json.dumps({name: resolve(sys.argv[1], name)["answers"] for name in sys.argv[2:]}))
"""
)
"""The verifier's own question, asked for other names."""
FLOW = """
import socket, sys, time
made = failed = 0
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    made += 1
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[3])), 4) as call:
            failed += call.recv(10) != b"yes"
    except OSError:
        failed += 1
    time.sleep(0.05)
print(made, failed)
"""
DROP = re.compile(r"xx drop \(([^)]*)\).*: ([0-9.]+):\d+ -> ([0-9.]+):(\d+) (tcp|udp)")


def workloads() -> list[dict[str, Any]]:
    """Return the workloads as a site declares them."""
    return [
        {
            "name": name,
            "namespace": namespace,
            "labels": {**MARK, **LABELS[name]},
            "ports": [{"protocol": one.partition("/")[0], "port": int(one.partition("/")[2])} for one in SERVED[name]],
        }
        for name, (namespace, _) in PLACES.items()
    ]


def _pod(name: str) -> dict[str, Any]:
    namespace, node = PLACES[name]
    # A pod that is ready and has the label of the cluster's DNS would get everybody's questions.
    probe: dict[str, Any] = {"exec": {"command": ["false"]}} if name == RESOLVER else {"tcpSocket": {"port": 8080}}
    container = {
        "name": "answer",
        "image": IMAGE,
        "command": ["python3", "-c", SERVER, *SERVED[name]],
        "readinessProbe": {**probe, "periodSeconds": 2, "failureThreshold": 2},
        "livenessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 5, "timeoutSeconds": 5},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"policy-{name}", "namespace": namespace, "labels": {**MARK, **LABELS[name]}},
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
        },
    }


def _namespaces() -> list[str]:
    return sorted({namespace for namespace, _ in PLACES.values()} - {"kube-system"})


@dataclass
class Pods:
    """The workloads' pods on a lab."""

    site: Site
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, folder: Path) -> None:
        """Make namespaces and pods, and wait until every one answers its node."""
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in _namespaces()]
        file = folder / "pods.json"
        items = [*spaces, *(_pod(name) for name in PLACES)]
        file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")
        self.site.good("kubectl", "apply", "-f", str(file))
        assert until(lambda: len(self.ready()) == len(PLACES), 120), self.ready()
        self.addresses = {name: pod["status"]["podIP"] for name, pod in self._all().items()} | {OUTSIDE: STRANGER}
        self._way("add")

    def stop(self) -> None:
        """Remove them."""
        self._way("del")
        self.site.run("kubectl", "-n", "kube-system", "delete", "pod", "policy-resolver", "--now")
        self.site.run("kubectl", "delete", "namespace", *_namespaces(), "--timeout=60s")

    def _way(self, change: str) -> None:
        """Add or remove the address from which the client asks, and the ways to it."""
        for machine, hop in WAYS.items():
            words = (
                ("route", change, f"{STRANGER}/32", "via", hop)
                if hop
                else ("addr", change, f"{STRANGER}/32", "dev", "lo")
            )
            self.site.run("shell", machine, "ip", *words)

    def _all(self) -> dict[str, Any]:
        text = self.site.good("kubectl", "get", "pods", "-A", "-l", "underlay-test=policies", "-o", "json")
        return {pod["metadata"]["name"].removeprefix("policy-"): pod for pod in json.loads(text)["items"]}

    def ready(self) -> set[str]:
        """Return the workloads whose pod is ready and was never restarted; the stand-in of the DNS only runs."""
        statuses = {name: pod["status"].get("containerStatuses", []) for name, pod in self._all().items()}
        return {name for name, found in statuses.items() if found and all(_healthy(name, one) for one in found)}

    def ask(self, asked: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], str]:
        """Return for each source, address and port yes, refused or silent; all sources ask at once."""
        by_source: dict[str, list[tuple[str, str]]] = {}
        for source, address, port in asked:
            by_source.setdefault(source, []).append((address, port))
        with ThreadPoolExecutor(len(by_source)) as pool:
            answers = pool.map(self._ask, by_source, by_source.values())
        return {
            (source, *one): got
            for (source, many), found in zip(by_source.items(), answers, strict=True)
            for one, got in zip(many, found, strict=True)
        }

    def _ask(self, source: str, asked: Sequence[tuple[str, str]]) -> list[str]:
        own = STRANGER if source == OUTSIDE else ""
        out = self.site.good(*self._exec(source), "python3", "-c", CLIENT, json.dumps(asked), own)
        found: list[str] = json.loads(out)
        return found

    def _exec(self, name: str) -> tuple[str, ...]:
        return ("shell", "client") if name == OUTSIDE else _in_pod(name)

    def resolve(self, source: str, *names: str) -> dict[str, list[str]]:
        """Return the addresses of names as a source gets them from the stand-in of the cluster's DNS."""
        words = (*self._exec(source), "python3", "-c", RESOLVE, self.addresses[RESOLVER], *names)
        found: dict[str, list[str]] = json.loads(self.site.good(*words))
        return found

    def flow(self, source: str, target: str, port: int, seconds: float) -> Popen[str]:
        """Start to connect twenty times a second; its output is how many were made, and how many failed."""
        words = ("python3", "-c", FLOW, self.addresses[target], str(seconds), str(port))
        return self.site.start(*self._exec(source), *words)


def _in_pod(name: str) -> tuple[str, ...]:
    return ("kubectl", "-n", PLACES[name][0], "exec", f"policy-{name}", "--")


def _healthy(name: str, status: Mapping[str, Any]) -> bool:
    good = "running" in status["state"] if name == RESOLVER else status["ready"]
    return bool(good) and status["restartCount"] == 0


@dataclass
class Agents:
    """The agents of all nodes, asked on their own command line."""

    site: Site

    def pods(self) -> list[str]:
        """Return the agents' pods."""
        text = self.site.good("kubectl", "-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium", "-o", "json")
        return [item["metadata"]["name"] for item in json.loads(text)["items"]]

    def words(self, pod: str, *words: str) -> tuple[str, ...]:
        """Return the command that asks one agent."""
        return ("kubectl", "-n", "kube-system", "exec", pod, "-c", "cilium-agent", "--", "cilium-dbg", *words)

    def enforced(self, names: Iterable[str]) -> bool:
        """Tell whether every endpoint of every node runs its agent's last revision, which holds these policies."""
        return all(self._enforced(pod, names) for pod in self.pods())

    def _enforced(self, pod: str, names: Iterable[str]) -> bool:
        told = json.loads(self.site.good(*self.words(pod, "policy", "get", "-o", "json")))
        endpoints = json.loads(self.site.good(*self.words(pod, "endpoint", "list", "-o", "json")))
        revisions = [one["status"].get("policy", {}).get("realized", {}).get("policy-revision", 0) for one in endpoints]
        ready = all(one["status"]["state"] == "ready" for one in endpoints)
        return ready and min(revisions) >= told["revision"] and all(name in json.dumps(told) for name in names)

    @contextmanager
    def drops(self) -> Any:
        """Listen to every agent's drops; the list holds reason, source, target and port of each when it ends."""
        found: list[tuple[str, str, str, str]] = []
        listening = [self.site.start(*self.words(pod, "monitor", "-t", "drop")) for pod in self.pods()]
        time.sleep(3)  # until each of them is connected to its agent
        try:
            yield found
        finally:
            time.sleep(1)
            for process in listening:
                process.terminate()
                out, _ = process.communicate(timeout=30)
                found += [(m[1], m[2], m[3], f"{m[5].upper()}/{m[4]}") for m in DROP.finditer(out)]
