"""Stands where the vendor's `ucs-ctl create cluster` would: cluster file in, kubeconfig out."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab import cluster_file, inside, kubelet, power
from lab.cluster_file import Keys
from lab.control_plane import Plane
from lab.failure import Failure
from lab.hardware import Hardware, Machine
from lab.keys import write_private
from lab.kubeconfig import Api
from lab.paths import state
from lab.pki import authority, service_account_key

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
        _make(
            keys,
            Plane(master, hardware.site, authority(state() / "pki"), service_account_key(state() / "pki")),
            hardware,
        )
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
    config = _kubeconfig(plane)
    api = Api(config, state() / "pki")
    _wait(
        f"the API server at {api.server} does not answer; see `lab logs {plane.machine.name} kube-apiserver.log`",
        lambda: api.get("/readyz") == "ok",
    )
    say(f"API server ready at {api.server}")
    for machine in hardware.nodes:  # a kubelet that finds no API server waits for seconds before it asks again
        inside.equip(machine.name, kubelet.outfit(machine, plane))
    wanted = {machine.name for machine in hardware.nodes}
    _wait("not every node has registered; see `lab logs NODE kubelet.log`", lambda: wanted <= _registered(api))
    _wait(
        "the controller manager makes no service account; see `lab logs NODE kube-controller-manager.log`",
        lambda: "default" in api.get("/api/v1/namespaces/default/serviceaccounts/default"),
    )
    for node in hardware.site.nodes:
        if node.role == "control-plane":
            api.patch(f"/api/v1/nodes/{node.name}", {"metadata": {"labels": {CONTROL_PLANE: ""}}})
    say(f"nodes registered: {', '.join(sorted(wanted))}")


def _kubeconfig(plane: Plane) -> str:
    """Return the administrator's kubeconfig; one that an interrupted run left is used again."""
    path = state() / "kubeconfig"
    if not path.exists():
        write_private(path, plane.config("operator", "system:masters"))
    return path.read_text()


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


def _registered(api: Api) -> set[str]:
    return {item["metadata"]["name"] for item in json.loads(api.get("/api/v1/nodes"))["items"]}


def _wait(failure: str, done: Callable[[], bool]) -> None:
    """Ask until the answer is yes; a server that does not answer yet is asked again."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if done():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise Failure(failure)
