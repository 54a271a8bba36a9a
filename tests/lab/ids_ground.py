"""Ground for intrusion detection: the small fabric with a second pod on node1 and a client outside, and an engine.

    pod1 ── node1 ── tor ── node2 ── pod2        pod3 ── node1        client ── tor

The engine is Suricata out of its own tree, with the configuration, rules and command that the plan renders for it; the
mirror is the program that the plan puts beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from lab.paths import cache, repo
from tests.lab.minifabric import Fabric
from tests.lab.minimachine import Machine
from tests.lab.minisite import POOL
from underlay.model import Site, load_site
from underlay.plan.intrusion import objects, pods

ENTER = """
set -e
work=$1; shift
mount -t tmpfs tmpfs "$work/space"
mkdir "$work/space/upper" "$work/space/work" "$work/space/root"
root=$work/space/root
mount -t overlay overlay -o "lowerdir=$1,upperdir=$work/space/upper,workdir=$work/space/work" "$root"; shift
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mkdir -p "$root/etc/underlay-ids" "$root/var/log/underlay-ids"
mount --bind "$work/etc" "$root/etc/underlay-ids"
mount --bind "$work/log" "$root/var/log/underlay-ids"
exec chroot "$root" "$@"
"""
SEND = """
import socket, sys, time
kind, near, far, port, count, pause, text = sys.argv[1:]
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind((near, 0))
for _ in range(int(count)):
    try: sock.sendto(text.encode(), (far, int(port)))
    except OSError: pass
    if float(pause): time.sleep(float(pause))
