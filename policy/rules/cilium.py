"""Which resources bring Cilium into a cluster, whoever wrote the stack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HELM = ("kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v4:Chart")
AGENTS = "kubernetes:apps/v1:DaemonSet"
OBJECTS = "kubernetes:cilium.io/"
CHART = re.compile(r"(^|/)cilium(-v?\d[^/]*)?/?$")


def brings_cilium(kind: str, props: Mapping[str, Any]) -> bool:
    """Tell whether a resource is Cilium, a release of it, or one of its objects."""
    if kind in HELM:
        return _is_chart(props)
    if kind == AGENTS:
        metadata = props.get("metadata") or {}
        return "cilium" in (metadata.get("name"), (metadata.get("labels") or {}).get("k8s-app"))
    return kind.startswith(OBJECTS)


def _is_chart(props: Mapping[str, Any]) -> bool:
    options = props.get("repositoryOpts") or {}
    chart, repository = str(props.get("chart") or ""), str(options.get("repo") or "")
    return bool(CHART.search(chart)) or "cilium" in repository or props.get("name") == "cilium"
