"""Stands where the vendor's `ucs-ctl create cluster` would: cluster file in, kubeconfig out."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab import cluster_file, dns, inside, kubelet, power
from lab.cluster_file import Keys
from lab.control_plane import Plane
from lab.failure import Failure
from lab.hardware import Hardware, Machine
from lab.keys import write_private
from lab.paths import binaries, state
from lab.pki import authority, service_account_key
from lab.surroundings import environment

PATIENCE = 90.0
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def install(path: Path, hardware: Hardware) -> str:
    """Make the cluster that a file describes, once, and return its administrator's kubeconfig."""
    keys = cluster_file.read(path)
    master = _master(keys, hardware)
    inside.enter_operator()
    config, record = state() / "kubeconfig", state() / "cluster.json"
    if record.exists():
        _same(json.loads(record.read_text()), keys)
    else:
        pki = state() / "pki"
        _make(keys, Plane(master, hardware.site, authority(pki), service_account_key(pki)), hardware)
        write_private(record, json.dumps(keys))
    return config.read_text()


def uninstall(hardware: Hardware) -> None:
    """Remove the cluster: its machines boot from fresh disks; without a cluster nothing happens."""
    if (state() / "kubeconfig").exists():
        power.restart([machine.name for machine in hardware.nodes], hardware, wipe=True)
    for name in ("cluster.json", "kubeconfig"):
        (state() / name).unlink(missing_ok=True)
    shutil.rmtree(state() / "pki", ignore_errors=True)


def _make(keys: Keys, plane: Plane, hardware: Hardware) -> None:
    begin = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - begin:6.1f} s  {what}", file=sys.stderr, flush=True)

    say(f"cluster file accepted: {keys['NETWORK_PROVIDER']} {keys['CILIUM_NETWORK_MODE']}; the CNI itself is left out")
    inside.equip(plane.machine.name, plane.outfit())
    _kubeconfig(plane)
    _wait("the API server does not answer", plane, "kube-apiserver", lambda: _kubectl("get", "--raw=/readyz") == "ok")
    say(f"API server ready at {plane.server}")
    for machine in hardware.nodes:  # a kubelet that finds no API server waits for seconds before it asks again
        inside.equip(machine.name, kubelet.outfit(machine, plane))
    wanted = {machine.name for machine in hardware.nodes}
    _wait("not every node has registered", plane, "kube-apiserver", lambda: wanted <= _names("/api/v1/nodes"))
    for node in hardware.site.nodes:
        if node.role == "control-plane":
            _kubectl("label", "--overwrite", f"node/{node.name}", f"{CONTROL_PLANE}=")
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    _wait("there is no service account", plane, "kube-controller-manager", lambda: "default" in _names(accounts))
    say(f"nodes registered: {', '.join(machine.name for machine in hardware.nodes)}")
    text = dns.manifest(hardware.site)
    _wait("DNS is not applied", plane, "kube-apiserver", lambda: _kubectl("apply", "-f", "-", stdin=text) != "")


def _kubeconfig(plane: Plane) -> None:
    """Write the administrator's kubeconfig; one that an interrupted run left is used again."""
    if not (state() / "kubeconfig").exists():
        write_private(state() / "kubeconfig", plane.config("operator", "system:masters"))


def _master(keys: Keys, hardware: Hardware) -> Machine:
    """Return the machine that MASTER-1 names; it has to be the API server's address too."""
    nodes = {str(node.address): node for node in hardware.site.nodes if node.role == "control-plane"}
    found = nodes.get(keys["MASTER-1"])
    if found is None:
        raise Failure(f"MASTER-1 is {keys['MASTER-1']}, expected a control-plane machine: {', '.join(nodes)}")
    key = cluster_file.entrance(keys)
    if keys[key] != keys["MASTER-1"]:
        raise Failure(
            f"{key} is {keys[key]}, expected {keys['MASTER-1']}: here the API server answers on MASTER-1 only"
        )
    return hardware.machines[found.name]


def _same(made: Keys, keys: Keys) -> None:
    """Refuse a file that asks for another cluster than the one that is there."""
    changed = [
        f"{key}: the cluster has {made.get(key)!r}, the file {keys.get(key)!r}"
        for key in (*cluster_file.RULES, cluster_file.entrance(keys))
        if made.get(key) != keys.get(key)
    ]
    if changed:
        hint = "`python3 -m lab uninstall` removes the cluster"
        raise Failure("\n  ".join(["a cluster is there, made with other settings; " + hint, *changed]))


def _names(path: str) -> set[str]:
    listed = json.loads(_kubectl("get", f"--raw={path}") or '{"items": []}')
    return {item["metadata"]["name"] for item in listed["items"]}


def _kubectl(*words: str, stdin: str | None = None) -> str:
    """Return what kubectl says; empty when the server does not answer, or refuses."""
    command = [str(binaries() / "kubectl"), "--request-timeout=5s", *words]
    done = subprocess.run(command, env=environment(), input=stdin, capture_output=True, text=True, check=False)
    return "" if done.returncode else done.stdout


def _wait(failure: str, plane: Plane, service: str, done: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            log = f"python3 -m lab logs {plane.machine.name} {service}.log"
            raise Failure(f"{failure} after {PATIENCE:.0f} s; see `{log}`")
        time.sleep(0.2)
