"""Start the real operator and the real agent on rendered configurations, and note whether they take each.

Run in namespaces of its own (`python -m tests.oracle.agent`): lines of JSON in, lines of JSON out. An agent has taken a
configuration when it begins to compile its datapath, an operator when it gives out pod networks: all options are
checked then. What they check later is not seen.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.oracle import api

RUN = Path("/run/cilium")
SECONDS = 150.0
"""Longest wait for an answer; measured: under 1 s on an idle machine, 30 s at a load of ten a core."""
TEXT = r'"(?P<why>(?:[^"\\]|\\.)*)"'
REFUSED = (re.compile(rf'msg="Start hook failed".*? error={TEXT}'), re.compile(rf"level=fatal msg={TEXT}"))
"""How they say that they do not start; a failed hook is told first, and their end takes long."""
LONGEST = 300
"""Characters of a log that ends without either."""
PLACE = {
    "k8s-api-server-urls": f"http://127.0.0.1:{api.PORT}",
    "enable-gops": "false",
}
"""Options of the place, not of the site."""


class Program(NamedTuple):
    """What is asked about a configuration."""

    words: tuple[str, ...]
    options: Mapping[str, str]
    """Options of the place that this program has beside the common ones."""
    taken: re.Pattern[str]
    """What it says once it has checked all its options."""


AGENT = Program(
    ("cilium-agent", "--lib-dir=/lib/oracle"),
    PLACE | {"procfs": "/proc", "agent-health-port": "9879"},
    # The tree has no compiler.
    re.compile(r"failed to compile|compile failed"),
)
OPERATOR = Program(
    ("cilium-operator-generic",),
    PLACE | {"skip-crd-creation": "true"},
    re.compile(r"Starting ClusterPool IP allocator"),
)
TRACES = ("umount /run/cilium/cgroupv2", "ip link del cilium_host", "rm -rf /sys/fs/bpf/cilium /sys/fs/bpf/tc")
"""What an agent leaves behind."""
LINKS = (
    "ip link add eth0 type veth peer name peer0",
    f"ip address add {api.ADDRESS}/24 dev eth0",
    "ip link set eth0 up",
    "ip link set peer0 up",
    "ip route add default via 172.30.1.1",
)


def main() -> int:
    """Judge each configuration on standard input; arguments: a node's tree, the programs, the agent's BPF sources."""
    run("ip link set lo up")
    api.serve()  # before the tree changes: Python loads some of its parts late
    enter(*map(Path, sys.argv[1:4]))
    for line in sys.stdin:
        options = json.loads(line)
        print(json.dumps({"operator": start(OPERATOR, options), "agent": start(AGENT, options)}), flush=True)
    return 0


def enter(tree: Path, programs: Path, sources: Path, *, prepare: Callable[[Path], None] = lambda _: None) -> None:
    """Make a node of these namespaces: a tree with the agent's tools, written to memory only, and one uplink.

    What else the tree needs, `prepare` puts there.
    """
    place = Path("/mnt")
    run("mount -t tmpfs tmpfs /mnt")
    for name in ("upper", "work", "root"):
        (place / name).mkdir()
    root = place / "root"
    run(f"mount -t overlay overlay -o lowerdir={tree},upperdir={place}/upper,workdir={place}/work {root}")
    shutil.copytree(sources, root / "lib/oracle/bpf")
    for path in (root / "lib/oracle").rglob("*"):
        path.chmod(0o755)
    for program in (AGENT, OPERATOR):
        shutil.copy(programs / program.words[0], root / "usr/bin")
    for kind, name in (("proc", "proc"), ("sysfs", "sys"), ("bpf", "sys/fs/bpf"), ("tmpfs", "run"), ("tmpfs", "tmp")):
        run(f"mount -t {kind} {kind} {root / name}")
    (root / "etc/config").mkdir(exist_ok=True)  # where the chart mounts the list of the masquerading agent
    prepare(root)
    os.chroot(root)
    os.chdir("/")
    for line in LINKS:
        run(line)


def run(line: str) -> None:
    """Run one command; what fails ends the program."""
    subprocess.run(line.split(), check=True, capture_output=True)


def start(program: Program, options: Mapping[str, str]) -> str:
    """Return why a program refuses a configuration; nothing when it takes it."""
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    environment = {**os.environ, "K8S_NODE_NAME": api.NODE, "CILIUM_K8S_NAMESPACE": "kube-system", "HOME": "/root"}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        for key, value in {**options, **program.options}.items():
            Path(folder, key).write_text(value, encoding="utf-8")
        words = [*program.words, f"--config-dir={folder}"]
        running = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, env=environment)
        try:
            return _answer(program, running, Path(f"/proc/self/fd/{log.fileno()}"))
        finally:
            running.kill()
            running.wait()
            for line in TRACES:
                subprocess.run(line.split(), capture_output=True, check=False)


def _answer(program: Program, running: subprocess.Popen[bytes], log: Path) -> str:
    end, text = time.monotonic() + SECONDS, ""
    while time.monotonic() < end:
        text = log.read_text(encoding="utf-8", errors="replace")
        if program.taken.search(text):
            return ""
        if found := next(filter(None, (form.search(text) for form in REFUSED)), None):
            return found["why"]
        if running.poll() is not None:
            return text[-LONGEST:] or "ended without a word"
        time.sleep(0.05)
    return f"no answer after {SECONDS:.0f} s: {text[-LONGEST:]}"


if __name__ == "__main__":
    sys.exit(main())
