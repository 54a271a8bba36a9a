"""Let the real agent enforce policies on two pods of its node, and tell what passes.

Run in namespaces of its own: a JSON object on standard input, one on standard output. One pod stands in for the
cluster's DNS, a namespace with two addresses for the outside; agent, CNI plugin, compiler and kernel are the real ones.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bpf import names, policies
from lab.paths import binaries, cache
from tests.lab.policy_pods import CLIENT, DROP
from tests.oracle import agent, api
from tests.oracle.oracle import ALONE, SOURCES

SECONDS = 120.0
ASKER, DNS = "asker", "dns"
PODS = {
    ASKER: ("ops", {"app": "watch", "underlay-test": "policies"}),
    DNS: ("kube-system", {"k8s-app": "kube-dns"}),
}
OUTSIDE = ("203.0.113.10", "198.51.100.10")
NAMES = dict(zip(("allowed.outside.test", "other.outside.test"), OUTSIDE, strict=True))
SOCKET = agent.RUN / "cilium.sock"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/cni",
    "K8S_NODE_NAME": api.NODE,
    "CILIUM_K8S_NAMESPACE": "kube-system",
    "HOME": "/root",
}
COMPILER = """#!/bin/sh
libraries=/opt/clang/usr/lib/x86_64-linux-gnu
exec $libraries/ld-linux-x86-64.so.2 --library-path $libraries --argv0 clang /opt/clang/usr/lib/llvm-19/bin/clang "$@"
"""
WAY = (
    "sysctl -qw net.ipv4.ip_forward=1",
    "ip netns add outside",
    "ip link set peer0 netns outside",
    "ip -n outside address add 172.30.1.1/24 dev peer0",
    "ip -n outside link set peer0 up",
    "ip -n outside link set lo up",
    *(f"ip -n outside address add {address}/32 dev lo" for address in OUTSIDE),
    "ip -n outside route add 10.244.0.0/16 via 172.30.1.11",
)
SERVER = """
import json, socket, struct, sys
names = json.loads(sys.argv[1])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("", 53))
    while True:
        data, source = server.recvfrom(500)
        end, labels, place = data.index(b"\\0", 12), [], 12
        while place < end:
            labels.append(data[place + 1:place + 1 + data[place]].decode())
            place += 1 + data[place]
        found = b"\\xc0\\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(names[".".join(labels)])
        server.sendto(data[:2] + struct.pack("!HHHHH", 0x8580, 1, 1, 0, 0) + data[12:end + 5] + found, source)
