"""A rack with real SSH servers behind a bastion, as namespaces: an operator, a bastion, a router and two nodes.

    operator ── jump-1 ══ (out of band) ══ tor-b, worker-2, worker-3        worker-2, worker-3 ══ tor-b

Nothing passes between the operator's network and the out-of-band one but the bastion's SSH server. Every machine has a
root of its own over the nodes' tree, whose changes lie below a folder; nothing has a name outside.
"""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from lab.fabric import POWER_ON
from lab.init import ENVIRONMENT
from lab.nodes import IFUP
from lab.outfit import KEYS, SSHD_CONFIG
from lab.paths import cache
from policy.check.stack import KUBECONFIG
from tests.unit.plan_sites import Data, dev

BASTION, ROUTER, NODES = "jump-1", "tor-b", ("worker-2", "worker-3")
DOOR, OPERATOR = "198.51.100.5", "198.51.100.1"
ROOT = [f"{key}={value}" for key, value in ENVIRONMENT.items()]
"""Variables of a command inside."""
JUMPER = "nobody"
"""The bastion's user: no shell, no home."""
BOOT = """
set -e
root=$2/tree
mount -t overlay overlay -o "lowerdir=$3,upperdir=$2/upper,workdir=$2/work" "$root"
mount -t proc proc "$root/proc"
echo "$1" > /proc/sys/kernel/hostname
mount -t sysfs sysfs "$root/sys"
mount -t bpf bpf "$root/sys/fs/bpf"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$root/run/sshd" "$root/run/bird" "$root/run/lock"
exec chroot "$root" sleep 86400
"""


