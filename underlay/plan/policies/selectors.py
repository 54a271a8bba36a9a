"""The ends of rules in the words of Kubernetes and of Cilium."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from underlay.model.policies import Http, Ports, Workload

Object = dict[str, Any]

NAMESPACE_LABEL = "k8s:io.kubernetes.pod.namespace"
NAMESPACE_NAME = "kubernetes.io/metadata.name"


def endpoint(pods: Workload) -> Object:
    """Return Cilium's selector of a workload in whatever namespace."""
    return {"matchLabels": {**pods.labels, NAMESPACE_LABEL: pods.namespace}}


def any_endpoint() -> Object:
    """Return Cilium's selector of every pod of every namespace."""
    return {"matchExpressions": [{"key": NAMESPACE_LABEL, "operator": "Exists"}]}


def peer(pods: Workload | None) -> Object:
    """Return Kubernetes' selector of a workload in whatever namespace; None: of every pod."""
    if pods is None:
        return {"namespaceSelector": {}}
    space = {"matchLabels": {NAMESPACE_NAME: pods.namespace}}
    return {"namespaceSelector": space, "podSelector": {"matchLabels": dict(pods.labels)}}


def plain_ports(ports: Iterable[Ports]) -> list[Object]:
    """Return ports as Kubernetes takes them."""
    return [{"protocol": one.protocol, "port": one.port, **_last(one)} for one in ports]


def to_ports(ports: Iterable[Ports], http: Iterable[Http] = ()) -> list[Object]:
    """Return ports as Cilium takes them, with the requests that pass."""
    listed = [{"port": str(one.port), "protocol": one.protocol, **_last(one)} for one in ports]
    requests = [one.model_dump(exclude_none=True) for one in http]
    return [{"ports": listed, **({"rules": {"http": requests}} if requests else {})}]


def name(pattern: str) -> Object:
    """Return a DNS name, or a pattern of such names, as Cilium takes it."""
    return {"matchPattern" if "*" in pattern else "matchName": pattern}


def _last(ports: Ports) -> Object:
    return {} if ports.last is None or ports.last == ports.port else {"endPort": ports.last}