"""
RESOLVE = """
import json, sys
print(json.dumps({name: resolve(sys.argv[1], name)["answers"] for name in sys.argv[2:]}))
"""
Told = dict[str, Any]


def ask(objects: list[dict[str, Any]], options: dict[str, str]) -> Told:
    """Return what passes under these policies before and after a pod asks for names, what was dropped, and facts."""
    program = [sys.executable, "-m", "tests.oracle.enforced"]
    places = map(str, (cache() / "noderoot", binaries(), SOURCES, cache() / "clang"))
    request = json.dumps({"objects": objects, "options": options})
    done = subprocess.run(
        [*ALONE, *program, *places], input=request, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    told: Told = json.loads(done.stdout)
    return told


def main() -> int:
    """Enforce what standard input says; arguments: a node's tree, all programs, the agent's sources, its compiler."""
    request = json.load(sys.stdin)
    tree, programs, sources, compiler = map(Path, sys.argv[1:5])
    question = Path(names.__file__).read_text(encoding="utf-8") + RESOLVE
    _declare(request["objects"])
    agent.run("ip link set lo up")
    api.serve()
    agent.enter(tree, programs, sources, prepare=lambda root: _tools(root, compiler, programs))
    for line in WAY:
        agent.run(line)
    agent.RUN.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        for key, value in {**request["options"], **agent.AGENT.options}.items():
            Path(folder, key).write_text(value, encoding="utf-8")
        with _start("cilium-agent", f"--config-dir={folder}", "--lib-dir=/lib/oracle") as running:
            try:
                print(json.dumps(_told(question)))
            finally:
                running.kill()
    return 0


def _declare(objects: list[dict[str, Any]]) -> None:
    """Let the API know policies, pods and their namespaces."""
    for item in objects:
        metadata = {**api._meta(item["metadata"]["name"]), **item["metadata"]}
        api.Api.objects.setdefault(api._plural(item["kind"]), []).append({"metadata": metadata, "spec": item["spec"]})
    spec = {"nodeName": api.NODE, "serviceAccountName": "default", "containers": []}
    for name, (space, labels) in PODS.items():
        metadata = {**api._meta(name), "namespace": space, "labels": labels}
        pod = {"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}
        api.Api.objects.setdefault("pods", []).append(pod)
    api.Api.objects["namespaces"].append({"metadata": {**api._meta("ops")}})


def _tools(root: Path, compiler: Path, programs: Path) -> None:
    (root / "opt/cni").mkdir(parents=True)
    (root / "opt/clang").mkdir()
    for name in ("cilium-cni", "cilium-dbg"):
        shutil.copy(programs / name, root / "opt/cni")
    agent.run(f"mount --bind {compiler} {root}/opt/clang")
    (root / "opt/cni/clang").write_text(COMPILER, encoding="utf-8")
    (root / "opt/cni/clang").chmod(0o755)


def _start(*words: str) -> subprocess.Popen[str]:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(words, stdout=quiet, stderr=quiet, env=ENVIRONMENT, text=True)


def _told(question: str) -> Told:
    _wait(SOCKET.exists)
    addresses = {name: _plug(name, space) for name, (space, _) in PODS.items()}
    _wait(_settled)
    inside = ("nsenter", "--net=/run/netns/asker", "python3", "-c")
    asked = json.dumps([[address, "TCP/9"] for address in OUTSIDE])
    server = _start("nsenter", "--net=/run/netns/dns", "python3", "-c", SERVER, json.dumps(NAMES))
    with tempfile.TemporaryFile("w+") as log, server:
        drops = subprocess.Popen(["cilium-dbg", "monitor", "-t", "drop"], stdout=log, stderr=log, env=ENVIRONMENT)
        try:
            time.sleep(1)  # until both listen
            before = json.loads(_good(*inside, CLIENT, asked))
            found = json.loads(_good(*inside, question, addresses[DNS], *NAMES))
            log.seek(0, 2)
            behind = log.tell()
            after = json.loads(_good(*inside, CLIENT, asked))
            time.sleep(0.5)  # until the last drop is told
        finally:
            drops.kill()
            server.kill()
        log.seek(behind)
        dropped = sorted({(match[3], match[1]) for match in DROP.finditer(log.read())})
    return {"before": before, "names": found, "after": after, "dropped": dropped, "facts": policies.facts(SOCKET)}


def _plug(name: str, space: str) -> str:
    """Let the agent's own plugin make a pod's link; return the pod's address."""
    agent.run(f"ip netns add {name}")
    agent.run(f"ip -n {name} link set lo up")
    words = {"IgnoreUnknown": "1", "K8S_POD_NAMESPACE": space, "K8S_POD_NAME": name, "K8S_POD_UID": f"uid-of-{name}"}
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": f"container-of-{name}",  # the link's name is made of it
        "CNI_NETNS": f"/run/netns/{name}",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": "/opt/cni",
        "CNI_ARGS": ";".join(f"{key}={value}" for key, value in words.items()),
    }
    asked = json.dumps({"cniVersion": "1.0.0", "name": "cilium", "type": "cilium-cni"})
    told = json.loads(_good("cilium-cni", given=asked, **environment))
    return str(told["ips"][0]["address"]).partition("/")[0]


def _good(*words: str, given: str = "", **environment: str) -> str:
    done = subprocess.run(
        words, input=given, capture_output=True, text=True, env={**ENVIRONMENT, **environment}, check=False, timeout=60
    )
    if done.returncode:
        raise SystemExit(f"{words[:4]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _settled() -> bool:
    found = policies.facts(SOCKET)
    pods = found["pods"] if found else []
    behind = [pod for pod in pods if pod["state"] != "ready" or pod["revision"] < (found or {})["revision"]]
    return len(pods) == len(PODS) and not behind


def _wait(look: Any) -> None:
    end = time.monotonic() + SECONDS
    while not look():
        if time.monotonic() > end:
            raise SystemExit(f"the agent is not ready after {SECONDS:.0f} s")
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
