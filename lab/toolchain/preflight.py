"""What this machine must be able to do, asked within seconds and before anything is made; and what will happen."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.toolchain.catalogue import parts
from lab.toolchain.plan import Plan, make_plan
from lab.toolchain.process import OWN_NAMESPACES
from lab.toolchain.progress import clock

BPF_SYSCALL = 321
BPF_MAP = (2, 4, 4, 1)  # BPF_MAP_CREATE: an array, key and value of four bytes, one entry
KERNEL = (5, 17)
MEMORY_GB = 6
DISK_COLD_GB, DISK_WARM_GB = 24, 4
PROGRAMS = ("unshare", "nsenter", "setpriv", "mount", "ip", "tar", "cp", "apt-get", "apt-config", "dpkg-deb")
CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")
PEERS = "ip link add name lab0 type veth peer name lab1"
BRIDGE = "ip link add name lab2 type bridge && ip link set lab0 master lab2 up"


@dataclass(frozen=True)
class Finding:
    """The answer to one question; `problem` says what was found and expected, and `advice` the next step."""

    name: str
    problem: str = ""
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Say whether the machine passes."""
        return not self.problem


def check() -> list[Finding]:
    """Ask every question; what needs root is asked of root only."""
    asked = CHECKS if os.geteuid() == 0 else CHECKS[:1]
    answers = [(name, _answer(ask), advice) for name, ask, advice in asked]
    return [Finding(name, problem, advice if problem else "") for name, problem, advice in answers]


def _answer(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except OSError as error:
        return f"{error.filename}: {error.strerror}"


def forecast(plan: Plan | None = None) -> str:
    """Say what is going to be made and how long it takes."""
    plan = plan or make_plan(parts(), paths.cache())
    if not plan.parts:
        return f"everything is in {paths.cache()} already: nothing to make"
    lines = [f"{part.title:44} about {clock(part.seconds):>5}  {part.source}" for part in plan.parts]
    total = f"{len(plan.parts)} parts to make in {paths.cache()}, about {clock(plan.seconds)} minutes on two cores:"
    return "\n".join([total, *(f"  {line}" for line in lines)])


def _root() -> str:
    return "" if os.geteuid() == 0 else f"runs as user {os.geteuid()}, expected root"


def _python() -> str:
    found = platform.python_version()
    return "" if sys.version_info >= (3, 11) else f"found Python {found}, expected 3.11 or newer"


def _machine() -> str:
    found = platform.machine()
    return "" if found == "x86_64" else f"found {found}, expected x86_64"


def _kernel() -> str:
    found = tuple(int(number) for number in platform.release().split("-")[0].split(".")[:2])
    return (
        "" if found >= KERNEL else f"found Linux {platform.release()}, expected {'.'.join(map(str, KERNEL))} or newer"
    )


def _programs() -> str:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not on the PATH: {', '.join(missing)}" if missing else ""


def _btf() -> str:
    return "" if os.access("/sys/kernel/btf/vmlinux", os.R_OK) else "no /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)"


def _bpf() -> str:
    """Make one small map, the least that every BPF program needs."""
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = (ctypes.c_uint32 * 32)(*BPF_MAP)
    descriptor = libc.syscall(BPF_SYSCALL, 0, attributes, ctypes.sizeof(attributes))
    if descriptor < 0:
        return f"bpf() refused a map: {os.strerror(ctypes.get_errno())}"
    os.close(descriptor)
    return ""


def _cgroups() -> str:
    base = Path("/sys/fs/cgroup")
    if (base / "cgroup.controllers").exists():
        return ""
    missing = [name for name in CONTROLLERS if not (base / name / "cgroup.procs").exists()]
    return f"no unified hierarchy, and of the others not mounted: {', '.join(missing)}" if missing else ""


def _links() -> str:
    return _try_in_namespaces(["--net"], ["sh", "-c", f"{PEERS} && {BRIDGE}"])


def _overlay() -> str:
    """Mount an overlay where the nodes' roots will be, since not every file system can carry one."""
    paths.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.cache(), prefix="overlay-") as name:
        place = Path(name)
        for folder in ("lower", "upper", "work", "merged"):
            (place / folder).mkdir()
        layers = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
        return _try_in_namespaces([], ["mount", "-t", "overlay", "overlay", "-o", layers, f"{place}/merged"])


def _disk() -> str:
    cold = any(part.lane == "compile" and part.seconds > 60 for part in make_plan(parts(), paths.cache()).parts)
    wanted = DISK_COLD_GB if cold else DISK_WARM_GB
    place = next(folder for folder in (paths.cache(), *paths.cache().parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    return "" if free >= wanted else f"{free:.0f} GB free at {place}, expected {wanted} GB"


def _memory() -> str:
    rows = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    free = next(int(row[1]) for row in rows if row[0] == "MemAvailable:") / 1e6
    return "" if free >= MEMORY_GB else f"{free:.1f} GB available, expected {MEMORY_GB} GB"


def _try_in_namespaces(more: list[str], command: list[str]) -> str:
    try:
        done = subprocess.run(
            [*OWN_NAMESPACES, *more, *command], capture_output=True, text=True, timeout=4, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else f"refused: {done.stderr.strip()[-200:] or done.returncode}"


CHECKS: tuple[tuple[str, Callable[[], str], str], ...] = (
    ("root", _root, "run it as root: it makes namespaces, mounts and BPF programs"),
    ("python", _python, "install Python 3.11 or newer as python3"),
    ("architecture", _machine, "use an x86_64 machine; the lab is built and measured there only"),
    ("kernel", _kernel, "use a newer kernel; Cilium asks for it"),
    ("programs", _programs, "install util-linux, iproute2 and apt (Debian 12 has them)"),
    ("kernel-types", _btf, "use a kernel with BTF; verification reads struct offsets from it"),
    ("bpf", _bpf, "allow bpf() for root (see kernel lockdown, seccomp, container settings)"),
    ("cgroups", _cgroups, "mount the cgroup hierarchies below /sys/fs/cgroup"),
    ("links", _links, "use a kernel with network namespaces, veth and bridge"),
    ("overlay", _overlay, "put the cache (UNDERLAY_CACHE) on a file system that carries overlays, such as ext4"),
    ("disk", _disk, "free space, or put the cache elsewhere with UNDERLAY_CACHE"),
    ("memory", _memory, "end other work; a lab of four nodes needs about 3 GB, compiling up to 6 GB"),
)
