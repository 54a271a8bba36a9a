"""Debian trees: one minimal system by debootstrap, and copies of it with packages, without touching the machine's."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.toolchain import process, versions
from lab.toolchain.part import HERE, Step
from lab.toolchain.process import StepError

MIRROR = "UNDERLAY_DEBIAN_MIRROR"
BASE = "base"
LEAN = """path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/info/*
path-exclude=/usr/share/locale/*
force-unsafe-io
"""
LOADER = ("wget", "libpsl5")
"""What debootstrap fetches packages with, and the library of it that a minimal Debian lacks."""
NO_SERVICES = "#!/bin/sh\nexit 101\n"
FOR_BUILDING = ("etc/resolv.conf", "etc/apt/apt.conf.d/90machine", "usr/sbin/policy-rc.d")
WASTE = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/locale")


@dataclass(frozen=True)
class Source:
    """One line of the machine's own package sources."""

    address: str
    suite: str


def make_base(step: Step) -> None:
    """Bootstrap the minimal tree that every other tree is a copy of."""
    sources = machine_sources(step)
    program, env = _debootstrap(step)
    tree = step.staged(BASE)
    options = ["--variant=minbase", "--include=ca-certificates"]
    step.run([str(program), *options, versions.DEBIAN, str(tree), sources[0].address], env=env)
    lines = (f"deb {source.address} {source.suite} main\n" for source in sources)
    (tree / "etc/apt/sources.list").write_text("".join(lines))
    (tree / "etc/dpkg/dpkg.cfg.d/lean").write_text(LEAN)
    tidy(tree)


def grow(step: Step, tree: Path, packages: Iterable[str], then: Sequence[Sequence[str]] = (), suite: str = "") -> None:
    """Copy the minimal tree and install packages in the copy; further commands run in it before apt's files go.

    A further suite of the same mirror wins over the release where it is named.
    """
    step.run(["cp", "-a", "--reflink=auto", str(step.cache / BASE), str(tree)])
    _prepare(tree)
    if suite:
        (tree / "etc/apt/sources.list.d/further.list").write_text(
            f"deb {machine_sources(step)[0].address} {suite} main\n"
        )
    options = ["-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", *(["-t", suite] if suite else [])]
    install = ["apt-get", "install", *options, *packages]
    inside(step, tree, [["apt-get", "update"], install, *then])
    tidy(tree)


def inside(step: Step, tree: Path, commands: Sequence[Sequence[str]], **more: object) -> None:
    """Run commands in a tree, in namespaces of their own; mounts and processes end with them."""
    order = {"root": str(tree), "commands": [list(command) for command in commands], **more}
    step.run([sys.executable, "-I", str(HERE / "jail.py")], stdin=json.dumps(order).encode())


def tidy(tree: Path) -> None:
    """Remove what only building needed, and what nobody reads on a node."""
    for name in FOR_BUILDING:
        (tree / name).unlink(missing_ok=True)
    for name in WASTE:
        shutil.rmtree(tree / name, ignore_errors=True)
        (tree / name).mkdir(parents=True, exist_ok=True)


def machine_sources(step: Step) -> list[Source]:
    """Return where the machine gets this Debian release from, its main suite first."""
    if named := os.environ.get(MIRROR):
        return [Source(named, versions.DEBIAN)]
    ask = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"]
    try:
        rows = [line.split() for line in process.read(ask).splitlines()]
    except StepError as error:
        raise StepError(f"apt's own configuration could not be read: {error}") from error
    found = dict.fromkeys(Source(row[0], row[1]) for row in rows if len(row) == 3 and row[2] == "main")
    ours = sorted((one for one in found if one.suite.startswith(versions.DEBIAN)), key=lambda one: len(one.suite))
    if not ours or ours[0].suite != versions.DEBIAN:
        raise StepError(f"this machine's apt has no source of Debian {versions.DEBIAN}; name a mirror in {MIRROR}")
    step.log.write_text(f"sources: {ours}\n")
    return ours


def _prepare(tree: Path) -> None:
    (tree / "etc/resolv.conf").write_bytes(Path("/etc/resolv.conf").read_bytes())
    settings = process.read(["apt-config", "dump", "Acquire"])
    (tree / "etc/apt/apt.conf.d/90machine").write_text(settings)
    guard = tree / "usr/sbin/policy-rc.d"
    guard.write_text(NO_SERVICES)
    guard.chmod(0o755)


def _debootstrap(step: Step) -> tuple[Path, dict[str, str]]:
    """Return the machine's debootstrap, or Debian's package of it, unpacked and not installed."""
    env = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    if program := shutil.which("debootstrap"):
        return Path(program), env
    loader = [] if shutil.which("wget") else list(LOADER)
    place = unpack(step, ["debootstrap", *loader])
    found = {"DEBOOTSTRAP_DIR": str(place / "usr/share/debootstrap")}
    if loader:
        found["PATH"] = os.pathsep.join([str(place / "usr/bin"), env.get("PATH", os.defpath)])
        found["LD_LIBRARY_PATH"] = str(place / "usr/lib/x86_64-linux-gnu")
    return place / "usr/sbin/debootstrap", {**env, **found}


def unpack(step: Step, packages: Sequence[str]) -> Path:
    """Fetch packages with the machine's apt, in a state of their own, and unpack them into a folder."""
    state = step.work / "apt"
    downloads, place = state / "debs", state / "tree"
    for folder in (state / "lists/partial", state / "cache/archives/partial", downloads):
        folder.mkdir(parents=True)
    own = ["-o", f"Dir::State::lists={state / 'lists'}", "-o", f"Dir::Cache={state / 'cache'}"]
    as_root = ["-o", "APT::Sandbox::User=root"]
    step.run(["apt-get", *own, *as_root, "update"])
    step.run(["apt-get", *own, *as_root, "download", *packages], cwd=downloads)
    for archive in downloads.glob("*.deb"):
        step.run(["dpkg-deb", "-x", str(archive), str(place)])
    return place
