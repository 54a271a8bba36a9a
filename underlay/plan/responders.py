"""The responder pods: one on every node, the far end of every probe; and the service in front of them."""

from __future__ import annotations

from typing import Any

from underlay.model import Site
from underlay.plan.digest import digest
from underlay.plan.far_ends import RESPONDER_NAMESPACE, RESPONDER_PORT, WEB_PORT
from underlay.sources import responder

NAME = RESPONDER_NAMESPACE
FOLDER = "/responder"
FILE = "responder.py"
NOBODY = 65534

Object = dict[str, Any]


def namespace() -> Object:
    """Return the namespace of the responders."""
    return {"metadata": {"name": NAME}}


def program() -> Object:
    """Return the ConfigMap with the responder's text."""
    return {"metadata": _metadata(), "data": {FILE: responder()}}


def daemons(site: Site) -> Object:
    """Return the DaemonSet; a changed program restarts it."""
    labels = {"app": NAME}
    template = {
        "metadata": {"labels": labels, "annotations": {"underlay/program": digest(responder())}},
        "spec": _pod(site.verification.image),
    }
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}}
    spec = {"selector": {"matchLabels": labels}, "updateStrategy": strategy, "template": template}
    return {"metadata": _metadata(), "spec": spec}


def service() -> Object:
    """Return the service; HTTP has a port of its own, so that an address and a port are both translated."""
    ports = {"tcp": ("TCP", RESPONDER_PORT), "udp": ("UDP", RESPONDER_PORT), "http": ("TCP", WEB_PORT)}
    spec = {
        "type": "ClusterIP",
        "selector": {"app": NAME},
        "ports": [
            {"name": name, "protocol": protocol, "port": port, "targetPort": RESPONDER_PORT}
            for name, (protocol, port) in ports.items()
        ],
    }
    return {"metadata": _metadata(), "spec": spec}


def _metadata() -> Object:
    return {"name": NAME, "namespace": NAME, "labels": {"app": NAME}}


def _pod(image: str) -> Object:
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"operator": "Exists"}],  # every node is proven, whatever it is reserved for
        "containers": [
            {
                "name": "responder",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python3", f"{FOLDER}/{FILE}", str(RESPONDER_PORT)],
                "readinessProbe": {"tcpSocket": {"port": RESPONDER_PORT}, "periodSeconds": 2},
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": NOBODY,
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "program", "mountPath": FOLDER, "readOnly": True}],
            }
        ],
        "volumes": [{"name": "program", "configMap": {"name": NAME}}],
    }
