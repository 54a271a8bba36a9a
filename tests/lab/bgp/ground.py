"""A site's routers and nodes with their BGP daemons, asked and judged by the product's own readers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.namespaces import Flag, Kind, mount, unshare
from lab.routers import outside
from tests.lab.bgp import gobgp
from tests.lab.routing import PASSWORD, Speakers, Table, expected, learned
from tests.lab.world import World
from underlay.collect import routers, watch
from underlay.collect.digests import KEY
from underlay.judge.evidence import Evidence, NodeSession, Process, RouterReport, Survey, Surveyed
from underlay.judge.judge import judge
from underlay.judge.verdict import Verdict
from underlay.model import Node, Platform, Router, Site
from underlay.plan.bgp import PASSWORD_SECRET, objects
from underlay.plan.ends import node_ends, planned
from underlay.plan.ends.texts import digest
from underlay.plan.paths import Loss
from underlay.plan.verification import expectations

PLACES = ("run/frr", "run/bird", "etc/bird")
"""Where a router's programs look for their own daemon and files: each sees its own there."""
INSIDE = 'for place in {places}; do mount --bind "$1/run/$2" "$1/$place"; done; exec chroot "$1" sh -c "$3"'
FRR = "-A 127.0.0.1 -z {run}/zserv.api --vty_socket {run} -i {run}/{daemon}.pid -f {run}/{daemon}.conf"


