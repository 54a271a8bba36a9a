"""Which resources bring Cilium into a cluster, whoever wrote the stack and by whatever way."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from ..marks import known_texts, texts

Props = Mapping[str, Any]

HELM = ("kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v4:Chart")
AGENTS = "kubernetes:apps/v1:DaemonSet"
CONFIG = "kubernetes:core/v1:ConfigMap"
WORKLOADS = ("DaemonSet", "Deployment", "StatefulSet", "ReplicaSet", "Pod", "Job", "CronJob")
NAMES = {"DaemonSet": "cilium", "ConfigMap": "cilium-config"}
"""What a manifest of Cilium brings, by kind; a patch of it brings it too."""
KEYS = (
    "routing-mode",
    "tunnel-protocol",
    "cluster-pool-ipv4-cidr",
    "ipv4-native-routing-cidr",
    "identity-allocation-mode",
)
"""Two of these make a ConfigMap one of Cilium's, whatever it is called."""
OBJECTS = re.compile(r"kubernetes:cilium\.io/")
CHART = re.compile(r"(rke2-)?cilium(?![a-z])", re.IGNORECASE)
"""How the last part of a chart's reference begins: a name, a folder, an archive, a tag or digest behind it."""
VALUES = {
    "routingMode",
    "tunnelProtocol",
    "ipv4NativeRoutingCIDR",
    "kubeProxyReplacement",
    "autoDirectNodeRoutes",
    "bgpControlPlane",
}
"""Two of these make a release one of Cilium's chart; one below `cilium` makes it a chart that holds Cilium's."""
OTHERS = re.compile(r"(tetragon|certgen)\b", re.IGNORECASE)
"""Charts from Cilium's repository that are no network plug-in."""
IMAGE = re.compile(r"(^|/)cilium(-ci|-dev)?(:|@|$)")
"""The agent's image, in whatever registry."""
IN_COMMAND = re.compile(
    r"\bcilium(-cli)?\s+(-\S+(\s+(?!(install|upgrade)\b)[^-\s;|&]\S*)?\s+)*(install|upgrade)\b"
    r"|\bhelm3?\s[^\n;|&]*\b(install|upgrade|template)\b[^\n;|&]*\bcilium\b"
    r"|\bkubectl\s[^\n;|&]*\b(apply|create|replace)\b[^\n;|&]*\bcilium\b"
    r"|\b(curl|wget|cat)\s[^\n;|&]*\bcilium\b[^\n;&]*\|\s*(\w+\s+)?kubectl\s[^\n;|&]*\b(apply|create|replace)\b"
)
CONTINUED = re.compile(r"\\\r?\n")
"""The end of a line that goes on in the next one."""
IN_MANIFEST = re.compile(
    r"""\bimage["']?\s*:\s*["']?\S*\bcilium/cilium(-ci|-dev)?[:@"'\s]|\bname["']?\s*:\s*["']?cilium-config\b"""
)
"""What Cilium's manifests hold, on a command's standard input."""
IN_FILE = re.compile(r"""(^|[^\w])NETWORK_PROVIDER[\\"']*\s*[:=]\s*[\\"']*cilium\b""", re.IGNORECASE)
"""The key of the vendor's cluster file by which its installer brings Cilium, in YAML, JSON or a shell's words."""
COMMANDS = ("command:local:", "command:remote:")

APPLICATION = ("spec.source.chart", "spec.source.path", "spec.sources")
"""Where an application of Argo names a chart; a set of applications has a template of one."""
DELIVERED: dict[str, tuple[str, ...]] = {
    "helm.toolkit.fluxcd.io": ("spec.chart.spec.chart", "spec.chartRef.name"),
    "argoproj.io": (*APPLICATION, *(f"spec.template.{path}" for path in APPLICATION)),
    "helm.cattle.io": ("spec.chart", "spec.chartContent"),
    "addons.cluster.x-k8s.io": ("spec.chartName",),
}
"""Objects by which another controller installs a chart, and where they name it."""


def brings_cilium(kind: str, props: Props) -> bool:
    """Tell whether a resource is Cilium, a release of it, one of its objects, or a command that installs it."""
    return any(looks_like(kind, props) for looks_like in _WAYS)


def is_chart(kind: str, props: Props) -> bool:
    """Tell whether a resource is a release of Cilium's chart, or of one that holds it."""
    if not kind.startswith("kubernetes:helm.sh/"):
        return False
    return _is_named(props) or chart_values(props) is not None


