"""Wait until every node runs a ready agent of the current release: Helm's own wait is content with fewer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from underlay.collect.cluster_api import ClusterApi, Unanswered
from underlay.collect.conditions import Object, condition, is_true
from underlay.commands.common import no_words, read_input, wait

SYSTEM = "/api/v1/namespaces/kube-system"
APPS = "/apis/apps/v1/namespaces/kube-system"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
AGENTS = "k8s-app=cilium"
HASH = "controller-revision-hash"
LOG_LENGTH = 160
"""Characters of an agent's last line that fit into a message; its end says what it waits for."""


def main(argv: list[str]) -> int:
    """Read {"kubeconfig", "nodes", "crds", "version", "seconds"}, wait, print the agent pod of each node."""
    no_words("wait-cilium", __doc__, argv)
    data = read_input("kubeconfig", "nodes", "crds", "version", "seconds")
    api = ClusterApi(data["kubeconfig"])
    wait(lambda: missing(api, data), float(data["seconds"]), "Cilium")
    print(json.dumps({"agents": agents(api)}, sort_keys=True))
    return 0


def missing(api: ClusterApi, data: dict[str, Any]) -> list[str]:
    """Return what is not there yet, as sentences."""
    try:
        return [*_agents(api, data), *_nodes(api, data["nodes"]), *_operator(api), *_crds(api, data["crds"])]
    except Unanswered as error:
        return [str(error)]


def agents(api: ClusterApi) -> dict[str, str]:
    """Return the agent pod of each node."""
    pods = api.items(f"{SYSTEM}/pods", labelSelector=AGENTS)
    return {pod["spec"].get("nodeName", ""): pod["metadata"]["name"] for pod in pods}


def _agents(api: ClusterApi, data: dict[str, Any]) -> Iterator[str]:
    daemons = api.get(f"{APPS}/daemonsets/cilium")
    if not daemons:
        yield "DaemonSet kube-system/cilium"
        return
    if daemons.get("status", {}).get("observedGeneration") != daemons["metadata"].get("generation"):
        yield "DaemonSet kube-system/cilium: its controller has not seen the last change"
        return
    wanted = _revision(api)
    pods = {pod["spec"].get("nodeName"): pod for pod in api.items(f"{SYSTEM}/pods", labelSelector=AGENTS)}
    for node in data["nodes"]:
        if problem := _agent(api, pods.get(node), wanted, data["version"]):
            yield f"agent on {node}: {problem}"


def _revision(api: ClusterApi) -> str:
    revisions = api.items(f"{APPS}/controllerrevisions", labelSelector=AGENTS)
    newest: Object = max(revisions, key=lambda item: item["revision"], default={})
    return str(newest.get("metadata", {}).get("labels", {}).get(HASH, ""))


def _agent(api: ClusterApi, pod: Object | None, wanted: str, version: str) -> str:
    if not pod:
        return "no pod"
    name = pod["metadata"]["name"]
    if pod["metadata"].get("labels", {}).get(HASH) != wanted:
        return f"{name} is of a former revision"
    images = [container["image"] for container in pod["spec"]["containers"] if container["name"] == "cilium-agent"]
    if not any(image.partition("@")[0].endswith(f":v{version}") for image in images):
        return f"{name} runs {', '.join(images)}, expected v{version}"
    return "" if is_true(pod, "Ready") else f"{name} is not ready: {_reason(api, pod)}"


def _reason(api: ClusterApi, pod: Object) -> str:
    """Return why a pod is not ready: a container's wait, the agent's last line, or the kubelet's warning."""
    status = pod.get("status", {})
    states = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for state in states:
        waiting = state.get("state", {}).get("waiting", {})
        if waiting.get("reason") not in (None, "PodInitializing"):
            return f"{state['name']}: {waiting['reason']} {waiting.get('message', '')}".strip()
    name = pod["metadata"]["name"]
    log = api.text(f"{SYSTEM}/pods/{name}/log", container="cilium-agent", tailLines="1")
    warnings = api.items(f"{SYSTEM}/events", fieldSelector=f"involvedObject.name={name},type=Warning")
    return (
        log.strip()[-LOG_LENGTH:]
        or (warnings or [{}])[-1].get("message")
        or condition(pod, "Ready").get("message", "")
        or status.get("phase", "unknown")
    )


def _nodes(api: ClusterApi, names: list[str]) -> Iterator[str]:
    nodes = {node["metadata"]["name"]: node for node in api.items("/api/v1/nodes")}
    for name in names:
        if name not in nodes:
            yield f"node {name}: not registered"
        elif not is_true(nodes[name], "Ready"):
            yield f"node {name}: not Ready: {condition(nodes[name], 'Ready').get('message', 'no condition')}"


def _operator(api: ClusterApi) -> Iterator[str]:
    operator = api.get(f"{APPS}/deployments/cilium-operator")
    if not operator:
        yield "Deployment kube-system/cilium-operator"
    elif not is_true(operator, "Available"):
        reason = condition(operator, "Available").get("message", "not available")
        yield f"Deployment kube-system/cilium-operator: {reason}"


def _crds(api: ClusterApi, names: list[str]) -> Iterator[str]:
    for name in names:
        if not is_true(api.get(f"{CRD}/{name}") or {}, "Established"):
            yield f"CRD {name}: not established"
