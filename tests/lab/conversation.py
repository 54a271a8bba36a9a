"""What the controller says to a node, without SSH."""

from __future__ import annotations

import contextlib
import json

from tests.lab.minimachine import Machine
from tests.lab.minisite import ADDRESSES, EXPECTED, GATEWAYS, PODS, PORT, SURVEY
from underlay.collect.gather import beyond
from underlay.collect.package import COMMAND, opening
from underlay.judge.evidence import NodeReport

BACKENDS = ("core", "bcc")
"""Both ways into the kernel; each has to pass the same tests."""


class Conversation:
    """One run of the program on a machine, with the backend that it chooses itself or with a wanted one."""

    def __init__(self, machine: Machine, name: str, backend: str | None = None) -> None:
        self.name = name
        self.backend = backend
        self.process = machine.start("sh", "-c", COMMAND)
        assert self.process.stdin
        self.process.stdin.write(opening())

    def say(self, **request: object) -> None:
        """Send one request."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, **request: object) -> bytes:
        """Send one request and return the answer."""
        self.say(**request)
        assert self.process.stdout
        return self.process.stdout.readline()

    def begin(self) -> None:
        """Attach."""
        uplinks = [{"name": "eth0", "mtu": 1500}]
        self.ask(request="begin", uplinks=uplinks, port=PORT, targets=len(PODS), backend=self.backend)

    def probe(self) -> None:
        """Probe the other node's pod."""
        self.ask(**self.probing())

    def probing(self) -> dict[str, object]:
        """Return the request to probe the other node's pod."""
        targets = [{"node": name, "address": address} for name, address in PODS.items() if name != self.name]
        machines = [*ADDRESSES.values(), *GATEWAYS.values()]
        pods = list(PODS.values())
        beyond_ = beyond(self.name, EXPECTED, SURVEY)
        own = {"pod": PODS[self.name], "pods": pods, "machines": machines, "targets": targets}
        return {"request": "probe", **own, **beyond_}

    def report(self) -> NodeReport:
        """Return the node's report."""
        report = NodeReport.model_validate_json(self.ask(request="report"))
        self.end()
        return report

    def end(self) -> None:
        """Wait for the program's end, which may have come already."""
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                assert pipe
                pipe.close()
        self.process.wait(10)
