"""Rendered or running Kubernetes objects of Cilium, read as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]
WORKLOADS = ("DaemonSet", "Deployment", "Job", "CronJob", "StatefulSet", "Pod")
CONFIG, AGENT = "cilium-config", "cilium"
"""Names of the agents' configuration and of their DaemonSet."""


def named(objects: Sequence[Object], kind: str, name: str) -> Object:
    """Return the object of a kind and name; an empty one when there is none."""
    found = (one for one in objects if one.get("kind") == kind and one.get("metadata", {}).get("name") == name)
    return next(found, {})


def configuration(objects: Sequence[Object]) -> Mapping[str, str]:
    """Return the agents' configuration by option."""
    return named(objects, "ConfigMap", CONFIG).get("data") or {}


def containers(objects: Sequence[Object]) -> Iterator[tuple[str, Object]]:
    """Yield each container, also one that only starts a pod, with the name of its workload before its own."""
    for one in objects:
        if one.get("kind") in WORKLOADS:
            spec = _pod(one)
            for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
                yield f"{one['kind']} {one['metadata']['name']}, {container['name']}", container


def _pod(one: Object) -> Object:
    spec = one.get("spec", {})
    if one["kind"] == "CronJob":
        spec = spec.get("jobTemplate", {}).get("spec", {})
    pod: Object = spec if one["kind"] == "Pod" else spec.get("template", {}).get("spec", {})
    return pod
