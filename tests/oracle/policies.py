"""Give the real agent policies by its API and note which it imports (`python -m tests.oracle.policies`).

Run in namespaces of its own: a JSON object on standard input, one on standard output. Whether an agent *enforces* them
is not seen here: it ends when it comes to compile its datapath.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.paths import binaries, cache
from tests.oracle import agent, api
from tests.oracle.oracle import ALONE, SOURCES

SECONDS = 40.0
NAME = re.compile(r"(?:ciliumNetworkPolicyName|k8sNetworkPolicyName)=(\S+)")
TAKEN = re.compile(r'msg="(?:Imported CiliumNetworkPolicy|NetworkPolicy successfully added)"')
REFUSED = re.compile(r'level=(?:warn|error) .*msg="[^"]*(?:policy|Policy)[^"]*".* error=(?P<why>"(?:[^"\\]|\\.)*"|\S+)')
Told = dict[str, str]


def ask(objects: list[dict[str, Any]], options: Mapping[str, str]) -> Told:
    """Return why the agent refuses each policy, by name; an empty text where it imports it."""
    program = [sys.executable, "-m", "tests.oracle.policies", str(cache() / "noderoot"), str(binaries())]
    request = json.dumps({"objects": objects, "options": dict(options)})
    done = subprocess.run(
        [*ALONE, *program, str(SOURCES)], input=request, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    told: Told = json.loads(done.stdout)
    return told


def main() -> int:
    """Judge the policies on standard input; arguments: a node's tree, the programs, the agent's BPF sources."""
    request = json.load(sys.stdin)
    for item in request["objects"]:
        metadata = {**api._meta(item["metadata"]["name"]), **item["metadata"]}
        api.Api.objects.setdefault(api._plural(item["kind"]), []).append({"metadata": metadata, "spec": item["spec"]})
    agent.run("ip link set lo up")
    api.serve()
    agent.enter(*map(Path, sys.argv[1:4]))
    agent.RUN.mkdir(parents=True)
    print(json.dumps(_told(request["options"], len(request["objects"]))))
    return 0


def _told(options: Mapping[str, str], wanted: int) -> Told:
    environment = {"K8S_NODE_NAME": api.NODE, "CILIUM_K8S_NAMESPACE": "kube-system", "HOME": "/root"}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        for key, value in {**options, **agent.AGENT.options}.items():
            Path(folder, key).write_text(value, encoding="utf-8")
        words = [*agent.AGENT.words, f"--config-dir={folder}"]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        running = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, env={**environment, "PATH": path})
        end, told = time.monotonic() + SECONDS, Told()
        while time.monotonic() < end and len(told) < wanted and running.poll() is None:
            time.sleep(0.2)
            told = read(Path(f"/proc/self/fd/{log.fileno()}").read_text(encoding="utf-8", errors="replace"))
        running.kill()
        running.wait()
        return told


def read(log: str) -> Told:
    """Return what an agent's log says of policies."""
    told: Told = {}
    for line in log.splitlines():
        name, refused = NAME.search(line), REFUSED.search(line)
        if name and (TAKEN.search(line) or refused):
            told[name[1]] = refused["why"].strip('"') if refused else ""
    return told


if __name__ == "__main__":
    sys.exit(main())
