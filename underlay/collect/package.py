"""The node's program as one zip application with the same bytes every time, and the constant text that starts it."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import zipfile
from functools import cache
from pathlib import Path

from bpf.backends import NO_OBJECT, OBJECT
from underlay.collect.objects import NoObject, compiled
from underlay.collect.slim import slim

SOURCE = Path(__file__).parents[2] / "bpf"
SENT = {".py", ".c", ".h"}
NOT_SENT = {"responder.py", "loading.py", "core.h"}
"""Files of the folder that are used elsewhere."""
MAIN = "import sys\n\nfrom bpf.__main__ import main\n\nsys.exit(main())\n"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive, so that its digest depends on its contents only."""
LIMIT = 60
"""Seconds after which the node itself ends the program, whatever the controller does."""

BOOTSTRAP = """\
import hashlib, json, os, runpy, sys
def take(count):
    parts = b""
    while len(parts) < count:
        part = os.read(0, count - len(parts))
        if not part:
            sys.exit("bootstrap: standard input ended early")
        parts += part
    return parts
head = b""
while not head.endswith(b"\\n"):
    head += take(1)
head = json.loads(head)
data = take(head["size"])
if hashlib.sha256(data).hexdigest() != head["digest"]:
    sys.exit("bootstrap: the program's digest differs from the announced one")
memory = os.memfd_create("underlay")
with open(memory, "wb", closefd=False) as file:
    file.write(data)
runpy.run_path("/proc/self/fd/%d" % memory, run_name="__main__")
"""
"""Takes the program from standard input into memory and runs it: no file is left on the node."""

COMMAND = f"timeout -k 5 {LIMIT} python3 -I -c {shlex.quote(BOOTSTRAP)}"
"""The one command that nodes are sent; it is constant."""


@cache
def program() -> bytes:
    """Return the zip application."""
    files = {"__main__.py": MAIN.encode()}
    paths = sorted(path for path in SOURCE.iterdir() if path.suffix in SENT and path.name not in NOT_SENT)
    files |= {f"bpf/{path.name}": path.read_bytes() for path in paths} | _object()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def _object() -> dict[str, bytes]:
    """Return the compiled programs, or the reason why nodes have to compile them."""
    try:
        return {f"bpf/{OBJECT}": slim(compiled())}
    except NoObject as reason:
        return {f"bpf/{NO_OBJECT}": str(reason).encode()}


def digest() -> str:
    """Return the SHA-256 of the zip application."""
    return hashlib.sha256(program()).hexdigest()


def opening() -> bytes:
    """Return what the bootstrap reads first: size and digest in one line, then the program."""
    return json.dumps({"size": len(program()), "digest": digest()}).encode() + b"\n" + program()
