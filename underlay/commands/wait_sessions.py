"""Wait until every node's BGP session is established and every responder pod is ready."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from underlay.commands.cluster_api import ClusterApi, Object, Unanswered, condition, is_true
from underlay.commands.common import read_input, wait

NODE_CONFIGS = "/apis/cilium.io/v2/ciliumbgpnodeconfigs"


def main(_argv: list[str]) -> int:
    """Read {"kubeconfig", "expected", "namespace", "seconds"}, wait, print the state of each session."""
    data = read_input()
    api = ClusterApi(data["kubeconfig"])
    wait(lambda: missing(api, data), float(data["seconds"]), "BGP sessions")
    print(json.dumps({"established": [f"{one['node']} - {one['peer']}" for one in data["expected"]]}))
    return 0


def missing(api: ClusterApi, data: dict[str, Any]) -> list[str]:
    """Return what is not there yet, as sentences."""
    try:
        return [*_sessions(api, data["expected"]), *_responders(api, data)]
    except Unanswered as error:
        return [str(error)]


def _sessions(api: ClusterApi, expected: list[dict[str, Any]]) -> Iterator[str]:
    configs = {item["metadata"]["name"]: item for item in api.items(NODE_CONFIGS)}
    for one in expected:
        state = _state(configs.get(one["node"]), one)
        if state != "established":
            yield f"session of {one['node']} with {one['peer']} ({one['address']}, AS {one['asn']}): {state}"


def _state(config: Object | None, wanted: dict[str, Any]) -> str:
    if not config:
        return "no CiliumBGPNodeConfig, so no CiliumBGPClusterConfig selects this node"
    instances = config.get("status", {}).get("bgpInstances") or []
    peers = [peer for instance in instances for peer in instance.get("peers") or []]
    for peer in peers:
        if peer.get("name") == wanted["peer"] and peer.get("peerAddress") == wanted["address"]:
            return str(peer.get("peeringState") or "no state yet")
    error = condition(config, "cilium.io/BGPReconcileError")
    return f"not configured: {error.get('message', 'the agent has reported no peers')}"


def _responders(api: ClusterApi, data: dict[str, Any]) -> Iterator[str]:
    namespace = data["namespace"]
    pods = api.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"app={namespace}")
    ready = {pod["spec"].get("nodeName") for pod in pods if is_true(pod, "Ready")}
    for node in sorted({one["node"] for one in data["expected"]} - ready):
        yield f"responder pod on {node}: not ready"
