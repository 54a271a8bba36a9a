"""The cluster's DNS as an installer leaves it: CoreDNS in two pods that wait for a network, and its service."""

from __future__ import annotations

import json
from typing import Any

from lab.toolchain.store import image_names
from underlay.model import Site

NAME, NAMESPACE, PROGRAM = "coredns", "kube-system", "/opt/lab/bin/coredns"
LABELS = {"k8s-app": "kube-dns"}
Object = dict[str, Any]

COREFILE = """\
.:53 {{
    errors
    health
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }}
    cache 30 {{
        disable success {domain}
        disable denial {domain}
    }}
    loadbalance
}}
"""
"""As kubeadm writes it, but without other servers to ask: the lab has no names outside the cluster."""


def manifest(site: Site) -> str:
    """Return every object as one list; to be applied once the API server answers."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*_rights(), *_program(site), _service(site)]})


def _rights() -> list[Object]:
    role = f"system:{NAME}"
    kind = "rbac.authorization.k8s.io"
    names = {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"]}
    slices = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"]}
    return [
        _object("v1", "ServiceAccount", NAME),
        {
            **_object(f"{kind}/v1", "ClusterRole", role),
            "rules": [{**one, "verbs": ["list", "watch"]} for one in (names, slices)],
        },
        {
            **_object(f"{kind}/v1", "ClusterRoleBinding", role),
            "roleRef": {"apiGroup": kind, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
        },
    ]


def _program(site: Site) -> list[Object]:
    template = {"metadata": {"labels": LABELS}, "spec": _pod()}
    spec = {"replicas": min(2, len(site.nodes)), "selector": {"matchLabels": LABELS}, "template": template}
    data = {"Corefile": COREFILE.format(domain=site.cluster.dns.domain)}
    return [
        {**_object("v1", "ConfigMap", NAME), "data": data},
        {**_object("apps/v1", "Deployment", NAME), "spec": spec},
    ]


def _service(site: Site) -> Object:
    ports = [{"name": f"dns-{kind}", "port": 53, "protocol": kind.upper()} for kind in ("udp", "tcp")]
    return {
        **_object("v1", "Service", "kube-dns"),
        "spec": {"clusterIP": str(site.dns), "selector": LABELS, "ports": ports},
    }


def _pod() -> Object:
    apart = {"labelSelector": {"matchLabels": LABELS}, "topologyKey": "kubernetes.io/hostname"}
    return {
        "serviceAccountName": NAME,
        "dnsPolicy": "Default",
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 1,
        "tolerations": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
        "containers": [_container()],
        "volumes": [
            {"name": "program", "hostPath": {"path": PROGRAM, "type": "File"}},
            {"name": "config", "configMap": {"name": NAME}},
        ],
    }


def _container() -> Object:
    """Return the container: CoreDNS lies on the node's disk, since no image of the lab's store has it."""
    return {
        "name": NAME,
        "image": image_names()["probe"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["/program", "-conf", "/config/Corefile"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1, "timeoutSeconds": 3},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "failureThreshold": 5, "timeoutSeconds": 5},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        },
        "volumeMounts": [
            {"name": "program", "mountPath": "/program", "readOnly": True},
            {"name": "config", "mountPath": "/config", "readOnly": True},
        ],
    }


def _object(version: str, kind: str, name: str) -> Object:
    cluster_wide = kind.startswith("ClusterRole")
    space = {} if cluster_wide else {"namespace": NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": LABELS, **space}}
