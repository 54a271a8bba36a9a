"""Two nodes, a router between them and a pod on each, as namespaces: quick ground for faults, without Kubernetes.

    pod1 ── node1 ── tor ── node2 ── pod2        tor ══ node2: a second link, for asymmetry only

Every machine is one process; the kernel ends them with the test run, and nothing has a name outside.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from lab.paths import repo
from tests.lab.conversation import Conversation
from tests.lab.minimachine import Machine
from tests.lab.minisite import ADDRESSES, EXPECTED, GATEWAYS, KUBELET, NETWORKS, PODS, POOL, PORT, SERVICE, SURVEY
from underlay.collect.routers import kernel
from underlay.judge.evidence import Evidence, NodeReport, Process, RouterReport, RouterSession
from underlay.judge.judge import judge
from underlay.judge.verdict import Verdict
from underlay.sources import responder

CABLES = (
    ("pod1", "eth0", "node1", "lxc1"),
    ("node1", "eth0", "tor", "left"),
    ("tor", "right", "node2", "eth0"),
    ("tor", "second", "node2", "eth1"),
    ("pod2", "eth0", "node2", "lxc2"),
)
DEVICES = {
    ("pod1", "eth0"): f"{POOL}.1.10/24",
    ("node1", "lxc1"): f"{POOL}.1.1/24",
    ("node1", "eth0"): "192.168.11.2/24",
    ("tor", "left"): "192.168.11.1/24",
    ("tor", "right"): "192.168.12.1/24",
    ("tor", "second"): "192.168.13.1/24",
    ("node2", "eth0"): "192.168.12.2/24",
    ("node2", "eth1"): "192.168.13.2/24",
    ("node2", "lxc2"): f"{POOL}.2.1/24",
    ("pod2", "eth0"): f"{POOL}.2.10/24",
}
ROUTES = (
    ("pod1", "default", f"{POOL}.1.1"),
    ("node1", "default", "192.168.11.1"),
    ("node2", "default", "192.168.12.1"),
    ("pod2", "default", f"{POOL}.2.1"),
    ("tor", f"{POOL}.1.0/24", "192.168.11.2"),
    ("tor", f"{POOL}.2.0/24", "192.168.12.2"),
)
MACHINES = ("pod1", "node1", "tor", "node2", "pod2")
SYSCTLS = {"all/rp_filter": "0", "default/rp_filter": "0"}
LISTEN = "import socket, time; s = socket.create_server(('', 179)); print('up', flush=True); time.sleep(3600)"
DIAL = LISTEN.replace("socket, time", "socket, sys, time").replace("server((''", "connection((sys.argv[1]")
FRONT = """
table ip front {{
    chain translated {{
        type nat hook output priority -100;
        ip daddr {service} tcp dport 80 dnat to {pod}:{port}
        ip daddr {service} dnat to {pod}
    }}
}}
"""
"""A pod's own translation of the service's address, in place of Cilium's."""
BCC, LIBBPF = "usr/lib/python3/dist-packages/bcc", "usr/lib/x86_64-linux-gnu/libbpf.so.1"
"""What each backend needs in a node's root tree."""


