"""The pods of intrusion detection: an engine, and beside it the node's mirror where pod links are captured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from underlay.model import Engine, IntrusionDetection, Site
from underlay.model.intrusion import Capture
from underlay.plan.intrusion.capture import MIRROR_IN
from underlay.plan.intrusion.suricata import ALERTS
from underlay.sources import mirror

FOLDER, UPDATES = "/etc/underlay-ids", "/etc/underlay-ids-updates"
"""Where an engine finds its configuration and rules, and the rules that somebody else keeps."""
LOGS = "/var/log/underlay-ids"
"""Where an engine writes its alerts, on the node too."""
STATE = "/run/underlay-ids"
STATE_FILE = f"{STATE}/mirror.json"
"""Where a mirror tells what it has counted."""
MIRROR, SETTINGS = "/mirror", "mirror.json"
POD_LINKS = "lxc"
"""How the names of pod links on a node begin."""
STEADY = 12
"""Seconds that an engine has to run before its pod counts: one that refuses a rule ends within them, and Suricata has
told its first numbers, after eight."""
ENGINE_RIGHTS, MIRROR_RIGHTS, DEVICE_RIGHTS = ("NET_ADMIN", "NET_RAW"), ("BPF", "NET_ADMIN"), ("NET_ADMIN",)

Object = dict[str, Any]


def settings(interface: str, uplinks: Sequence[str]) -> Object:
    """Return what a mirror has to know."""
    where = {"enter": MIRROR_IN, "interface": interface, "state": STATE_FILE}
    return {**where, "uplinks": list(uplinks), "pod_links": POD_LINKS}


def key(path: str) -> str:
    """Return the key under which a ConfigMap has a file: a path may not be one."""
    return path.replace("/", "--")


def pod(site: Site, declared: IntrusionDetection, config: str, interfaces: Sequence[str], command: list[str]) -> Object:
    """Return a pod in the host's network, on every node whatever that is reserved for."""
    mirrored = declared.capture is Capture.POD_LINKS
    image = site.verification.image
    return {
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 10,
        "tolerations": [{"operator": "Exists"}],
        **({"initContainers": [_mirror("devices", "prepare", image, DEVICE_RIGHTS)]} if mirrored else {}),
        "containers": [
            _engine(declared, interfaces, command),
            *([_mirror("mirror", "run", image, MIRROR_RIGHTS)] if mirrored else []),
        ],
        "volumes": _volumes(declared, config, mirrored=mirrored),
    }


def _engine(declared: IntrusionDetection, interfaces: Sequence[str], command: list[str]) -> Object:
    contract = {"UNDERLAY_INTERFACES": " ".join(interfaces), "UNDERLAY_ALERTS": f"{LOGS}/{ALERTS}"}
    updates = [{"name": "updates", "mountPath": UPDATES, "readOnly": True}] if declared.rules_from else []
    return {
        "name": "engine",
        "image": declared.image,
        "imagePullPolicy": "IfNotPresent",
        **({"command": command} if command else {}),
        **({"env": [_variable(*row) for row in contract.items()]} if declared.engine is Engine.OTHER else {}),
        "resources": {
            "requests": {"cpu": "100m", "memory": f"{min(declared.limits.memory, 256)}Mi"},
            "limits": {"cpu": f"{declared.limits.cpu}m", "memory": f"{declared.limits.memory}Mi"},
        },
        "securityContext": _rights(ENGINE_RIGHTS),
        "volumeMounts": [
            {"name": "configuration", "mountPath": FOLDER, "readOnly": True},
            {"name": "alerts", "mountPath": LOGS},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            *updates,
        ],
    }


def _mirror(name: str, order: str, image: str, rights: Sequence[str]) -> Object:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "bpf.mirror", order, f"{FOLDER}/{SETTINGS}"],
        "workingDir": MIRROR,
        "env": [_variable("PYTHONDONTWRITEBYTECODE", "1")],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": _rights(rights),
        "volumeMounts": [
            {"name": "configuration", "mountPath": FOLDER, "readOnly": True},
            {"name": "mirror", "mountPath": MIRROR, "readOnly": True},
            {"name": "state", "mountPath": STATE},
        ],
    }


def _volumes(declared: IntrusionDetection, config: str, *, mirrored: bool) -> list[Object]:
    made = "DirectoryOrCreate"
    volumes: list[Object] = [
        {"name": "configuration", "configMap": {"name": config}},
        {"name": "alerts", "hostPath": {"path": LOGS, "type": made}},
        {"name": "scratch", "emptyDir": {}},
    ]
    if mirrored:
        items = [{"key": key(path), "path": path} for path in mirror()]
        volumes.append({"name": "mirror", "configMap": {"name": config, "items": items}})
        volumes.append({"name": "state", "hostPath": {"path": STATE, "type": made}})
    if declared.rules_from:
        volumes.append({"name": "updates", "configMap": {"name": declared.rules_from}})
    return volumes


def _rights(capabilities: Sequence[str]) -> Object:
    return {
        "runAsUser": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": list(capabilities)},
    }


def _variable(name: str, value: str) -> Object:
    return {"name": name, "value": value}
