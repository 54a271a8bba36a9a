"""The root tree of nodes and routers, the kernel headers' links in it, and what is compiled with its compiler."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lab.toolchain import debian, versions
from lab.toolchain.part import HERE, Step
from lab.toolchain.process import StepError

TREE = "noderoot"
OF_ONE_MACHINE = ("etc/ssh/ssh_host_*", "etc/machine-id", "var/log/*.log", "var/lib/etcd", "var/lib/dbus/machine-id")
OWNED = (
    ("etc/frr", "frr", "frr", 0o755),
    ("var/log/frr", "frr", "frr", 0o755),
    ("etc/bird", "bird", "bird", 0o755),
)
ADMINISTRATOR = "ops"
"""A user of every machine who may log in by key and become root by sudo, without a password."""
ACCOUNT = (
    ("useradd", "--no-create-home", "--home-dir", "/", "--shell", "/bin/sh", "--password", "*", ADMINISTRATOR),
    ("sh", "-c", f"echo '{ADMINISTRATOR} ALL=(ALL) NOPASSWD: ALL' | install -m 440 /dev/stdin /etc/sudoers.d/admin"),
    ("visudo", "--check", "--quiet"),
)
PAUSE_FLAGS = ("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables")


def make_noderoot(step: Step) -> None:
    """Grow the tree that nodes and routers share read-only, free of anything that belongs to one machine."""
    tree = step.staged(TREE)
    owners = [
        ["install", "-d", "-o", user, "-g", group, "-m", f"{mode:o}", f"/{at}"] for at, user, group, mode in OWNED
    ]
    known = ["getent", "passwd", "sshd", "frr", "bird"]
    debian.grow(step, tree, versions.NODE_PACKAGES, [*owners, *ACCOUNT, known])
    for pattern in OF_ONE_MACHINE:
        for path in tree.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (tree / "etc/machine-id").touch()


def running_kernel() -> str:
    """Return the release of the running kernel."""
    return os.uname().release


def headers_link() -> str:
    """Return the output that says the running kernel's header links are there."""
    return f"{TREE}/usr/lib/modules/{running_kernel()}/build"


def link_headers(step: Step) -> None:
    """Lead bcc from the running kernel's name to Debian's headers, which come in two folders."""
    tree = step.cache / TREE
    place = tree / "usr/lib/modules" / running_kernel()
    place.mkdir(parents=True, exist_ok=True)
    for name, pattern in (("build", "linux-headers-*-amd64"), ("source", "linux-headers-*-common")):
        found = sorted((tree / "usr/src").glob(pattern))
        if not found:
            raise StepError(f"the node tree has no usr/src/{pattern}")
        link = place / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../../src") / found[-1].name)


def build_pause(step: Step) -> None:
    """Compile the program that holds a pod's namespaces, with the node tree's compiler."""
    place = step.work / "pause"
    shutil.copytree(HERE / "pause", place)
    compile_it = [
        "gcc-12",
        "-Os",
        "-s",
        "-Wall",
        "-Wextra",
        "-Werror",
        *PAUSE_FLAGS,
        "-o",
        "/mnt/pause",
        "/mnt/pause.c",
    ]
    use_tree(step, [compile_it], [[str(place), "/mnt"]])
    shutil.copy2(place / "pause", step.staged("bin/pause"))


def take_etcd(step: Step) -> None:
    """Copy Debian's etcd out of the node tree, so that it runs under its plain name like the rest."""
    for name in ("etcd", "etcdctl"):
        shutil.copy2(step.cache / TREE / "usr/bin" / name, step.staged(f"bin/{name}"))


def use_tree(step: Step, commands: list[list[str]], binds: list[list[str]]) -> None:
    """Run commands in the node tree; whatever they write beside the bound folders is thrown away."""
    debian.inside(step, step.cache / TREE, commands, binds=binds, overlay=str(step.work / "overlay"))
