"""What a test of the lab compares on the host, and how it runs the lab on a state folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lab.paths import cache

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("mnt", "net", "pid", "uts", "ipc")
SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/unprivileged_bpf_disabled",
    "kernel/timer_migration",
    "kernel/pid_max",
    "fs/protected_symlinks",
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/default/rp_filter",
    "net/core/bpf_jit_enable",
)


@dataclass(frozen=True)
class Snapshot:
    """The host, in everything that a lab could leave behind."""

    mounts: list[str]
    links: list[str]
    routes: list[str]
    nft: str
    settings: dict[str, str]


def snapshot() -> Snapshot:
    """Read the host."""
    return Snapshot(
        mounts=Path("/proc/self/mounts").read_text().splitlines(),
        links=[link["ifname"] for link in json.loads(_read("ip", "-j", "link"))],
        routes=_read("ip", "route", "show", "table", "all").splitlines(),
        nft=_read("chroot", str(cache() / "noderoot"), "nft", "list", "tables"),  # the host itself may have no nft
        settings={name: Path("/proc/sys", name).read_text() for name in SETTINGS if Path("/proc/sys", name).exists()},
    )


def _read(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclass(frozen=True)
class Lab:
    """The lab's command line on a state folder of its own."""

    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of its commands."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "KUBECONFIG"))}
        return kept | {"UNDERLAY_STATE": str(self.state)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command."""
        command = [sys.executable, "-m", "lab", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=pipe, stderr=pipe, text=True)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        process = self.start(*words)
        out, error = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, out, error)

    def good(self, *words: str) -> str:
        """Run a command that has to go well and return its output."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def groups(self) -> list[Path]:
        """Return this lab's control groups; other labs may run beside it."""
        name = "underlay-lab-" + hashlib.sha256(str(self.state).encode()).hexdigest()[:8]
        return [*Path("/sys/fs/cgroup").glob(name), *Path("/sys/fs/cgroup").glob(f"*/{name}")]

    def processes(self) -> set[int]:
        """Return the processes that carry this lab's state folder in their environment, files or mounts."""
        return {pid for pid in _all() if str(self.state) in _traces(pid)}

    def namespaces(self) -> set[str]:
        """Return the namespaces that only this lab's processes are in."""
        mine = self.processes()
        others = {name for pid in _all() - mine for name in _namespaces(pid)}
        return {name for pid in mine for name in _namespaces(pid)} - others

    def supervisor(self) -> int:
        """Return the outer process: the one of this lab with the fewest process numbers that is PID 1 inside."""
        inside = {pid: _inside(pid) for pid in self.processes()}
        found = [pid for pid, numbers in inside.items() if len(numbers) == 2 and numbers[-1] == "1"]
        assert len(found) == 1, f"outer processes: {found}"
        return found[0]


def _all() -> set[int]:
    own = {os.getpid(), os.getppid()}
    return {int(path.name) for path in Path("/proc").glob("[0-9]*")} - own


def _traces(pid: int) -> str:
    text = ""
    for name in ("environ", "cmdline", "mountinfo"):
        with suppress(OSError):
            text += Path(f"/proc/{pid}", name).read_text(errors="replace")
    return text


def _namespaces(pid: int) -> set[str]:
    found = set()
    for kind in KINDS:
        with suppress(OSError):
            found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
    return found


def _inside(pid: int) -> list[str]:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(line.split()[1:] for line in lines if line.startswith("NSpid:"))
    return []


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for parent in found:  # it grows while it is walked
        with suppress(OSError):
            found += map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
    return found


def held(namespaces: set[str], since: float, limit: float = 5.0) -> set[int]:
    """Return the processes older than a moment that stay in these namespaces; younger ones got a number anew.

    The host's first process buries the outer one; it has as long as the limit says.
    """
    deadline = time.monotonic() + limit
    while left := {pid for pid in _all() if _namespaces(pid) & namespaces and _born(pid) < since}:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return left


def _born(pid: int) -> float:
    """Return when a process started, in seconds since boot."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return float("inf")


def now() -> float:
    """Return the seconds since boot."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait_until_gone(lab: Lab, limit: float = 5.0) -> set[int]:
    """Wait until no process of the lab is left, and return those that are."""
    deadline = time.monotonic() + limit
    while (left := lab.processes()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
