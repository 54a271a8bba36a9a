"""Which programs an agent has loaded by itself: one that restarts is ready while its predecessor's still forward."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from underlay.collect.cluster_api import ClusterApi, Unanswered

CONTAINER = "cilium-agent"
COMMAND = ("cilium-dbg", "endpoint", "list", "-o", "json")
LENGTH = 100
"""Characters of an answer that is none, in a message."""
HOST_IDENTITY = 1
HOST = "the host"
"""The endpoint whose programs stand at the uplinks."""


class Programs:
    """What one agent has still to load, over time: pods that come later are given its own programs anyway."""

    def __init__(self) -> None:
        """Begin with having asked nothing."""
        self._left: frozenset[str] | None = None

    def missing(self, api: ClusterApi, pod: str) -> list[str]:
        """Return the endpoints without programs of this agent, of those that it had when it was first asked."""
        if self._left == frozenset():
            return []
        endpoints = _endpoints(api.run(pod, CONTAINER, *COMMAND))
        bare = frozenset(_bare(endpoints))
        if not any(_is_host(one) for one in endpoints):
            return sorted({*bare, HOST})
        self._left = bare if self._left is None else self._left & bare
        return sorted(self._left)


def _endpoints(text: str) -> list[dict[str, Any]]:
    try:
        return json.loads(text) or []
    except ValueError:
        raise Unanswered(f"`{' '.join(COMMAND)}` prints no JSON: {' '.join(text.split())[:LENGTH]}") from None


def _bare(endpoints: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what has no policy yet: an agent writes the revision down once an endpoint's programs are loaded."""
    for one in endpoints:
        policy = one.get("status", {}).get("policy") or {}
        if not (policy.get("realized") or {}).get("policy-revision"):
            yield HOST if _is_host(one) else _name(one)


def _is_host(endpoint: dict[str, Any]) -> bool:
    return bool((endpoint.get("status", {}).get("identity") or {}).get("id") == HOST_IDENTITY)


def _name(endpoint: dict[str, Any]) -> str:
    """Return a pod's name, or its address: an agent that begins anew learns the names later."""
    status = endpoint.get("status", {})
    told = status.get("external-identifiers") or {}
    pod = "/".join(told[key] for key in ("k8s-namespace", "k8s-pod-name") if told.get(key))
    addresses = (status.get("networking") or {}).get("addressing") or []
    return pod or next((one["ipv4"] for one in addresses if one.get("ipv4")), f"endpoint {endpoint.get('id')}")
