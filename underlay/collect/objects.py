"""The node's BPF programs compiled once, here: one object for every kernel with BTF, kept outside the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from bpf.source import text

COMPILER = "UNDERLAY_CLANG"
"""Variable that names the compiler; `none` leaves compiling to the nodes."""
FLAGS = ("-target", "bpfel", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-nostdinc", "-fdebug-compilation-dir=/")
"""Little-endian, as x86_64 and aarch64 nodes are; -g writes the types that libbpf needs."""
LIMIT = 60
"""Seconds for the compiler; it takes a third of one."""
SHOWN = 300
"""Characters of the compiler's own words."""
MAGIC, MACHINE = b"\x7fELF\x02\x01", (247).to_bytes(2, "little")
"""The beginning of a 64-bit little-endian object, and EM_BPF at byte 18."""


class NoObject(Exception):
    """There is no compiled object; the text says why."""


@cache
def compiled() -> bytes:
    """Return the object, from the cache where this source and compiler have made it before; NoObject says why not."""
    clang = compiler()
    source = text("core").encode()
    key = hashlib.sha256(b"\0".join([source, " ".join(FLAGS).encode(), _version(clang)])).hexdigest()[:32]
    kept = folder() / f"events-{key}.o"
    data = kept.read_bytes() if kept.is_file() else b""
    if not _is_object(data):
        data = _compile(clang, source)
        _keep(kept, data)
    return data


def compiler() -> str:
    """Return the path of clang."""
    wanted = os.environ.get(COMPILER) or "clang"
    found = None if wanted == "none" else shutil.which(wanted)
    if not found:
        where = "by UNDERLAY_CLANG=none" if wanted == "none" else f"{wanted} is not on the PATH"
        raise NoObject(f"no compiled object: {where} where the verification was started")
    return found


def folder() -> Path:
    """Return where objects are kept; it may be removed at any time."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).expanduser() / "cilium-underlay"


def _version(clang: str) -> bytes:
    return _run([clang, "--version"], b"").splitlines()[0]


def _compile(clang: str, source: bytes) -> bytes:
    data = _run([clang, *FLAGS, "-x", "c", "-c", "-", "-o", "-"], source)
    if not _is_object(data):
        raise NoObject(f"no compiled object: {clang} answered with {len(data)} bytes that are no BPF object")
    return data


def _run(command: list[str], source: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=source, capture_output=True, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoObject(f"no compiled object: {error}") from None
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())[:SHOWN]
        raise NoObject(f"no compiled object: {command[0]} ended with {done.returncode}: {words}")
    return done.stdout


def _is_object(data: bytes) -> bool:
    return data.startswith(MAGIC) and data[18:20] == MACHINE


def _keep(place: Path, data: bytes) -> None:
    """Write the object whole or not at all; without a cache it is compiled again next time."""
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as draft:
            draft.write(data)
        Path(draft.name).replace(place)
    except OSError:
        return
