"""Wait until every node's BGP session is established and stays so, every responder pod and the DNS are ready."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from underlay.collect.cluster_api import ClusterApi, Unanswered
from underlay.collect.conditions import Object, condition, is_true
from underlay.commands.common import no_words, read_input, wait
from underlay.plan.policies.intent import DNS_SELECTOR
from underlay.plan.values import NAMESPACE

NODE_CONFIGS = "/apis/cilium.io/v2/ciliumbgpnodeconfigs"
SERVICES = f"/api/v1/namespaces/{NAMESPACE}/services"
SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
ESTABLISHED, CONFIRMING = "established", "open_confirm"
HOLD = 90
"""Seconds of hold time where the input names none: as long as a session can wait for the other end's confirmation."""
SETTLED = 5.0
"""Seconds that a session has to be seen so: its status lags behind a change that ends it, and routes follow it."""

Clock = Callable[[], float]


def main(argv: list[str]) -> int:
    """Read {"kubeconfig", "expected", "namespace", "seconds"} and perhaps "hold", wait, print what each session is."""
    no_words("wait-sessions", __doc__, argv)
    data = read_input("kubeconfig", "expected", "namespace", "seconds")
    watch = Watch(ClusterApi(data["kubeconfig"]), data)
    wait(watch.missing, float(data["seconds"]), "BGP sessions")
    print(json.dumps(watch.told))
    return 0


class Watch:
    """Sessions and responders over time."""

    def __init__(self, api: ClusterApi, data: dict[str, Any], clock: Clock = time.monotonic) -> None:
        """Begin with having seen nothing."""
        self._api, self._data, self._clock = api, data, clock
        self._seen: dict[tuple[str, str], tuple[object, float]] = {}
        self.told: dict[str, list[str]] = {}
        """Sessions that are established; those whose status is too old to be true, which the verification asks both
        ends of: Cilium may miss the last change of a session."""

    def missing(self) -> list[str]:
        """Return what is not there yet, as sentences."""
        try:
            return [*self._sessions(), *self._responders(), *self._names()]
        except Unanswered as error:
            return [str(error)]

    def _sessions(self) -> Iterator[str]:
        configs = {item["metadata"]["name"]: item for item in self._api.items(NODE_CONFIGS)}
        self.told = {ESTABLISHED: []}
        for one in self._data["expected"]:
            peer, problem = _peer(configs.get(one["node"]), one)
            state = problem or str(peer.get("peeringState") or "no state yet")
            seconds = self._unchanged((one["node"], one["address"]), (state, peer.get("establishedTime")))
            if (state == ESTABLISHED and seconds >= SETTLED) or self._cannot_be(state, seconds):
                kind = ESTABLISHED if state == ESTABLISHED else "status too old"
                self.told.setdefault(kind, []).append(f"{one['node']} - {one['peer']}")
            else:
                yield f"session of {one['node']} with {one['peer']} ({one['address']}, AS {one['asn']}): {state}"

    def _cannot_be(self, state: str, seconds: float) -> bool:
        """Tell whether a state has been told for longer than it can last: the hold time ends it either way."""
        return state == CONFIRMING and seconds > self._data.get("hold", HOLD) + SETTLED

    def _unchanged(self, session: tuple[str, str], seen: tuple[str, object]) -> float:
        """Return for how many seconds a session has been seen like this."""
        now = self._clock()
        before, since = self._seen.get(session, (None, now))
        self._seen[session] = (seen, since if before == seen else now)
        return now - self._seen[session][1]

    def _responders(self) -> Iterator[str]:
        space = self._data["namespace"]
        pods = self._api.items(f"/api/v1/namespaces/{space}/pods", labelSelector=f"app={space}")
        ready = {pod["spec"].get("nodeName") for pod in pods if is_true(pod, "Ready")}
        for node in sorted({one["node"] for one in self._data["expected"]} - ready):
            yield f"responder pod on {node}: not ready"

    def _names(self) -> Iterator[str]:
        """Wait for the cluster's DNS where there is one; that there is none is for the verification to say."""
        for service in self._api.items(SERVICES, labelSelector=DNS_SELECTOR):
            name = service["metadata"]["name"]
            slices = self._api.items(SLICES, labelSelector=f"kubernetes.io/service-name={name}")
            ends = [end for one in slices for end in one.get("endpoints") or []]
            if not any((end.get("conditions") or {}).get("ready") for end in ends):
                yield f"cluster's DNS: no pod behind {NAMESPACE}/{name} is ready"


def _peer(config: Object | None, wanted: dict[str, Any]) -> tuple[Object, str]:
    """Return what a node says of a peer, or why it says nothing."""
    if not config:
        return {}, "no CiliumBGPNodeConfig, so no CiliumBGPClusterConfig selects this node"
    instances = config.get("status", {}).get("bgpInstances") or []
    for peer in (peer for instance in instances for peer in instance.get("peers") or []):
        if peer.get("name") == wanted["peer"] and peer.get("peerAddress") == wanted["address"]:
            return peer, ""
    error = condition(config, "cilium.io/BGPReconcileError")
    return {}, f"not configured: {error.get('message', 'the agent has reported no peers')}"
