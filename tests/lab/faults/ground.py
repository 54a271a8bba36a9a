"""The running site as the campaign uses it: commands in machines, and verdicts without the engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any

from lab import inside
from lab.init import ENVIRONMENT
from lab.paths import cache, state
from tests.lab.faults.table import Lines, Profile
from underlay.collect.gather import Request, gather
from underlay.commands.common import Failure
from underlay.commands.request import of_stack
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Verdict
from underlay.model import Site
from underlay.plan.bgp import objects
from underlay.plan.ends import planned
from underlay.plan.policies.enforcement import enforcement
from underlay.plan.verification import expectations

PATIENCE = 150
"""Seconds for one command."""
POD, PODS = "pod ", "pods"
"""A place that begins so is the network namespace of that node's probe pod; `pods` are all of them."""


class Broken(Exception):
    """A command of the table did not go well; the text says which and why."""


class Ground:
    """The site that runs; used from the operator's place (`python3 -m lab exec`)."""

    def __init__(self) -> None:
        self.evidence: Evidence | None = None
        self.symbols: dict[str, str] = {}
        self.namespaces: dict[str, int] = {}

    @cached_property
    def request(self) -> Request:
        """Return the verification's input as the stack's last update has left it, with what today's plan expects."""
        try:
            content = json.loads(of_stack("dev"))
        except (Failure, ValueError) as error:
            raise Broken(f"no verification input: {error}") from None
        expected = expectations(Site.model_validate(content["site"]))
        return Request.model_validate(content | {"expected": expected.model_dump(mode="json")})

    @property
    def nodes(self) -> list[str]:
        """Return the names of all nodes."""
        return [node.name for node in self.request.expected.nodes]

    @property
    def profile(self) -> Profile:
        """Return the declared host-routing profile."""
        return "bpf" if self.request.expected.host_routing.value == "bpf" else "legacy"

    def verify(self) -> Verdict:
        """Collect evidence now and judge it."""
        self.evidence = gather(self.request, lambda _: None)
        site = self.request.site
        return judge(self.request.expected, self.evidence, planned(site), enforcement(site), objects(site))

    def learn(self) -> None:
        """Take names and pods' namespaces for commands from the last evidence, that of a healthy site."""
        assert self.evidence
        nodes = {node.name: node for node in self.request.expected.nodes}
        found: dict[str, str] = {}
        for name, report in self.evidence.nodes.items():
            seen, key = self.evidence.survey.nodes[name], name.replace("-", "_")
            links = {link.ifindex: link.name for link in report.facts.links or ()}
            found |= {f"pod_{key}": seen.probe or "", f"network_{key}": seen.pod_cidrs[0]}
            found |= {f"address_{key}": str(nodes[name].address), f"gateway_{key}": str(nodes[name].gateways[0])}
            found[f"lxc_{key}"] = links.get(report.pod.host_ifindex or 0, "") if report.pod else ""
            routes = [route.gateway for route in report.facts.routes or () if route.target == seen.pod_cidrs[0]]
            found[f"cilium_host_{key}"] = routes[0] or "" if routes else ""
        front = self.evidence.survey.service
        found["chart"] = str(cache() / "chart" / f"cilium-{self.request.site.cilium.version}")
        self.symbols = found | ({"service": front.address} if front else {})
        reports = self.evidence.nodes.items()
        self.namespaces = {name: report.pod.namespace or 0 for name, report in reports if report.pod}

    def run(self, lines: Lines) -> None:
        """Run commands, each in its place; Broken says which one does not go well."""
        for entry in lines:
            for place, line in entry.items():
                for one in [f"{POD}{name}" for name in self.nodes] if place == PODS else [place]:
                    self._run(one, Template(line).substitute(self.symbols))

    def heal(self, lines: Lines) -> str:
        """Run commands, each whatever became of the others; return what did not go well."""
        wrong = []
        for entry in lines:
            try:
                self.run((entry,))
            except Broken as error:
                wrong.append(str(error))
        return "; ".join(wrong)

    def _run(self, place: str, line: str) -> None:
        words = self._words(place, line)
        own = os.environ | ({"UNDERLAY_STATE": str(state())} if place == "lab" else {})
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE, env=own)
        except subprocess.TimeoutExpired:
            raise Broken(f"{place}: {line}: no end within {PATIENCE} s") from None
        if done.returncode:
            raise Broken(f"{place}: {line}: exit code {done.returncode}: {(done.stderr or done.stdout).strip()}")

    def _words(self, place: str, line: str) -> list[str]:
        if place in ("kubectl", "helm"):
            return ["bash", "-c", f"{place} {line}"]
        if place == "lab" and line.startswith("second-cable "):
            return ["bash", "-ec", CABLE, *self._cable(line.split()[1:])]
        if place == "lab" and line.startswith("service-map "):
            _, order, node, address = line.split()
            return [sys.executable, "-m", "tests.lab.faults.service_map", order, str(inside.require(node)), address]
        if place == "lab":
            return [sys.executable, "-m", "lab", *line.split()]
        if place.startswith(POD):
            return ["nsenter", f"--net=/proc/{self._pod(place.removeprefix(POD))}/ns/net", "sh", "-c", line]
        return [*entered(place), "sh", "-ec", line]

    def _cable(self, words: list[str]) -> list[str]:
        """Return process numbers and words of a cable between two machines."""
        one, port, address, other, far_port, far_address = words
        return ["cable", str(inside.require(one)), port, address, str(inside.require(other)), far_port, far_address]

    def _pod(self, node: str) -> int:
        """Return a process, by this process's numbers, in the network namespace of a node's probe pod."""
        return namespace_process(self.namespaces[node])


def namespace_process(number: int) -> int:
    """Return the number of a process in a network namespace, as this process counts; Broken says there is none."""
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if path.stat().st_ino == number:
                return int(path.parts[2])
        except OSError:
            continue
    raise Broken(f"no process in the network namespace {number}")


CABLE = """
ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
nsenter -t "$1" -n ip address add "$3" dev "$2"
nsenter -t "$1" -n ip link set "$2" up
nsenter -t "$4" -n ip address add "$6" dev "$5"
nsenter -t "$4" -n ip link set "$5" up
"""
"""A second cable between two machines: process number, port and address of each end."""


def entered(machine: str) -> list[str]:
    """Return the words before a command that let it run in a machine."""
    spaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    variables = [f"{key}={value}" for key, value in ENVIRONMENT.items()]
    return ["nsenter", "--target", str(inside.require(machine)), *spaces, "--wdns=/root", "env", "-i", *variables]


def evidence_of(path: Path) -> Evidence:
    """Return evidence that a campaign kept."""
    return Evidence.model_validate_json(path.read_text(encoding="utf-8"))


def kept(evidence: Evidence) -> str:
    """Return evidence as text to keep."""
    content: dict[str, Any] = json.loads(evidence.model_dump_json(by_alias=True, exclude_defaults=True))
    return json.dumps(content)