def chart_values(props: Props) -> Props | None:
    """Return what a release tells Cilium's chart; None where it tells that chart nothing."""
    with contextlib.suppress(UnknownValueError):  # whose chart it is, its name has to tell then
        values = props.get("values") or {}
        within = values.get("cilium")
        if isinstance(within, Mapping) and {*within} & VALUES:
            return within
        if _is_named(props) or len({*values} & VALUES) > 1:
            return values
    return (props.get("values") or {}) if _is_named(props) else None


def _is_named(props: Props) -> bool:
    options = props.get("repositoryOpts") or {}
    chart, repository = str(props.get("chart") or ""), str(options.get("repo") or "")
    if OTHERS.match(_last(chart)):
        return False
    return bool(CHART.match(_last(chart))) or "cilium" in repository or props.get("name") == "cilium"


def is_config(kind: str, props: Props) -> bool:
    """Tell whether a resource is the ConfigMap that Cilium's agents read, or a patch of it."""
    if kind.removesuffix("Patch") != CONFIG:
        return False
    metadata, data = props.get("metadata") or {}, props.get("data") or {}
    return metadata.get("name") == NAMES["ConfigMap"] or sum(key in data for key in KEYS) > 1


def cluster_file(kind: str, props: Props) -> str:
    """Return the text in which a resource carries keys of the vendor's cluster file; empty where there is none."""
    carries = kind.startswith(COMMANDS) or kind.startswith(CONFIG)
    found = (text for text in _with_keys(props) if IN_FILE.search(text)) if carries else iter(())
    return next(found, "")


def containers(kind: str, props: Props) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each container of a workload with its place; `kind` is the resource's type."""
    name = kind.rpartition(":")[2].removesuffix("Patch")
    if not kind.startswith("kubernetes:") or name not in WORKLOADS:
        return
    spec = props.get("spec") or {}
    if name == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    pod = spec if name == "Pod" else (spec.get("template") or {}).get("spec") or {}
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(pod.get(group) or []):
            yield f"{group}.{index}", container


def at(props: object, path: str) -> object:
    """Return the value below a path of keys, also where a chart's value is written with dots; None where none is."""
    if not isinstance(props, Mapping):
        return None
    if path in props:
        return props[path]
    first, _, rest = path.partition(".")
    return at(props.get(first), rest) if rest else None


def _last(reference: str) -> str:
    return re.split(r"[?#]", reference)[0].rstrip("/").rpartition("/")[2]


def _is_manifest(kind: str, props: Props) -> bool:
    name = NAMES.get(kind.rpartition(":")[2].removesuffix("Patch"))
    if not name or not kind.startswith("kubernetes:"):
        return False
    metadata = props.get("metadata") or {}
    return metadata.get("name") == name or (metadata.get("labels") or {}).get("k8s-app") == "cilium"


def _runs_the_agent(kind: str, props: Props) -> bool:
    return any(IMAGE.search(str(container.get("image") or "")) for _, container in containers(kind, props))


def _is_object(kind: str, props: Props) -> bool:
    if OBJECTS.match(kind):
        return True
    name = str((props.get("metadata") or {}).get("name") or "") if "CustomResourceDefinition" in kind else ""
    return name.endswith(".cilium.io")


def _is_delivered(kind: str, props: Props) -> bool:
    group = kind.partition(":")[2].partition("/")[0]
    named = (at(props, path) for path in DELIVERED.get(group, ()))
    return any(CHART.match(_last(text)) for value in named for _, text in texts(value or ""))


def _is_installed(kind: str, props: Props) -> bool:
    if not kind.startswith(COMMANDS):
        return False
    written = [CONTINUED.sub(" ", str(props.get(key) or "")) for key in ("create", "update")]
    said = any(IN_COMMAND.search(text) for text in written) or bool(cluster_file(kind, props))
    return said or any(path[-1] == "stdin" and IN_MANIFEST.search(text) for path, text in known_texts(props))


def _is_in_a_file(kind: str, props: Props) -> bool:
    return kind.startswith(CONFIG) and bool(cluster_file(kind, props))


def _with_keys(props: Props) -> Iterator[str]:
    """Yield each text of a resource that is known already, alone and as a line with its key."""
    for path, text in known_texts(props):
        yield text
        yield f"{path[-1]}: {text}"


_WAYS: tuple[Callable[[str, Props], bool], ...] = (
    is_chart,
    is_config,
    _is_manifest,
    _runs_the_agent,
    _is_object,
    _is_delivered,
    _is_installed,
    _is_in_a_file,
)
