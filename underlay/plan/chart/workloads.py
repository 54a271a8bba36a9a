"""The release's workloads in short: what decides how their pods start, small enough for a state to keep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from underlay.plan.chart.objects import AGENT, Object, named

RESTART = "restarts all agents"
WATCHED: Mapping[str, str] = {
    f"DaemonSet {AGENT}": RESTART,
    "DaemonSet cilium-envoy": "restarts every Envoy",
    "Deployment cilium-operator": "restarts the operator",
}
"""Workloads by kind and name, with what a change of their pods does."""
VOLATILE = ("helm.sh/chart", "cilium.io/cilium-configmap-checksum", "app.kubernetes.io/version")
"""Marks that follow other changes and would only repeat them."""
TEMPLATE, IMAGE = "pod template", "image"
AROUND = (
    "updateStrategy",
    "strategy",
    "minReadySeconds",
    "replicas",
    "revisionHistoryLimit",
    "progressDeadlineSeconds",
)
"""Parts of a workload around its pods: nothing restarts for them."""
UNTOLD = ("env", "envFrom", "args", "command")
"""Parts whose words may be a secret: counted and compared, never told."""
LEFT_OUT = ("name", "imagePullPolicy", "terminationMessagePolicy", "terminationMessagePath")
"""Parts of a container that the digest of the pods alone holds."""
LONGEST = 80
"""Characters of a part that is told as it is; a longer one is counted, with a digest behind it."""
MARK = " #"
"""What stands before the digest."""
PLACES = 8
"""Hexadecimal digits of a digest: enough to tell two states apart."""

Summary = Mapping[str, Mapping[str, str]]
"""Workload, its parts, and what is told of each."""


def workloads(objects: Sequence[Object]) -> dict[str, dict[str, str]]:
    """Return the parts of each watched workload that is there."""
    found = {title: named(objects, *title.split(" ")) for title in WATCHED}
    return {title: dict(_parts(one["spec"])) for title, one in found.items() if one.get("spec")}


def told(text: str | None) -> str | None:
    """Return a part without its digest."""
    return None if text is None else text.partition(MARK)[0]


def _parts(spec: Object) -> Iterator[tuple[str, str]]:
    template = spec.get("template") or {}
    pod, metadata = template.get("spec") or {}, template.get("metadata") or {}
    yield TEMPLATE, f"another{MARK}{_digest(template)}"
    yield from _said({name: spec.get(name) for name in AROUND})
    yield from _said({name: _lasting(metadata.get(name)) for name in ("labels", "annotations")})
    yield from _said({name: value for name, value in pod.items() if name not in ("containers", "initContainers")})
    for one in (*(pod.get("initContainers") or ()), *(pod.get("containers") or ())):
        yield from _said({name: value for name, value in one.items() if name not in LEFT_OUT}, f"{one['name']}, ")


def _said(parts: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for name, value in parts.items():
        if value not in (None, "", [], {}):
            yield f"{place}{name}", _short(value, plain=name not in UNTOLD)


def _short(value: object, *, plain: bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
    if plain and MARK not in text and (isinstance(value, str) or len(text) <= LONGEST):
        return text
    count = len(value) if isinstance(value, list | Mapping) else 1
    return f"{count} {'entry' if count == 1 else 'entries'}{MARK}{_digest(value)}"


def _lasting(marks: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (marks or {}).items() if name not in VOLATILE}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:PLACES]
