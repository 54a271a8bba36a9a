"""Kubelet on one machine: its identity, its certificate, its configuration."""

from __future__ import annotations

import resource
from typing import Any

import yaml

from lab.control_plane import Plane, component
from lab.hardware import Machine
from lab.outfit import Outfit

FOLDER = "/etc/kubernetes"
SOCKET = "/run/containerd/containerd.sock"


def outfit(machine: Machine, plane: Plane) -> Outfit:
    """Return what makes a machine a node of the plane's cluster."""
    address = str(plane.site.node(machine.name).address)
    serving = plane.authority.issue(f"system:node:{machine.name}", "system:nodes", (machine.name, address))
    flags = {
        "config": f"{FOLDER}/kubelet.yaml",
        "kubeconfig": f"{FOLDER}/kubelet.conf",
        "hostname-override": machine.name,
        "node-ip": address,
        "v": "2",
    }
    return Outfit(
        files={f"{FOLDER}/kubelet.yaml": yaml.safe_dump(_configuration(plane))},
        private={
            f"{FOLDER}/kubelet.conf": plane.config(f"system:node:{machine.name}", "system:nodes"),
            f"{FOLDER}/pki/ca.crt": plane.authority.text,
            f"{FOLDER}/pki/kubelet.crt": serving.certificate,
            f"{FOLDER}/pki/kubelet.key": serving.key,
        },
        services={"kubelet": component("kubelet", flags, needs=SOCKET)},
    )


def _configuration(plane: Plane) -> dict[str, Any]:
    """Return kubelet's configuration; what is not about this lab's limits is a kubeadm node's."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{FOLDER}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{FOLDER}/pki/kubelet.crt",
        "tlsPrivateKeyFile": f"{FOLDER}/pki/kubelet.key",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/",
        "clusterDNS": [str(plane.site.dns)],
        "clusterDomain": plane.site.cluster.dns.domain,
        "resolvConf": "/etc/resolv.conf",
        "failSwapOn": False,
        "failCgroupV1": False,
        "oomScoreAdj": 0,  # lowering it needs a capability that not every machine grants
        "maxOpenFiles": min(1_000_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
        "imageGCHighThresholdPercent": 100,  # there is no registry to pull a removed image from again
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
    }
