"""The running site as the campaign uses it: Helm on the release, pods that ask, a client that answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from lab.paths import cache
from lab.toolchain.images import CHART
from tests.lab.faults.ground import Ground, entered
from tests.lab.silent.table import Bad, meant
from tests.lab.site import until
from underlay.collect.gather import gather
from underlay.judge.judge import judge
from underlay.judge.verdict import Verdict
from underlay.plan.bgp import objects
from underlay.plan.ends import planned
from underlay.plan.far_ends import RESPONDER_NAMESPACE, RESPONDER_PORT
from underlay.plan.values import NAMESPACE, RELEASE, merged
from underlay.plan.verification import expectations
from underlay.sources import responder

CLIENT = "203.0.113.10"
SERVICE = "silent"
AT_ONCE = {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "100%"}}}
"""All agents restart together: only the campaign's time changes."""
ASK = """
import json, socket, sys
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def ask():
    try:
        with socket.create_connection((host, port), 2) as call:
            call.sendall(b"x" * 200)
            call.shutdown(socket.SHUT_WR)
            return json.loads(call.recv(200))["from"]
    except (OSError, ValueError) as error:
        return type(error).__name__
print(json.dumps([ask() for _ in range(count)]))
"""
PATIENCE = 150
"""Seconds for agents and operators to come back; healthy ones take ten to twenty, on a busy machine a minute."""
ASKED = 5
"""Connections for each look."""


class World:
    """The site while something is wrong."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.values = json.loads(self.run("helm", "-n", NAMESPACE, "get", "values", RELEASE, "-o", "json"))
        self.noted: Verdict | None = None
        """The verdict while harm was done, where the site as it is now does not show it."""

    @staticmethod
    def run(*words: str, text: str = "", seconds: float = 300) -> str:
        """Return what a command prints; it has to go well."""
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=seconds)
        assert done.returncode == 0, f"{' '.join(words[:8])}: {done.stderr.strip()[-400:]}"
        return done.stdout

    def kubectl(self, *words: str, text: str = "") -> str:
        """Return what kubectl prints."""
        return self.run("kubectl", *words, text=text)

    def objects(self, *words: str) -> Any:
        """Return what kubectl gets."""
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def inside(self, machine: str, *words: str) -> str:
        """Return what a command in a machine prints."""
        return self.run(*entered(machine), *words)

    def apply(self, values: Mapping[str, Any]) -> None:
        """Give the release other values by Helm itself, and wait for the agents, which may never come."""
        self._upgrade(merged(values, AT_ONCE))
        for name in ("daemonset/cilium", "deployment/cilium-operator"):
            words = ["kubectl", "-n", NAMESPACE, "rollout", "status", name, f"--timeout={PATIENCE}s"]
            subprocess.run(words, capture_output=True, check=False)

    def take_back(self) -> None:
        """Give the release the very values that it had: nothing restarts where agents run by them already."""
        self._upgrade(self.values)

    def _upgrade(self, values: Mapping[str, Any]) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(values, file)
            file.flush()
            words = ["upgrade", RELEASE, str(cache() / CHART), "-n", NAMESPACE, "--reset-values", "-f", file.name]
            self.run("helm", *words)

    def verdict(self, bad: Bad) -> Verdict:
        """Verify against what the declaration means; that Helm was told something else past it is known."""
        expected = expectations(meant(bad)).model_copy(update={"release": None})
        request = self.ground.request.model_copy(update={"expected": expected})
        self.ground.evidence = gather(request, lambda _: None)
        own = self.ground.request.site
        return judge(request.expected, self.ground.evidence, planned(own), objects=objects(own))

    def pods(self) -> dict[str, tuple[str, str]]:
        """Return name and address of each node's probe pod that runs."""
        items = self.objects("-n", RESPONDER_NAMESPACE, "pods", "-l", f"app={RESPONDER_NAMESPACE}")["items"]
        there = [one for one in items if not one["metadata"].get("deletionTimestamp") and one["status"].get("podIP")]
        return {one["spec"]["nodeName"]: (one["metadata"]["name"], one["status"]["podIP"]) for one in there}

    def renew(self, *, patience: float = 60) -> None:
        """Make the probe pods anew, so that they get what is new."""
        self.kubectl("-n", RESPONDER_NAMESPACE, "delete", "pod", "--all", "--now", "--wait=true")
        until(lambda: len(self.pods()) == len(self.ground.nodes), patience)

    def ask_from(self, node: str, host: str, port: int = RESPONDER_PORT) -> list[str]:
        """Return what each connection of a node's pod was answered: the source that was seen, or an error."""
        words = ("exec", self.pods()[node][0], "--", "python3", "-c", ASK, host, str(port), str(ASKED))
        found: list[str] = json.loads(self.kubectl("-n", RESPONDER_NAMESPACE, *words))
        return found

    def client_asks(self, host: str, port: int) -> list[str]:
        """Return the answers to the outside client's connections."""
        found: list[str] = json.loads(self.inside("client", "python3", "-c", ASK, host, str(port), str(ASKED)))
        return found

    def service(self) -> dict[str, str]:
        """Return the addresses of the service in front of the probe pods."""
        item = self.objects("-n", RESPONDER_NAMESPACE, "service", SERVICE)
        outside = item["status"]["loadBalancer"].get("ingress", [{}])[0].get("ip", "")
        return {
            "cluster": item["spec"]["clusterIP"],
            "outside": outside,
            "port": str(item["spec"]["ports"][0]["nodePort"]),
        }

    def agent(self, node: str) -> str:
        """Return the name of a node's agent that is ready; empty when there is none."""
        words = ("-n", NAMESPACE, "pods", "-l", "k8s-app=cilium", f"--field-selector=spec.nodeName={node}")
        ready = [one["metadata"]["name"] for one in self.objects(*words)["items"] if _ready(one)]
        return ready[0] if ready else ""


def _ready(pod: Mapping[str, Any]) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))


@contextmanager
def ready(ground: Ground) -> Iterator[World]:
    """Yield the site with a service in front of the probe pods and a client that answers."""
    world = World(ground)
    ports = [{"port": 80, "targetPort": RESPONDER_PORT}]
    spec = {"type": "LoadBalancer", "selector": {"app": RESPONDER_NAMESPACE}, "ports": ports}
    metadata = {"name": SERVICE, "namespace": RESPONDER_NAMESPACE}
    item = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    world.kubectl("apply", "-f", "-", text=json.dumps(item))
    words = [*entered("client"), "python3", "-c", responder(), str(RESPONDER_PORT)]
    with subprocess.Popen(words, stdout=sys.stderr, start_new_session=True) as client:
        try:
            assert until(lambda: bool(world.service()["outside"]), 30), "the service gets no address"
            yield world
        finally:
            os.killpg(client.pid, signal.SIGTERM)  # a machine's process is a child of the one that entered it
            with suppress(AssertionError):  # a site that no longer answers is said by the campaign itself
                world.kubectl("-n", RESPONDER_NAMESPACE, "delete", "service", SERVICE, "--ignore-not-found")
