"""A node as files below a folder, answers of programs, and a kernel that can be told what to say."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.plan_sites import site
from underlay.plan.prerequisites import node_input
from underlay.remote import prepare_node
from underlay.remote.node_facts import System
from underlay.remote.node_kernel import Kernel

BEFORE = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/eth0/rp_filter": "1",
    "net/ipv4/conf/eth0/accept_redirects": "1",
}
ADDRESSES = [
    {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}]},
    {"ifname": "eth0", "addr_info": [{"local": "172.30.1.12", "prefixlen": 24}]},
]
PORTS = "proc/sys/net/ipv4/ip_local_reserved_ports"
ROUTE = [{"dst": "10.244.255.254", "gateway": "172.30.1.1", "dev": "eth0"}]


class AskedKernel:
    """A kernel that takes everything, and neighbours that answer; a test makes one answer differ."""

    def __init__(self) -> None:
        self.wrong: dict[tuple[str, str], str] = {}
        self.programs, self.others, self.attach = ["cil_from_netdev", "cil_to_netdev"], set[str](), ""
        self.unreadable = False
        self.largest = {"172.30.1.1": 1500}

    def refuses(self, kind: str, helper: str = "") -> str:
        return self.wrong.get((kind, helper), "")

    def attaches(self, _device: str) -> str:
        return self.attach

    def attached(self, _device: str) -> list[str]:
        if self.unreadable:
            raise OSError(1, "bpf command 16: Operation not permitted")
        return self.programs

    def answers(self, address: str, size: int) -> bool:
        return size <= self.largest.get(address, 0)

    def owners(self, _device: str, _address: str) -> set[str]:
        return self.others


class Node:
    """A node's files below a folder, its programs' answers, and its kernel."""

    def __init__(self, root: Path) -> None:
        self.root, self.kernel = root, AskedKernel()
        self.missing: tuple[str, ...] = ()
        declared = site()
        self.data: dict[str, Any] = node_input(declared, declared.node("worker-1"))
        self.answers: dict[str, object] = {"address show": ADDRESSES, "route get": ROUTE}
        self.put("sys/kernel/btf/vmlinux", "btf")
        self.put("proc/filesystems", "nodev\tbpf\nnodev\tcgroup2\n")
        self.put("proc/sys/kernel/osrelease", "6.1.0-30-amd64\n")
        self.put("sys/class/net/eth0/mtu", "1500\n")
        self.put(PORTS, "\n")
        self.routes: list[dict[str, Any]] = [{"dst": "default", "gateway": "172.30.1.1", "protocol": "static"}]
        for key, value in BEFORE.items():
            self.put(f"proc/sys/{key}", f"{value}\n")

    def put(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def listens(self, port: int, program: str) -> None:
        """Let a program listen on a TCP port."""
        head, rest = "sl local rem st\n", "00:0 00:0 0 0 0"
        self.put("proc/net/tcp", f"{head} 0: 00000000:{port:04X} 00000000:0000 0A {rest} {port}\n")
        self.put(f"proc/{port}/comm", f"{program}\n")
        (self.root / f"proc/{port}/fd").mkdir()
        (self.root / f"proc/{port}/fd/3").symlink_to(f"socket:[{port}]")

    def ask(self, *words: str) -> tuple[int, str]:
        if words[0] in self.missing:
            return 127, f"{words[0]}: No such file or directory"
        line = " ".join(words)
        if words[:3] == ("ip", "-4", "route"):
            return self._route(words[3], words[4], [words[at + 1] for at, word in enumerate(words) if word == "via"])
        if line.endswith("route show table main"):
            return 0, json.dumps(self.routes)
        found = next((answer for part, answer in self.answers.items() if part in line), [])
        return 0, found if isinstance(found, str) else json.dumps(found)

    def _route(self, verb: str, target: str, hops: list[str]) -> tuple[int, str]:
        """Change the main table as the kernel does for routes of ours."""
        if unknown := [hop for hop in hops if not hop.startswith("172.30.1.")]:
            return 2, f"RTNETLINK answers: {unknown[0]} is unreachable"
        self.routes = [row for row in self.routes if (row["dst"], row["protocol"]) != (target, "85")]
        if verb == "replace":
            self.routes.append({"dst": target, "protocol": "85", "nexthops": [{"gateway": hop} for hop in hops]})
        return 0, ""

    def files(self) -> dict[str, str]:
        paths = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_text(encoding="utf-8") for path in paths}

    def folders(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_dir()}


Run = Callable[[str], tuple[int, dict[str, Any], str]]


def runner(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the program on a node: action to exit code, result, and what people read."""

    def call(action: str) -> tuple[int, dict[str, Any], str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(node.data)))
        system = System(node.root, node.ask, cast("Kernel", node.kernel))
        code = prepare_node.main([action], node.root, system)
        out, err = capsys.readouterr()
        return code, json.loads(out), err

    return call
