"""Constant programs that run on nodes and routers, and how they travel: modules and input as JSON on standard input.

The engine keeps the standard input of every command twice, so programs are packed: by bzip2, whose output is the
same wherever it is made, so that another workstation changes nothing. The input stays readable in previews.
"""

from __future__ import annotations

import base64
import bz2
import json
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

SECONDS = 60
"""Longest time that a program may take on a machine; measured: 1 to 3 seconds."""

TREE = Path(__file__).parents[2]
"""The folder below which modules lie."""
MODULES = {
    "prepare_node": (
        "machine",
        "owner",
        "bpf.syscall",
        "bpf.loading",
        "bpf.programs",
        "node_kernel",
        "node_facts",
        "node_sockets",
        "node_base",
        "node_links",
        "node_sysctl",
        "node_services",
        "node_files",
        "node_ports",
        "node_keepers",
        "node_routes",
        "cilium_remains",
        "prepare_node",
    ),
    "configure_router": ("machine", "owner", "record", "frr_lines", "frr_ours", "frr", "bird", "configure_router"),
}
"""The modules of each program in the order in which they are loaded; the last one has `main`.

A name with a dot is a module outside this folder, which nodes need for a verification as well.
"""

_START = """\
import base64, bz2, io, json, sys, types
request = json.load(sys.stdin)
if sys.version_info < (3, 9):
    sys.exit("[python-too-old] python3: found %d.%d; expected 3.9 or later. Install one." % sys.version_info[:2])
sys.stdin = io.StringIO(json.dumps(request["input"]))
for name, text in json.loads(bz2.decompress(base64.b85decode(request["program"]))):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), module.__dict__)
sys.exit(module.main(sys.argv[1:]))
"""


ROOT = "root"
"""Any other user becomes root by sudo, without a password."""


def become(user: str, command: str) -> str:
    """Return a shell's command line as root runs it: for another user sudo starts the shell that reads it."""
    return command if user == ROOT else f"sudo -n sh -c {shlex.quote(command)}"


def command(action: str, user: str = ROOT) -> str:
    """Return the command line that runs whatever program arrives on standard input; it holds no data."""
    return become(user, f"timeout -k 5 {SECONDS} python3 -I -c '{_START}' {action}")


def request(program: str, data: Mapping[str, Any]) -> str:
    """Return the standard input that carries a program of this folder and its input."""
    return json.dumps({"program": _program(program), "input": dict(data)}, sort_keys=True)


@cache
def _program(name: str) -> str:
    return packed([module_of(module) for module in MODULES[name]])


def packed(modules: Sequence[tuple[str, str]]) -> str:
    """Return modules, each as name and text, in the form in which they travel: printable ASCII, a third as long."""
    return base64.b85encode(bz2.compress(json.dumps(modules).encode())).decode()


def module_of(name: str) -> tuple[str, str]:
    """Return a module of a program with its full name and its text."""
    full = name if "." in name else f"{__name__}.{name}"
    return full, (TREE / f"{full.replace('.', '/')}.py").read_text(encoding="utf-8")