"""
BAD, GOOD = "crafted-for-the-test", "nothing-to-see-here"
SID = 1000001
RULE = f'alert udp any any -> $HOME_NET any (msg:"crafted datagram"; content:"{BAD}"; sid:{SID}; rev:1;)'
COUNTING = 'alert udp any any -> $HOME_NET 9100 (msg:"counted"; content:"count-me"; sid:1000002; rev:1; noalert;)'
ADDRESSES = {"pod1": f"{POOL}.1.10", "pod2": f"{POOL}.2.10", "pod3": f"{POOL}.1.11", "client": "192.168.14.2"}
EXTRA = (
    ("pod3", "eth0", f"{POOL}.1.11/24", "node1", "lxc3", f"{POOL}.1.2/32"),
    ("client", "eth0", "192.168.14.2/24", "tor", "outside", "192.168.14.1/24"),
)


def site(**keys: Any) -> Site:
    """Return the dev site with an engine, the small fabric's pod pool, and the rule for crafted datagrams."""
    content = yaml.safe_load((repo() / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    declared = content["cilium-underlay:site"]
    declared["addresses"]["pods"]["pools"] = [f"{POOL}.0.0/16"]
    declared["security_groups"] = []
    engine = {"engine": "suricata", "image": "suricata", "rules": [RULE, COUNTING], "nodes": ["worker-1"]}
    return load_site({**declared, "intrusion_detection": {**engine, **keys}})


def extend(fabric: Fabric) -> None:
    """Add the second pod and the client."""
    for name, device, address, other, peer, near in EXTRA:
        machine = fabric.machines[name] = Machine(name)
        pids = [str(fabric.machines[one].pid) for one in (name, other)]
        subprocess.run(
            f"ip link add name {device} netns {pids[0]} type veth peer name {peer} netns {pids[1]}".split(), check=True
        )
        for one, link, at in ((name, device, address), (other, peer, near)):
            fabric.machines[one].run("ip", "address", "add", at, "dev", link)
            fabric.machines[one].run("ip", "link", "set", link, "up")
        machine.run("ip", "link", "set", "lo", "up")
    _route_the_second_pod(fabric)
    fabric.machines["client"].run("ip", "route", "add", "default", "via", "192.168.14.1")
    fabric.attach("node1", {"lxc3": "cil_from_container"})


def _route_the_second_pod(fabric: Fabric) -> None:
    """Let node1 route between its two pods, as Cilium does: no bridge, one address behind each link."""
    fabric.machines["node1"].run("ip", "route", "add", f"{POOL}.1.11/32", "dev", "lxc3")
    fabric.machines["pod3"].run("ip", "route", "add", "default", "via", f"{POOL}.1.2", "dev", "eth0", "onlink")
    fabric.machines["pod1"].run("ip", "route", "add", f"{POOL}.1.11/32", "via", f"{POOL}.1.1")
    fabric.machines["pod3"].run("ip", "route", "add", f"{POOL}.1.10/32", "via", f"{POOL}.1.2", "onlink", "dev", "eth0")


class Detection:
    """An engine on node1, and its mirror where pod links are captured."""

    def __init__(self, fabric: Fabric, folder: Path, **keys: Any) -> None:
        declared = site(**keys)
        self.node, self.folder = fabric.machines["node1"], folder
        (made,) = objects.made(declared)
        self.data, pod = made.config_map["data"], made.daemon_set["spec"]["template"]["spec"]
        self.command = pod["containers"][0]["command"]
        for name in ("etc", "log", "space"):
            (folder / name).mkdir(parents=True)
        for name, text in self.data.items():
            (folder / "etc" / name).write_text(text, encoding="utf-8")
        self.state = folder / "mirror.json"
        self.mirror: subprocess.Popen[bytes] | None = None
        self.engine: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the mirror, then the engine, and wait until the engine reads packets."""
        if pods.SETTINGS in self.data:
            self.start_mirror()
        tree = str(cache() / "engine")
        words = ["nsenter", "--net", "--target", str(self.node.pid), "unshare", "--mount", "--propagation", "private"]
        words += ["sh", "-c", ENTER, "sh", str(self.folder), tree, *self.command]
        with (self.folder / "engine.log").open("wb") as log:
            self.engine = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words], stdout=log, stderr=log)
        self.until(lambda: "Engine started" in self.said(), "the engine to start")

    def start_mirror(self) -> None:
        """Start the mirror in the node's network and wait until it tells how it is."""
        settings = {**json.loads(self.data[pods.SETTINGS]), "state": str(self.state)}
        file = self.folder / "settings.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        words = ["nsenter", "--net", "--target", str(self.node.pid), sys.executable, "-m", "bpf.mirror", "run"]
        self.mirror = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *words, str(file)], cwd=repo())
        self.until(self.state.exists, "the mirror's state")

    def said(self) -> str:
        """Return what the engine has said of itself."""
        return (self.folder / "engine.log").read_text(encoding="utf-8", errors="replace")

    def until(self, true: Callable[[], bool], what: str, seconds: float = 40.0) -> None:
        """Wait for something; the engine's own words are the message where it does not come."""
        end = time.monotonic() + seconds
        while not true():
            assert self.engine is None or self.engine.poll() is None, self.said()
            assert time.monotonic() < end, f"waited {seconds:g} s for {what}: {self.said()}"
            time.sleep(0.05)

    def events(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the engine's events of a kind."""
        file = self.folder / "log" / "eve.json"
        for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else ():
            if line.endswith("\n") and (event := json.loads(line))["event_type"] == kind:
                yield event

    def alerts(self) -> list[tuple[str, str]]:
        """Return the alerts of the crafted datagrams as source and target."""
        found = [event for event in self.events("alert") if event["alert"]["signature_id"] == SID]
        return [(event["src_ip"], event["dest_ip"]) for event in found]

    def statistics(self) -> dict[str, Any]:
        """Return the engine's last numbers; nothing lost before there are any."""
        found = [event["stats"] for event in self.events("stats")]
        return dict(found[-1]) if found else {"capture": {"kernel_drops": 0}}

    def statistics_of(self, protocol: str) -> int:
        """Return how many packets of a protocol the engine has read; nothing before its first numbers."""
        found = [event["stats"]["decoder"][protocol] for event in self.events("stats")]
        return int(found[-1]) if found else 0

    def engine_process(self) -> int:
        """Return the number of the engine's process."""
        assert self.engine
        return self.engine.pid

    def counters(self) -> dict[str, Any]:
        """Return what the mirror tells, written after now."""
        before = time.time()
        self.until(
            lambda: self._told() and json.loads(self.state.read_text())["time"] > before, "the mirror's counters"
        )
        return dict(json.loads(self.state.read_text()))

    def _told(self) -> bool:
        return self.state.exists()

    def stop(self) -> None:
        """End both in an orderly way."""
        for process in (self.engine, self.mirror):
            if process:
                process.terminate()
                process.wait(30)
        self.engine = self.mirror = None


def send(
    fabric: Fabric, source: str, target: str, text: str, count: int = 1, pause: float = 0.0, port: int = 9100
) -> None:
    """Send datagrams from one machine to another."""
    words = ("udp", ADDRESSES[source], ADDRESSES[target], str(port), str(count), str(pause), text)
    fabric.machines[source].run("python3", "-c", SEND, *words)
