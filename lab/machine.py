"""One machine: a root of its own, cut off from the host by namespaces, with its own first process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

from lab import cgroups, images, init
from lab.fabric import connect
from lab.files import write
from lab.hardware import Hardware, Machine
from lab.namespaces import MACHINE, Flag, Kind, bind, enter_network, mount, pivot, unshare
from lab.outfit import Outfit
from lab.paths import cache, state

FAKES = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "kernel/unprivileged_bpf_disabled",
    "kernel/timer_migration",
)
"""Settings of the whole kernel that kubelet or Cilium writes: each machine has a file of its own over them."""

DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "kmsg", "fuse", "net/tun")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}


def folder(name: str) -> Path:
    """Return a machine's folder: its disks and its settings."""
    return state() / "machines" / name


def boot(machine: Machine, hardware: Hardware, outfit: Outfit) -> None:
    """Start a machine and return when its services are being started; to be called in a process of its own."""
    cgroups.join(machine.name)
    enter_network(machine.name)
    unshare(MACHINE & ~Kind.NET)
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        _first_process(machine, hardware, outfit, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        failure = pipe.read()
    if failure != "up":
        raise OSError(f"{machine.name} does not boot: {failure or 'its first process died'}")


def _first_process(machine: Machine, hardware: Hardware, outfit: Outfit, writer: int) -> NoReturn:
    try:
        os.setsid()
        _furnish(machine, outfit)
        connect(machine, hardware)
        pivot(folder(machine.name) / "root")
        os.environ.clear()
        os.environ.update(init.ENVIRONMENT)
        init.prepare([list(command) for command in outfit.commands])
        os.write(writer, b"up")
    except (OSError, subprocess.SubprocessError) as error:
        os.write(writer, str(error).encode())
        os._exit(1)
    for descriptor in range(3):
        os.dup2(os.open("/dev/null", os.O_RDWR), descriptor)
    os.closerange(3, 256)
    init.run()


def _furnish(machine: Machine, outfit: Outfit) -> None:
    """Mount the machine's root and fill it: the system's file systems, the first boot's files, its disks."""
    here = folder(machine.name)
    root = here / "root"
    fresh = not (here / "upper").exists()
    for name in ("root", "upper", "work"):
        (here / name).mkdir(parents=True, exist_ok=True)
    mount("", "/", flags=Flag.RECURSIVE | Flag.PRIVATE)
    layers = f"lowerdir={cache() / 'noderoot'},upperdir={here / 'upper'},workdir={here / 'work'}"
    mount("overlay", root, "overlay", data=layers)
    for mounting in (_proc, _sys, _dev):
        mounting(root, here)
    for name, mode in (("run", "755"), ("tmp", "1777")):
        mount("tmpfs", root / name, "tmpfs", data=f"mode={mode}")
    if outfit.images and fresh:
        images.fill(here / Path(outfit.images).name)
    for disk in outfit.disks:
        (here / Path(disk).name).mkdir(exist_ok=True)
        bind(here / Path(disk).name, root / disk.lstrip("/"))
    if outfit.images:
        images.share(root / outfit.images.lstrip("/"))
    bind(cache() / "bin", root / "opt/lab/bin", read_only=True)
    if fresh:
        _write(root, machine, outfit)
    socket.sethostname(machine.name)


def _write(root: Path, machine: Machine, outfit: Outfit) -> None:
    named = {"/etc/hostname": machine.name + "\n", "/etc/machine-id": sha256(machine.name.encode()).hexdigest()[:32]}
    services = {f"{init.SERVICES}/{name}.json": service.text() for name, service in outfit.services.items()}
    write(root, named | outfit.files | services, mode=0o644)
    write(root, outfit.private, mode=0o600)


def _proc(root: Path, here: Path) -> None:
    """Mount /proc so that only the network's settings can be changed: the others belong to the whole kernel."""
    proc = root / "proc"
    mount("proc", proc, "proc")
    fakes = here / "sysctl"
    shutil.rmtree(fakes, ignore_errors=True)
    for name in FAKES:
        (fakes / name).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            (fakes / name).write_text((proc / "sys" / name).read_text())
    closed = [path for path in (proc / "sys").iterdir() if path.name != "net"]
    for path in (*closed, proc / "sysrq-trigger"):
        if path.exists():
            bind(path, path, read_only=True)
    for name in FAKES:
        if (fakes / name).exists():
            bind(fakes / name, proc / "sys" / name)


def _sys(root: Path, _: Path) -> None:
    """Mount /sys with the machine's own control groups as their root."""
    mount("sysfs", root / "sys", "sysfs")
    base = root / "sys/fs/cgroup"
    if all(hierarchy.relative for hierarchy in cgroups.hierarchies()):
        mount("tmpfs", base, "tmpfs", data="mode=755")
    for hierarchy in cgroups.hierarchies():
        target = base / hierarchy.relative
        target.mkdir(exist_ok=True)
        if hierarchy.controllers:
            names = hierarchy.controllers
            mount("cgroup", target, "cgroup", data=f"none,{names}" if names.startswith("name=") else names)
        else:
            mount("cgroup2", target, "cgroup2")
    if not cgroups.hierarchies()[0].relative:
        _make_room(base)


def _make_room(base: Path) -> None:
    """Leave the root group of a pure version 2, which must be empty before kubelet can make groups below it."""
    (base / "machine").mkdir(exist_ok=True)
    (base / "machine/cgroup.procs").write_text("0")
    for name in (base / "cgroup.controllers").read_text().split():
        (base / "cgroup.subtree_control").write_text(f"+{name}")


def _dev(root: Path, _: Path) -> None:
    """Mount a /dev of its own: with the host's, what a container makes there would appear on the host."""
    dev = root / "dev"
    mount("tmpfs", dev, "tmpfs", data="mode=755")
    for name in ("pts", "shm", "mqueue", "net"):
        (dev / name).mkdir()
    for name in DEVICES:
        if Path("/dev", name).exists():
            bind(Path("/dev", name), dev / name)
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)
    mount("devpts", dev / "pts", "devpts", data="newinstance,ptmxmode=0666,mode=620")
    mount("tmpfs", dev / "shm", "tmpfs")
    mount("mqueue", dev / "mqueue", "mqueue")


def in_child(work: Callable[[], None]) -> int:
    """Run work in a child process; its exit code tells whether it went well, its error goes to standard error."""
    pid = os.fork()
    if pid:
        return pid
    code = 0
    try:
        work()
    except (OSError, subprocess.SubprocessError) as error:
        os.write(2, f"{error}\n".encode())
        code = 1
    os._exit(code)
