"""A lab whose declaration changes, the running one or one of its own, and the streams that run meanwhile."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from lab.toolchain import engine, ensure
from lab.toolchain.store import FORMER_STORE
from tests.lab.balanced import CLIENT as OUTSIDE
from tests.lab.host import ROOT
from tests.lab.killed import SYSTEM, UPDATE
from tests.lab.policy_pods import IMAGE
from tests.lab.site import Judged, Site, running, until
from tests.lab.test_intrusion import NODES, RULES
from tests.lab.upgrade import wire
from underlay.commands.stack_file import SITE

SPACE, LABEL, SERVICE, PORT = "underlay-upgrade", "underlay-test", "answers", 5302
PLACES = {"left": "worker-1", "mate": "worker-1", "right": "worker-3", "back": "worker-2"}
"""Pod to node; the last two stand behind the service."""
BEHIND = ("right", "back")
CLIENT = "client"
WIRE = Path(wire.__file__).read_text(encoding="utf-8")
DETECTION = {"capture": "pod-links", "engine": "suricata", "image": engine.NAME, "rules": RULES, "nodes": list(NODES)}
SETTLES = 90
"""Seconds in which a verdict becomes green."""
BEGIN = 'rm -f /tmp/stop; nohup python3 -c "$@" </dev/null >/tmp/told 2>/tmp/error &'
SHARE = {"requests": {"cpu": "250m"}}
"""A pod without it is the last to get a busy machine's processor, and its waiting would look like the network's."""
Streams = dict[str, tuple[str, str, int]]
Figures = dict[str, dict[str, float]]


class Step(NamedTuple):
    """A declaration that is applied after another."""

    name: str
    cilium: Mapping[str, Any] = {}
    """Settings of Cilium that differ from the dev site's."""
    mirror: bool = False
    """Whether an engine of intrusion detection reads pod links by the mirror."""
    restart: bool = False
    """Whether every agent is replaced after it, with nothing else that changes."""


