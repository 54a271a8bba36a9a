"""Two nodes, a router between them and a pod on each, as namespaces: quick ground for faults, without Kubernetes.

    pod1 ── node1 ── tor ── node2 ── pod2        tor ══ node2: a second link, for asymmetry only

Every machine is one process; the kernel ends them with the test run, and nothing has a name outside.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from lab.paths import cache, repo
from underlay.collect.package import COMMAND, opening
from underlay.collect.routers import kernel
from underlay.judge.evidence import (
    Evidence,
    NodeReport,
    NodeSession,
    Process,
    RouterReport,
    RouterSession,
    Survey,
    Surveyed,
)
from underlay.judge.judge import judge
from underlay.judge.verdict import Verdict
from underlay.model import Platform
from underlay.plan.verification import Expected, ExpectedNode, ExpectedRouter, ExpectedSession, Link, responder_source

POOL = f"10.{64 + os.getpid() % 128}"
"""The pods' pool is each run's own: nodes find their pod's namespace by its address, and all runs share one kernel."""
PODS = {"node1": f"{POOL}.1.10", "node2": f"{POOL}.2.10"}
ADDRESSES = {"node1": "192.168.11.2", "node2": "192.168.12.2"}
GATEWAYS = {"node1": "192.168.11.1", "node2": "192.168.12.1"}
NETWORKS = {"node1": f"{POOL}.1.0/24", "node2": f"{POOL}.2.0/24"}
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

ROOT_SCRIPT = """
set -e
root=$1
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/sys/fs/bpf"
mkdir -p "$root/sys/fs/bpf/tc/globals" "$root/run/cilium/state/globals" "$root/run/cilium/state/bpf/eth0"
echo '{"EnableBPFHostRouting": false, "TunnelProtocol": 0}' > "$root/run/cilium/state/bpf/eth0/bpf_host.json"
echo '#define NATIVE 1' > "$root/run/cilium/state/globals/node_config.h"
for name in $2; do mount -t tmpfs tmpfs "$root/$name"; done
exec chroot "$root" sleep 3600
"""
LISTEN = "import socket, time; s = socket.create_server(('', 179)); print('up', flush=True); time.sleep(3600)"
DIAL = LISTEN.replace("socket, time", "socket, sys, time").replace("server((''", "connection((sys.argv[1]")
HIDDEN = "usr/lib/python3/dist-packages/bcc"
"""Where bcc lives; a node without it has an empty folder there."""