class Ground(Speakers):
    """Every machine of a site with its daemons; the nodes' end is GoBGP, as in Cilium's agent."""

    def __init__(self, site: Site) -> None:
        """Cable the site and start everything."""
        super().__init__(World(site))
        mount("proc", self.root / "proc", "proc")
        for machine in self.world.hardware.machines.values():
            if machine.kind == "outside":
                text = outside(machine).files["/etc/bird/conf.d/outside.conf"]
                self._bird(machine.name, f"router id 192.0.2.200;\nprotocol device {{ }}\n{text}")

    @property
    def site(self) -> Site:
        """Return what is declared."""
        return self.world.site

    def start(self, router: Router) -> None:
        """Start a router with the configuration that is rendered for it, and nothing else."""
        if router.platform is Platform.BIRD:
            super().start(router)
            return
        text = f"frr defaults traditional\nhostname {router.name}\n{self.text(router)}\n"
        self._file(router.name, "vtysh.conf", "no service integrated-vtysh-config\n")
        for daemon, content in (("zebra", ""), ("bgpd", text)):
            self._file(router.name, f"{daemon}.conf", content)
            words = FRR.format(run=f"/run/{router.name}", daemon=daemon).split()
            self._run(router.name, [f"/usr/lib/frr/{daemon}", *words])

    def start_node(self, node: Node) -> None:
        """Start GoBGP with the sessions and timers that Cilium's objects give the node, and its pod network."""
        self.restart_node(node, gobgp.configuration(self.site, node, PASSWORD))

    def restart_node(self, node: Node, text: str) -> None:
        """Start a node's daemon with a configuration of its own."""
        self._file(node.name, "gobgp.toml", text)
        file = self.root / "run" / node.name / "gobgp.toml"
        self._run(node.name, [str(gobgp.program("gobgpd")), "-f", str(file), *gobgp.LISTENS], rooted=False)
        self.tell(node.name, self.world.networks[node.name])

    def signal(self, name: str, number: int) -> None:
        """Send a signal to a machine's BGP daemon."""
        self.daemons[name][-1].send_signal(number)

    def freeze(self, router: str) -> None:
        """Stop a router's BGP daemon without ending it."""
        self.daemons[router][-1].send_signal(signal.SIGSTOP)

    def tell(self, node: str, network: str, way: str = "add") -> None:
        """Let a node advertise a network, or no longer."""
        command = ["ip", "netns", "exec", node, str(gobgp.program("gobgp")), "global", "rib", way, network]
        until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, 20)

    def inside(self, name: str, command: str) -> tuple[int, str, str]:
        """Run a command in a machine, whose own daemons' sockets and files lie where programs look for them."""
        for place in PLACES:
            (self.root / place).mkdir(parents=True, exist_ok=True)
        script = INSIDE.format(places=" ".join(PLACES))
        words = ["ip", "netns", "exec", name, "unshare", "--mount", "sh", "-ec", script, "sh", str(self.root), name]
        done = subprocess.run([*words, command], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def good(self, name: str, command: str) -> str:
        """Do the same with a command that has to go well, and return what it said."""
        code, output, complaint = self.inside(name, command)
        if code:
            raise OSError(f"{name}: {command}: {code}: {complaint or output}")
        return output

    def report(self, router: Router) -> RouterReport:
        """Return what a router says, read as a verification reads it; processes are told by their own numbers."""
        shell: Any = _Inside(self, router.name)
        found = asyncio.run(self._read(shell, router))
        names = [Path(f"/proc/{daemon.pid}/stat") for daemon in self.daemons[router.name]]
        parts = [path.read_text().partition("(")[2].rpartition(")") for path in names]
        told = tuple(Process(name=name, state=rest.split()[0]) for name, _, rest in parts)
        return found.model_copy(update={"processes": told})

    async def _read(self, shell: Any, router: Router) -> RouterReport:
        found = await routers.read(shell, router.platform)
        return await routers.watched(shell, router.platform, found, self.site.bgp.timers.hold, watch.LONGEST)

    def verdict(self, made: Iterable[dict[str, Any]] | None = None, secret: str = PASSWORD) -> Verdict:
        """Judge what routers and nodes say; the objects are the plan's unless others are given."""
        given = [*(objects(self.site) if made is None else made)]
        ends = node_ends(given, {PASSWORD_SECRET: digest(secret, KEY)} if secret else {})
        seen = {node.name: self._surveyed(node, ends.get(node.name, {})) for node in self.site.nodes}
        evidence = Evidence(
            taken=datetime.now(UTC),
            seconds=1,
            survey=Survey(nodes=seen),
            nodes={},
            routers={router.name: self.report(router) for router in self.site.routers},
            errors={},
        )
        return judge(expectations(self.site), evidence, planned(self.site))

    def _surveyed(self, node: Node, ends: dict[str, Any]) -> Surveyed:
        states, ages = gobgp.states(node.name), gobgp.ages(node.name)
        told = [
            NodeSession(address=address, asn=end.peer_asn, state=states.get(address, "unknown"), age=ages.get(address))
            for address, end in ends.items()
        ]
        network = self.world.networks[node.name]
        return Surveyed(ready=True, pod_cidrs=(network,), agent_ready=True, sessions=tuple(told), ends=ends)

    def tables(self) -> dict[str, Table]:
        """Return the pod networks in each router's kernel."""
        pool = str(self.site.addresses.pods.native)
        return {router.name: learned(router.name, pool) for router in self.site.routers}

    def forecast(self, loss: Loss | None = None) -> dict[str, Table]:
        """Return the same as planned."""
        return {router.name: expected(self.world, router.name, loss) for router in self.site.routers}

    def settled(self, seconds: float = 60) -> bool:
        """Wait until every router's kernel holds what is planned, and every session is up."""
        return until(lambda: self.tables() == self.forecast() and self.all_up(), seconds)

    def all_up(self) -> bool:
        """Say whether every node has all its sessions."""
        wanted = {node.name: len(self.site.rack(node.rack).links) for node in self.site.nodes}
        return all([*gobgp.states(name).values()].count("established") == number for name, number in wanted.items())


class _Inside:
    """A router's shell, as the reader of routers wants it."""

    def __init__(self, ground: Ground, name: str) -> None:
        self.ground, self.name = ground, name

    async def run(self, command: str, limit: int) -> tuple[int, str, str]:
        """Run a command there."""
        code, output, complaint = await asyncio.to_thread(self.ground.inside, self.name, command)
        return code, output[:limit], complaint


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds; False when it does not in time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def apart(work: Callable[[], int]) -> int:
    """Do something in a child with networks, mounts and processes of its own; return what it returns."""
    child = os.fork()
    if not child:
        code = 2
        try:
            unshare(Kind.NET | Kind.MOUNT | Kind.PID)
            if inner := os.fork():
                os._exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
            signal.signal(signal.SIGTERM, lambda *_: os._exit(1))  # the first process is not ended otherwise
            mount("", "/", flags=Flag.RECURSIVE | Flag.PRIVATE)
            mount("proc", "/proc", "proc")
            mount("tmpfs", "/run", "tmpfs")
            code = work()
        except BaseException:  # noqa: BLE001 - a child must never go on as its parent
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