class Box:
    """One machine; a restart keeps its disk and nothing else."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        for part in ("upper", "work", "tree"):
            (folder / part).mkdir(parents=True)
        self.start()

    def start(self) -> None:
        """Switch the machine on: its namespaces, Linux's own settings, the loopback device."""
        kinds = ["--mount", "--uts", "--net", "--pid", "--fork", "--kill-child=KILL", "--propagation", "private"]
        script = ["sh", "-c", BOOT, "sh", self.name, str(self.folder), str(cache() / "noderoot")]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", *kinds, *script])
        self.pid = self._first_process()
        self.sh("ip link set lo up")
        for pattern, value in POWER_ON.items():
            self.sh(f"for file in /proc/sys/net/ipv4/{pattern}; do echo {value} > $file; done")

    def end(self) -> None:
        """Switch it off."""
        self.process.kill()
        self.process.wait()

    def run(self, *argv: str, text: str = "") -> str:
        """Run a command inside and return what it prints."""
        done = subprocess.run(self.words(*argv), input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{self.name}: {argv}: {done.stderr}"
        return done.stdout

    def sh(self, text: str) -> str:
        """Run a shell's lines inside, to the first that fails."""
        return self.run("sh", "-ec", text)

    def daemon(self, *argv: str) -> None:
        """Start something that runs until the machine ends."""
        self.sh(f"nohup {' '.join(argv)} >/run/{Path(argv[0]).name}.log 2>&1 &")

    def words(self, *argv: str) -> list[str]:
        """Return the command that runs a command inside."""
        spaces = ["--mount", "--uts", "--net", "--pid", "--root"]
        return ["nsenter", "--target", str(self.pid), *spaces, "env", "--chdir=/", *ROOT, *argv]

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file inside."""
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, text=text)

    def _first_process(self) -> int:
        """Wait until the root tree is the machine's own: the last step of its start."""
        for _ in range(500):
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = self.process.pid
                child = int(Path(f"/proc/{parent}/task/{parent}/children").read_text().split()[0])
                if Path(f"/proc/{child}/root").readlink() != Path("/"):
                    return child
            assert self.process.poll() is None, f"{self.name} did not start"
            time.sleep(0.02)
        raise AssertionError(f"{self.name} did not start")


class Keys:
    """Key pairs: one a machine, the operator's, and the bastion's own."""

    def __init__(self) -> None:
        names = (BASTION, ROUTER, *NODES, "machines", "bastions")
        made = {name: asyncssh.generate_private_key("ssh-ed25519") for name in names}
        self.private = {name: key.export_private_key().decode() for name, key in made.items()}
        self.public = {name: key.export_public_key().decode().strip() for name, key in made.items()}

    @property
    def pinned(self) -> dict[str, str]:
        """Return the host key of each machine."""
        return {name: self.public[name] for name in (BASTION, ROUTER, *NODES)}


SECOND = "tor-c"
"""The second router where the rack has two; nobody configures it."""


def declared(*, two_routers: bool = False, routes: str = "node") -> Data:
    """Return the bed's site: the second rack of the dev site behind a bastion.

    Its first node is control plane; the other one and the router are managed by a user who becomes root by sudo.
    """
    site = dev()
    site.update(racks=site["racks"][1:], routers=site["routers"][1:], nodes=site["nodes"][2:])
    site["routers"][0]["neighbors"] = []
    site["nodes"][0]["role"] = "control-plane"
    site["cluster"]["api"]["address"] = site["nodes"][0]["address"]
    site["cluster"]["installer"] = ["echo", KUBECONFIG, "#", "cluster-dev.yaml"]
    site["addresses"].update(fabric=[], external=[])
    site["security_groups"][0]["nodes"] = [*NODES]
    site["racks"][0]["routes"] = routes
    site["ssh"] = {"bastions": [{"name": BASTION, "address": DOOR, "user": JUMPER}], "bastion": BASTION}
    if two_routers:
        site["routers"].append({"name": SECOND, "platform": "frr", "asn": 65103, "managed": False})
        site["racks"][0]["egress"] = "ecmp-link-state"
        site["racks"][0]["links"].append({"router": SECOND, "subnet": "172.30.3.0/24", "address": "172.30.3.1"})
        for node in site["nodes"]:
            second = node["address"].replace("172.30.2.", "172.30.3.")
            node["uplinks"][0]["address"] = node["address"]
            node["uplinks"].append({**node["uplinks"][0], "name": "eth1", "address": second})
    return site


class Bed:
    """All machines, wired and answering."""

    def __init__(self, folder: Path, *, two_routers: bool = False, routes: str = "node") -> None:
        self.folder, self.site, self.keys = folder, declared(two_routers=two_routers, routes=routes), Keys()
        self.machines = {one["name"]: one for one in (*self.site["routers"], *self.site["nodes"])}
        self.links = {link["router"]: link for link in self.site["racks"][0]["links"]}
        self.boxes = {name: Box(name, folder / name) for name in ("operator", BASTION, *self.links, *NODES)}
        self._operator()
        for name, link in self.links.items():
            self.boxes[name].sh("ip link add rack-b type bridge; ip link set rack-b up")
            self.boxes[name].sh(f"ip address add {link['address']}/24 dev rack-b")
            self.boxes[name].sh("echo 1 > /proc/sys/net/ipv4/ip_forward")
        for name in (ROUTER, *NODES):
            self._furnish(name)
            self.plug(name)

    def _operator(self) -> None:
        """Wire the operator to the bastion, and give that one the out-of-band network and its SSH server."""
        door = self.boxes[BASTION]
        self._cable("operator", "eth0", BASTION, "front")
        self.boxes["operator"].sh(f"ip address add {OPERATOR}/24 dev eth0; ip link set eth0 up")
        door.sh(f"ip address add {DOOR}/24 dev front; ip link set front up; ip link add oob type bridge")
        door.sh("ip address add 192.168.250.1/24 dev oob; ip link set oob up")
        self._serve(BASTION, DOOR, self.keys.public["bastions"], "AllowTcpForwarding yes\nForceCommand /bin/false\n")
        self.open_door()

    def open_door(self, config: str = "sshd_config", port: int = 22) -> None:
        """Start an SSH server of the bastion and wait until it listens."""
        self.boxes[BASTION].daemon("/usr/sbin/sshd", "-D", "-e", "-f", f"/etc/ssh/{config}")
        _await_port(self.boxes[BASTION], DOOR, port)

    def _serve(self, name: str, address: str, user: str, more: str = "") -> None:
        box = self.boxes[name]
        config = SSHD_CONFIG.format(address=address, keys=KEYS)
        box.write("/etc/ssh/sshd_config", config + "LogLevel VERBOSE\n" + more)
        box.write("/etc/ssh/ssh_host_ed25519_key", self.keys.private[name], "600")
        box.write(KEYS, user + "\n")

    def _furnish(self, name: str) -> None:
        self._serve(name, self.machines[name]["management"]["address"], self.keys.public["machines"])
        if name == ROUTER:
            text = "router id 172.30.2.1;\nprotocol device {\n}\n"
            self.boxes[name].write("/etc/bird/bird.conf", text, "640")

    def plug(self, name: str) -> None:
        """Do what a start does after the kernel's: cables, addresses, settings from files, services."""
        box, at = self.boxes[name], self.machines[name]["management"]["address"]
        self._cable(name, "mgmt0", BASTION, name, "oob")
        box.sh(f"ip address add {at}/24 dev mgmt0; ip link set mgmt0 up")
        if name == ROUTER:
            box.daemon("/usr/sbin/bird", "-f", "-c", "/etc/bird/bird.conf")
        else:
            self._uplinks(name)
            box.sh("sysctl --quiet --system")
        box.daemon("/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config")
        _await_port(box, at)

    def _uplinks(self, name: str) -> None:
        box, node = self.boxes[name], self.machines[name]
        for uplink, router in zip(node["uplinks"], self.links, strict=True):
            port, address = uplink["name"], uplink.get("address", node["address"])
            self._cable(name, port, router, name, "rack-b")
            box.sh(f"ip address add {address}/24 dev {port}; ip link set {port} up")
            box.sh(IFUP.format(port=port))
        box.sh("ip route add default " + " ".join(f"nexthop via {link['address']}" for link in self.links.values()))

    def restart(self, name: str) -> None:
        """Switch a node off and on: its namespaces go, its disk stays."""
        self.boxes[name].end()
        for other in (BASTION, *self.links):  # the kernel ends cables with their namespace, but in its own time
            self.boxes[other].sh(f"ip link delete {name} 2>/dev/null || true")
        self.boxes[name].start()
        self.plug(name)

    def _cable(self, one: str, port: str, other: str, peer: str, bridge: str = "") -> None:
        ends = [
            f"netns {self.boxes[name].pid} address {_hardware(name, end)}" for name, end in ((one, port), (other, peer))
        ]
        words = f"ip link add name {port} {ends[0]} type veth peer name {peer} {ends[1]}"
        subprocess.run(words.split(), check=True)
        if bridge:
            self.boxes[other].sh(f"ip link set {peer} master {bridge} up")

    def operator(
        self, *argv: str, text: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this machine in the operator's network."""
        return subprocess.run(
            [*self.before, *argv], input=text, capture_output=True, text=True, check=False, env=env and dict(env)
        )

    @property
    def before(self) -> list[str]:
        """Return the words before a command that bring it into the operator's network."""
        return ["nsenter", "--target", str(self.boxes["operator"].pid), "--net"]

    def underlay(self, *words: str, text: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the product at the operator's place."""
        return self.operator(sys.executable, "-m", "underlay", *words, text=text)

    def end(self) -> None:
        """Switch everything off."""
        for box in self.boxes.values():
            box.end()


def _hardware(name: str, port: str) -> str:
    """Return a hardware address that a machine's port keeps over restarts."""
    return "02:" + hashlib.sha256(f"{name} {port}".encode()).digest()[:5].hex(":")


def _await_port(box: Box, address: str, port: int = 22) -> None:
    test = f"for i in $(seq 200); do exec 3<>/dev/tcp/{address}/{port} && exit 0; sleep 0.05; done 2>/dev/null; exit 1"
    box.run("bash", "-c", test)


@contextmanager
def bed(folder: Path, *, two_routers: bool = False, routes: str = "node") -> Iterator[Bed]:
    """Build the bed, and end it whatever happens; `routes` says who gives the nodes theirs."""
    made = Bed(folder, two_routers=two_routers, routes=routes)
    try:
        yield made
    finally:
        made.end()
