"""Which resources bring Cilium into a cluster, whoever wrote the stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HELM = ("kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v4:Chart")
AGENTS = "kubernetes:apps/v1:DaemonSet"
NAMES = {"DaemonSet": "cilium", "ConfigMap": "cilium-config"}
"""What a manifest of Cilium brings, by kind; a patch of it brings it too."""
OBJECTS = "kubernetes:cilium.io/"
CHART = re.compile(r"cilium(?![a-z])", re.IGNORECASE)
"""How the last part of a chart's reference begins: a name, a folder, an archive, a tag or digest behind it."""


def brings_cilium(kind: str, props: Mapping[str, Any]) -> bool:
    """Tell whether a resource is Cilium, a release of it, or one of its objects."""
    if kind.startswith("kubernetes:helm.sh/"):
        return _is_chart(props)
    name = NAMES.get(kind.rpartition(":")[2].removesuffix("Patch"))
    if name and kind.startswith("kubernetes:"):
        metadata = props.get("metadata") or {}
        return metadata.get("name") == name or (metadata.get("labels") or {}).get("k8s-app") == "cilium"
    return kind.startswith(OBJECTS)


def _is_chart(props: Mapping[str, Any]) -> bool:
    options = props.get("repositoryOpts") or {}
    chart, repository = str(props.get("chart") or ""), str(options.get("repo") or "")
    last = re.split(r"[?#]", chart)[0].rstrip("/").rpartition("/")[2]
    return bool(CHART.match(last)) or "cilium" in repository or props.get("name") == "cilium"
