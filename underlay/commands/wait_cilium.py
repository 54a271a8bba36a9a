"""Wait until every node runs an agent of the current release and its programs: Helm's own wait is content with less."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from underlay.collect.agent_programs import CONTAINER, Programs
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
SHOWN = 3
"""Endpoints without programs that a message names."""
AT_ONCE = 8
"""Agents that are asked at a time."""


def main(argv: list[str]) -> int:
    """Read {"kubeconfig", "nodes", "crds", "version", "seconds"}, wait, print the agent pod of each node."""
    no_words("wait-cilium", __doc__, argv)
    data = read_input("kubeconfig", "nodes", "crds", "version", "seconds")
    api = ClusterApi(data["kubeconfig"])
    wait(Watch(api, data).missing, float(data["seconds"]), "Cilium")
    print(json.dumps({"agents": agents(api)}, sort_keys=True))
    return 0


def agents(api: ClusterApi) -> dict[str, str]:
    """Return the agent pod of each node."""
    pods = api.items(f"{SYSTEM}/pods", labelSelector=AGENTS)
    return {pod["spec"].get("nodeName", ""): pod["metadata"]["name"] for pod in pods}


class Watch:
    """Agents over time, and everything else that a release consists of."""

    def __init__(self, api: ClusterApi, data: dict[str, Any]) -> None:
        """Begin with having seen nothing."""
        self._api, self._data = api, data
        self._programs: defaultdict[str, Programs] = defaultdict(Programs)

    def missing(self) -> list[str]:
        """Return what is not there yet, as sentences."""
        api, data = self._api, self._data
        try:
            return [*self._agents(), *_nodes(api, data["nodes"]), *_operator(api), *_crds(api, data["crds"])]
        except Unanswered as error:
            return [str(error)]

    def _agents(self) -> Iterator[str]:
        daemons = self._api.get(f"{APPS}/daemonsets/cilium")
        if not daemons:
            yield "DaemonSet kube-system/cilium"
            return
        if daemons.get("status", {}).get("observedGeneration") != daemons["metadata"].get("generation"):
            yield "DaemonSet kube-system/cilium: its controller has not seen the last change"
            return
        wanted, nodes = _revision(self._api), self._data["nodes"]
        pods = {pod["spec"].get("nodeName"): pod for pod in self._api.items(f"{SYSTEM}/pods", labelSelector=AGENTS)}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            problems = pool.map(lambda node: self._agent(pods.get(node), wanted), nodes)
            yield from (f"agent on {node}: {told}" for node, told in zip(nodes, problems, strict=True) if told)

    def _agent(self, pod: Object | None, wanted: str) -> str:
        if not pod:
            return "no pod"
        name = pod["metadata"]["name"]
        if pod["metadata"].get("labels", {}).get(HASH) != wanted:
            return f"{name} is of a former revision"
        images = [container["image"] for container in pod["spec"]["containers"] if container["name"] == CONTAINER]
        if not any(image.partition("@")[0].endswith(f":v{self._data['version']}") for image in images):
            return f"{name} runs {', '.join(images)}, expected v{self._data['version']}"
        return self._unloaded(pod) if is_true(pod, "Ready") else f"{name} is not ready: {_reason(self._api, pod)}"

    def _unloaded(self, pod: Object) -> str:
        """Return which programs a ready agent has still to load; only a container that began anew is asked again."""
        name, status = pod["metadata"]["name"], pod.get("status", {})
        began = {one.get("containerID", "") for one in status.get("containerStatuses", []) if one["name"] == CONTAINER}
        try:
            left = self._programs[f"{name} {began}"].missing(self._api, f"{SYSTEM}/pods/{name}")
        except Unanswered as error:
            return f"{name} does not say which programs it has loaded: {error}"
        more = f" and {len(left) - SHOWN} more" if len(left) > SHOWN else ""
        where = f"{', '.join(left[:SHOWN])}{more}"
        return f"{name} has not loaded its programs for {where}: {_last_line(self._api, name)}" if left else ""


def _revision(api: ClusterApi) -> str:
    revisions = api.items(f"{APPS}/controllerrevisions", labelSelector=AGENTS)
    newest: Object = max(revisions, key=lambda item: item["revision"], default={})
    return str(newest.get("metadata", {}).get("labels", {}).get(HASH, ""))


def _reason(api: ClusterApi, pod: Object) -> str:
    """Return why a pod is not ready: a container's wait, the agent's last line, or the kubelet's warning."""
    status = pod.get("status", {})
    states = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for state in states:
        waiting = state.get("state", {}).get("waiting", {})
        if waiting.get("reason") not in (None, "PodInitializing"):
            return f"{state['name']}: {waiting['reason']} {waiting.get('message', '')}".strip()
    name = pod["metadata"]["name"]
    warnings = api.items(f"{SYSTEM}/events", fieldSelector=f"involvedObject.name={name},type=Warning")
    return (
        _last_line(api, name)
        or (warnings or [{}])[-1].get("message")
        or condition(pod, "Ready").get("message", "")
        or status.get("phase", "unknown")
    )


def _last_line(api: ClusterApi, name: str) -> str:
    return api.text(f"{SYSTEM}/pods/{name}/log", container=CONTAINER, tailLines="1").strip()[-LOG_LENGTH:]


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