class Fabric:
    """The five machines, and one way to verify them."""

    def __init__(self) -> None:
        self.machines = {name: Machine(name) for name in MACHINES}
        self.instead: Machine | None = None
        self.reports: dict[str, NodeReport] = {}
        self.helpers: list[subprocess.Popen[bytes]] = []
        self._wire()
        self._route()
        self._populate()
        self._connect()

    def _wire(self) -> None:
        for machine in self.machines.values():
            for key, value in SYSCTLS.items():
                machine.run("sh", "-c", 'echo "$1" > "/proc/sys/net/ipv4/conf/$2"', "sh", value, key)
            machine.run("ip", "link", "set", "lo", "up")
        for one, device, other, peer in CABLES:
            ends = [str(self.machines[name].pid) for name in (one, other)]
            link = f"ip link add name {device} netns {ends[0]} type veth peer name {peer} netns {ends[1]}"
            subprocess.run(link.split(), check=True)
        for (name, device), address in DEVICES.items():
            self.machines[name].run("ip", "address", "add", address, "dev", device)
            self.machines[name].run("ip", "link", "set", device, "up")

    def _route(self) -> None:
        for name, target, gateway in ROUTES:
            self.machines[name].run("ip", "route", "add", target, "via", gateway)
        for name in ("node1", "tor", "node2"):
            self.machines[name].run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def _populate(self) -> None:
        """Start the responders in the pods, and attach programs named like Cilium's on the nodes."""
        for pod in ("pod1", "pod2"):
            helper = self.machines[pod].start("python3", "-c", responder(), str(PORT))
            assert helper.stdout
            assert b"responder" in helper.stdout.readline()
            self.helpers.append(helper)
        for pod, far in (("pod1", PODS["node2"]), ("pod2", PODS["node1"])):
            self.machines[pod].run("nft", "-f", "-", stdin=FRONT.format(service=SERVICE, pod=far, port=PORT))
        for node, lxc in (("node1", "lxc1"), ("node2", "lxc2")):
            self.helpers.append(self.machines[node].start("python3", "-c", LISTEN.replace("179", str(KUBELET))))
            self.attach(node, {"eth0": "cil_from_netdev", lxc: "cil_from_container"})

    def attach(self, node: str, programs: Mapping[str, str]) -> None:
        """Attach programs named like Cilium's to devices of a node."""
        helper = self.machines[node].start("python3", "-c", (repo() / "tests/lab/tcx_programs.py").read_text())
        assert helper.stdin
        assert helper.stdout
        helper.stdin.write(json.dumps(dict(programs)).encode() + b"\n")
        helper.stdin.flush()
        assert helper.stdout.readline() == b"attached\n"
        self.helpers.append(helper)

    def _connect(self) -> None:
        """Hold a TCP connection from each node to the router's port 179, as Cilium's sessions do."""
        for machine, text in (("tor", LISTEN), ("node1", DIAL), ("node2", DIAL)):
            helper = self.machines[machine].start("python3", "-c", text, GATEWAYS.get(machine, ""))
            assert helper.stdout
            assert helper.stdout.readline()
            self.helpers.append(helper)

    @contextlib.contextmanager
    def without(self, *parts: str) -> Iterator[None]:
        """Give node1 a root tree without some files for a while."""
        self.instead = Machine("node1", self.machines["node1"].pid, " ".join(parts))
        try:
            yield
        finally:
            self.instead.end()
            self.instead = None

    def end(self) -> None:
        """Switch everything off."""
        for helper in self.helpers:
            helper.kill()
            helper.communicate()
        for machine in self.machines.values():
            machine.end()

    def verify(self, backend: str | None = None) -> Verdict:
        """Collect evidence from both nodes and the router, and judge it."""
        return self.verify_by(backend)[backend]

    def verify_by(self, *backends: str | None) -> dict[str | None, Verdict]:
        """Do the same by several backends at the same time, each with a program of its own on each node."""
        begun = time.monotonic()
        talks = {(name, backend): Conversation(self.host(name), name, backend) for name in PODS for backend in backends}
        with ThreadPoolExecutor() as pool:
            for step in (Conversation.begin, Conversation.probe):
                list(pool.map(step, talks.values()))
            reports = dict(zip(talks, pool.map(Conversation.report, talks.values()), strict=True))
        self.reports = {name: report for (name, _), report in reports.items()}
        return {
            backend: judge(EXPECTED, self._evidence({name: reports[name, backend] for name in PODS}, begun))
            for backend in backends
        }

    def _evidence(self, reports: dict[str, NodeReport], begun: float) -> Evidence:
        router = RouterReport(
            processes=(Process(name="zebra", state="S"), Process(name="bgpd", state="S")),
            sessions=tuple(
                RouterSession(address=address, asn=65001, state="established") for address in ADDRESSES.values()
            ),
            table={NETWORKS[name]: (ADDRESSES[name],) for name in PODS},
            echoes=dict.fromkeys(PODS.values(), True),
            kernel=kernel(self.machines["tor"].run("ip", "-json", "route", "show", "table", "all")),
            forwarding=int(self.machines["tor"].run("cat", "/proc/sys/net/ipv4/ip_forward")),
        )
        return Evidence(
            taken=datetime.now(UTC),
            seconds=time.monotonic() - begun,
            survey=SURVEY,
            nodes=reports,
            routers={"tor": router},
            errors={},
        )

    def host(self, name: str) -> Machine:
        """Return the root tree and namespaces that a node's program runs in."""
        return self.instead if name == "node1" and self.instead else self.machines[name]


@contextlib.contextmanager
def fabric() -> Iterator[Fabric]:
    """Yield a healthy fabric and switch it off afterwards."""
    running = Fabric()
    try:
        yield running
    finally:
        running.end()


def run_all(fabric_: Fabric, commands: Sequence[tuple[str, str]]) -> None:
    """Run commands of one line each on machines by name."""
    for machine, line in commands:
        fabric_.machines[machine].run("sh", "-c", line)
