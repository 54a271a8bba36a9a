"""The running lab as losses and changes use it: Cilium's own agents, machines' ports and daemons, pods that talk."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import TypeVar

from lab.hardware import hardware
from lab.namespaces import Kind as Namespace
from lab.namespaces import enter
from tests.lab.faults.campaign import healthy
from tests.lab.faults.ground import Ground as Verified
from tests.lab.faults.ground import entered, namespace_process
from tests.lab.world import Case, lost_ports, talkers
from underlay.collect import bird, frr
from underlay.judge.router_checks import DAEMONS
from underlay.model import Platform
from underlay.plan.paths import Loss, solve

T = TypeVar("T")
AGENT = "cilium-agent"
READERS = {Platform.FRR: frr, Platform.BIRD: bird}


class Running:
    """The site that runs, used from the operator's place; what `losses` asks of a ground and of its world."""

    def __init__(self) -> None:
        """Wait until a verdict has nothing to say, and open sockets in every probe pod."""
        self.settled()
        self.site = self.verified.request.site
        self.world, self.hardware = self, hardware(self.site)
        self.first = {rack.name: self.site.nodes_of(rack.name)[0].name for rack in solve(self.site).fabric.racks}
        evidence = self.verified.evidence
        assert evidence
        self.pods = {name: seen.probe or "" for name, seen in evidence.survey.nodes.items()}
        self.sockets = {name: self._in_pod(name, partial(talkers, pod)) for name, pod in self.pods.items()}

    def settled(self, _: float = 0) -> bool:
        """Wait until a verdict of the stack as it is now has nothing to say; Unhealthy says why it never comes."""
        self.verified = Verified()
        return healthy(self.verified) >= 0

    def _in_pod(self, node: str, work: Callable[[], T]) -> T:
        """Run something in the network of a node's probe pod: a thread's network is its own."""
        process, result = namespace_process(self.verified.namespaces[node]), list[T]()

        def run() -> None:
            enter(process, Namespace.NET)
            result.append(work())

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return result[0]

    def set_ports(self, loss: Loss, state: str) -> None:
        """Take the ports of a loss down or up."""
        for machine, port in lost_ports(self.hardware, self.first, loss):
            self.good(machine, f"ip link set {port} {state}")

    def give_gateways(self, case: Case) -> None:
        """Do nothing: no rack here has a shared gateway."""

    def good(self, name: str, command: str) -> str:
        """Run a command in a machine; it has to go well."""
        words = [*entered(name), "sh", "-ec", command]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a router's BGP daemon, or to a node's agent."""
        self.good(name, f"kill -{int(number)} $(pidof {self._daemons.get(name, AGENT)})")

    @cached_property
    def _daemons(self) -> dict[str, str]:
        return {router.name: DAEMONS[router.platform][-1] for router in self.site.routers}

    def heal(self, loss: Loss) -> None:
        """Undo a loss, and wait until the site is as before."""
        self.set_ports(loss, "up")
        for name in (loss.router, self.first.get(loss.other, "")):
            if name:
                words = [*entered(name), "sh", "-c", f"nft delete table ip hung; kill -CONT $(pidof bgpd bird {AGENT})"]
                subprocess.run(words, check=False, capture_output=True)
        daemon = self._daemons.get(loss.router)
        if daemon and not self.good(loss.router, f"pidof {daemon} || true").strip():
            self.verified.run(({"lab": f"restart {loss.router}"},))  # as a machine does whose daemon stays ended
        self.settled()

    def since(self) -> dict[tuple[str, str], float]:
        """Return by router and neighbour when a session came up, on this machine's clock; those that are down lack."""
        found = {}
        for router in self.site.routers:
            software = READERS[router.platform]
            now, text = time.monotonic(), self.good(router.name, software.COMMANDS["sessions"])
            for one in software.sessions(text):
                if one.state == "established" and one.age is not None:
                    found[router.name, one.address] = now - one.age
        return found