class Upgraded(Site):
    """A lab whose nodes have the images of both releases."""

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of its commands."""
        return super().environment | {"UNDERLAY_STORE": FORMER_STORE}


@dataclass
class Bench:
    """A lab, its declaration, and pods that talk."""

    site: Site
    folder: Path
    hosts: dict[str, str] = field(default_factory=dict)

    def declare(self, step: Step) -> None:
        """Declare the dev site with what a step has otherwise."""
        content = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8"))
        site = content["config"][SITE]
        site["cilium"] |= step.cilium
        site |= {"intrusion_detection": DETECTION} if step.mirror else {}
        path = self.folder / "Pulumi.upgrade.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        self.site.long("up", "--site", str(path))

    def preview(self) -> str:
        """Return what the engine says before an update."""
        return self.site.long("pulumi", "preview", "--non-interactive")

    def update(self) -> list[str]:
        """Apply what is declared; a second time where the first failed, and return how that one did."""
        process = self.site.start(*UPDATE)
        out, _ = process.communicate(timeout=900)
        if process.returncode == 0:
            return []
        self.site.long(*UPDATE)
        return [line.strip() for line in out.splitlines() if line.lstrip().startswith(("error:", "? ", "! "))]

    def judge(self) -> Judged:
        """Verify, and again for a while after agents have restarted or where a busy machine gave no answer."""
        end = time.monotonic() + SETTLES
        while (judged := self.site.verify()).code and time.monotonic() < end:
            time.sleep(1)
        return judged

    def restart(self) -> None:
        """Replace every agent."""
        self.site.good(*SYSTEM, "rollout", "restart", "daemonset/cilium")
        self.site.long(*SYSTEM, "rollout", "status", "daemonset/cilium", "--timeout=600s")

    def settled(self, read: Callable[[], str], seconds: float = 40) -> str:
        """Return what a program prints at its end."""
        assert until(lambda: read().strip() != "", seconds), "a program in the background does not end"
        return read()

    def agents(self) -> dict[str, str]:
        """Return the identity of each node's agent."""
        items = json.loads(self.site.good(*SYSTEM, "get", "pods", "-l", "k8s-app=cilium", "-o", "json"))["items"]
        return {one["spec"]["nodeName"]: one["metadata"]["uid"] for one in items}

    def options(self) -> dict[str, str]:
        """Return the agents' options as they are in the cluster."""
        return dict(json.loads(self.site.good(*SYSTEM, "get", "configmap", "cilium-config", "-o", "json"))["data"])

    def start(self) -> None:
        """Make pods and service, and wait until the streams' servers answer."""
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
            *map(_pod, PLACES),
            _service(),
        ]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        self.site.good("exec", "--", "sh", "-c", 'printf %s "$1" | kubectl apply -f -', "sh", text)
        assert until(lambda: len(self._found()) == len(PLACES) + 2, 120), self._found()
        self.hosts = self._found()
        self._begin(CLIENT, "serve", str(PORT))
        assert until(lambda: not self._silent(), 60), f"nothing arrives of {', '.join(self._silent())}"

    def _found(self) -> dict[str, str]:
        """Return the addresses of pods that run, and both of the service."""
        items = json.loads(self.site.good("kubectl", "-n", SPACE, "get", "pods,services", "-o", "json"))["items"]
        pods = [one for one in items if one["kind"] == "Pod" and one["status"]["phase"] == "Running"]
        found = {one["metadata"]["name"]: one["status"].get("podIP", "") for one in pods}
        for one in items:
            if one["kind"] == "Service":
                told = one["status"].get("loadBalancer", {}).get("ingress") or [{}]
                found |= {SERVICE: one["spec"]["clusterIP"], "told": told[0].get("ip", "")}
        return {name: address for name, address in found.items() if address}

    def _silent(self) -> list[str]:
        """Send for a moment; return the streams of which nothing arrived."""
        with self.streams() as told:
            until(lambda: False, 1)
        return [name for name, one in told.items() if one["lost"] == one["sent"]]

    def wanted(self) -> dict[str, Streams]:
        """Return the streams by the place that they come from."""
        host = self.hosts
        return {
            "left": {
                "pod to pod, other rack": ("datagrams", host["right"], PORT),
                "pod to pod, same node": ("datagrams", host["mate"], PORT),
                "pod to pod, one open connection": ("questions", host["right"], PORT),
                "pod to service, datagrams": ("datagrams", host[SERVICE], PORT),
                "pod to service, new connections": ("connections", host[SERVICE], PORT),
                "pod to outside": ("datagrams", OUTSIDE, PORT),
            },
            CLIENT: {
                "outside to pod": ("datagrams", host["right"], PORT),
                "outside to service, new connections": ("connections", host["told"], PORT),
            },
        }

    @contextmanager
    def streams(self) -> Iterator[Figures]:
        """Let all streams run meanwhile; their figures are there afterwards."""
        told: Figures = {}
        for place, streams in self.wanted().items():
            self._begin(place, "send", json.dumps(streams), "/tmp/stop")
        try:
            yield told
        finally:
            for place in self.wanted():
                self._in(place, "touch", "/tmp/stop")
        for place in self.wanted():
            told |= json.loads(self.settled(partial(self._in, place, "cat", "/tmp/told")))

    def _begin(self, place: str, *words: str) -> None:
        """Start the wire's program in a pod or machine; it goes on by itself."""
        self._in(place, "sh", "-c", BEGIN, "sh", WIRE, *words, OUTSIDE if place == CLIENT else "")

    def _in(self, place: str, *words: str) -> str:
        if place == CLIENT:
            return self.site.inside(CLIENT, *words)
        return self.site.good("kubectl", "-n", SPACE, "exec", place, "--", *words)


@contextmanager
def own() -> Iterator[Bench]:
    """Make a lab whose nodes have both releases when its first declaration comes, and end it afterwards."""
    ensure([FORMER_STORE])
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(Upgraded(Path(folder) / "state"), Path(folder))
        try:
            yield made
        finally:
            made.site.run("down")


@contextmanager
def present() -> Iterator[Bench]:
    """Take the running lab, and give it back as the repository declares it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Bench(running(), Path(folder))
        try:
            yield made
        finally:
            made.site.run("kubectl", "delete", "namespace", SPACE, "--ignore-not-found")
            made.site.long("up")
            made.update()


def _pod(name: str) -> dict[str, Any]:
    serve = ["python3", "-c", WIRE, "serve", str(PORT), ""]
    spec = {
        "nodeName": PLACES[name],
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "wire", "image": IMAGE, "command": serve, "resources": SHARE}],
    }
    labels = {LABEL: SERVICE if name in BEHIND else "asks"}
    metadata = {"name": name, "namespace": SPACE, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _service() -> dict[str, Any]:
    ports = [{"name": kind.lower(), "port": PORT, "protocol": kind} for kind in ("TCP", "UDP")]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": SPACE},
        "spec": {"type": "LoadBalancer", "selector": {LABEL: SERVICE}, "ports": ports},
    }