class Machine:
    """A process in namespaces of its own, below the nodes' root tree."""

    def __init__(self, net_of: int | None = None, hide: str = "") -> None:
        enter = ["nsenter", "--net", "--target", str(net_of)] if net_of else []
        spaces = ["unshare", "--mount", "--propagation", "private", *([] if net_of else ["--net"])]
        script = ["sh", "-c", ROOT_SCRIPT, "sh", str(cache() / "noderoot"), hide]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *enter, *spaces, *script])
        self.pid = self.process.pid
        self._wait()

    def words(self, *argv: str) -> list[str]:
        """Return the command that runs a command inside."""
        inside = ["nsenter", "--target", str(self.pid), "--net", "--mount", "--root", "env", "--chdir=/"]
        return ["setpriv", "--pdeathsig", "KILL", *inside, *argv]

    def run(self, *argv: str, stdin: str = "") -> str:
        """Run a command inside and return what it prints."""
        done = subprocess.run(self.words(*argv), input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start a command inside that is talked to."""
        return subprocess.Popen(self.words(*argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end(self) -> None:
        """Switch the machine off."""
        self.process.kill()
        self.process.wait()

    def _wait(self) -> None:
        """Wait until the root tree is the machine's own: the last step of its start."""
        root = Path(f"/proc/{self.pid}/root")
        for _ in range(500):
            with contextlib.suppress(OSError):
                if root.readlink() != Path("/"):
                    return
            assert self.process.poll() is None, "the machine did not start"
            time.sleep(0.01)
        raise AssertionError("the machine did not start")


class Fabric:
    """The five machines, and one way to verify them."""

    def __init__(self) -> None:
        self.machines = {name: Machine() for name in MACHINES}
        self.without_bcc: Machine | None = None
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
            link = [
                "ip",
                "link",
                "add",
                "name",
                device,
                "netns",
                ends[0],
                "type",
                "veth",
                "peer",
                "name",
                peer,
                "netns",
                ends[1],
            ]
            subprocess.run(link, check=True)
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
            helper = self.machines[pod].start("python3", "-c", responder_source(), str(PORT))
            assert helper.stdout
            assert b"responder" in helper.stdout.readline()
            self.helpers.append(helper)
        text = (repo() / "tests" / "lab" / "tcx_programs.py").read_text()
        for node, lxc in (("node1", "lxc1"), ("node2", "lxc2")):
            helper = self.machines[node].start("python3", "-c", text)
            assert helper.stdin
            assert helper.stdout
            helper.stdin.write(json.dumps({"eth0": "cil_from_netdev", lxc: "cil_from_container"}).encode() + b"\n")
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

    def hide_bcc(self) -> None:
        """Give node1 a root tree without bcc."""
        self.without_bcc = Machine(net_of=self.machines["node1"].pid, hide=HIDDEN)

    def show_bcc(self) -> None:
        """Give node1 its bcc back."""
        assert self.without_bcc
        self.without_bcc.end()
        self.without_bcc = None

    def end(self) -> None:
        """Switch everything off."""
        for helper in self.helpers:
            helper.kill()
            helper.communicate()
        for machine in self.machines.values():
            machine.end()

    def verify(self) -> Verdict:
        """Collect evidence from both nodes and the router, and judge it."""
        begun = time.monotonic()
        conversations = {name: Conversation(self._host(name), name) for name in PODS}
        with ThreadPoolExecutor() as pool:
            for step in (Conversation.begin, Conversation.probe):
                list(pool.map(step, conversations.values()))
            reports = dict(zip(conversations, pool.map(Conversation.report, conversations.values()), strict=True))
        router = RouterReport(
            processes=(Process(name="zebra", state="S"), Process(name="bgpd", state="S")),
            sessions=tuple(
                RouterSession(address=address, asn=65001, state="established") for address in ADDRESSES.values()
            ),
            table={NETWORKS[name]: (ADDRESSES[name],) for name in PODS},
            kernel=kernel(self.machines["tor"].run("ip", "-json", "route", "show", "table", "all")),
        )
        evidence = Evidence(
            taken=datetime.now(UTC),
            seconds=time.monotonic() - begun,
            survey=SURVEY,
            nodes=reports,
            routers={"tor": router},
            errors={},
        )
        return judge(EXPECTED, evidence)

    def _host(self, name: str) -> Machine:
        return self.without_bcc if name == "node1" and self.without_bcc else self.machines[name]


class Conversation:
    """What the controller says to a node, without SSH."""

    def __init__(self, machine: Machine, name: str) -> None:
        self.name = name
        self.process = machine.start("sh", "-c", COMMAND)
        assert self.process.stdin
        self.process.stdin.write(opening())

    def ask(self, **request: object) -> bytes:
        """Send one request and return the answer."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def begin(self) -> None:
        """Attach."""
        self.ask(request="begin", uplinks=[{"name": "eth0", "mtu": 1500}], port=PORT, targets=len(PODS))

    def probe(self) -> None:
        """Probe the other node's pod."""
        targets = [{"node": name, "address": address} for name, address in PODS.items() if name != self.name]
        machines = [*ADDRESSES.values(), *GATEWAYS.values()]
        self.ask(request="probe", pod=PODS[self.name], pods=list(PODS.values()), machines=machines, targets=targets)

    def report(self) -> NodeReport:
        """Return the node's report."""
        report = NodeReport.model_validate_json(self.ask(request="report"))
        self.process.communicate()
        return report


EXPECTED = Expected.model_validate(
    {
        "cluster": "mini",
        "pool": f"{POOL}.0.0/16",
        "mask": 24,
        "host_routing": "legacy",
        "asn": 65001,
        "nodes": [
            ExpectedNode.model_validate(
                {
                    "name": name,
                    "rack": "rack",
                    "address": ADDRESSES[name],
                    "gateways": [GATEWAYS[name]],
                    "peers": [{"router": "tor", "asn": 65000, "address": GATEWAYS[name]}],
                    "uplinks": [Link(name="eth0", mtu=1500)],
                }
            )
            for name in PODS
        ],
        "routers": [
            ExpectedRouter.model_validate(
                {
                    "name": "tor",
                    "platform": Platform.FRR,
                    "asn": 65000,
                    "managed": True,
                    "sessions": [
                        ExpectedSession.model_validate({"peer": name, "address": ADDRESSES[name], "asn": 65001})
                        for name in PODS
                    ],
                    "next_hops": {name: [ADDRESSES[name]] for name in PODS},
                }
            )
        ],
    }
)
PORT = EXPECTED.port
SURVEY = Survey(
    nodes={
        name: Surveyed(
            ready=True,
            pod_cidrs=(NETWORKS[name],),
            agent="cilium",
            agent_ready=True,
            probe=PODS[name],
            sessions=(NodeSession(address=GATEWAYS[name], asn=65000, state="established"),),
        )
        for name in PODS
    }
)


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
