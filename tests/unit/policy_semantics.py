"""What Kubernetes and Cilium make of policy objects, written a second time and without a word of the intent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Object = Mapping[str, Any]
NAMESPACE = "k8s:io.kubernetes.pod.namespace"


class Pod(NamedTuple):
    """A pod as policies see it."""

    namespace: str
    labels: Mapping[str, str]

    @property
    def seen(self) -> dict[str, str]:
        return {**self.labels, NAMESPACE: self.namespace}


def probes(port: str) -> list[tuple[str, int]]:
    """Return the ports by which a cell of the matrix is tried: the first and the last, and one between them."""
    protocol, _, told = port.partition("/")
    first, _, last = told.partition("-")
    ends = int(first), int(last or first)
    return [(protocol, number) for number in sorted({*ends, sum(ends) // 2})]


def passes(objects: Sequence[Object], source: Pod, target: Pod, protocol: str, port: int) -> str:
    """Return `allowed`, `partly` (only some requests) or `denied` for a connection."""
    leaving = _side(objects, "egress", source, target, protocol, port)
    arriving = _side(objects, "ingress", target, source, protocol, port)
    found = {leaving, arriving}
    return "denied" if "denied" in found else "partly" if "partly" in found else "allowed"


def _side(objects: Sequence[Object], side: str, own: Pod, other: Pod, protocol: str, port: int) -> str:
    closing, verdicts = False, set()
    for item in objects:
        if not _selects(item, own) or side not in item["spec"]:
            continue
        closing = True
        for entry in item["spec"][side]:
            verdicts.add(_entry(entry, other, protocol, port, kubernetes=item["kind"] == "NetworkPolicy"))
    if not closing or "allowed" in verdicts:
        return "allowed"
    return "partly" if "partly" in verdicts else "denied"


def _selects(item: Object, pod: Pod) -> bool:
    spec, space = item["spec"], item["metadata"].get("namespace")
    if space is not None and space != pod.namespace:
        return False
    if item["kind"] == "NetworkPolicy":
        return _matches(spec["podSelector"], pod.labels)
    return "endpointSelector" in spec and _matches(spec["endpointSelector"], pod.seen)


def _matches(selector: Object, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    known = all(labels.get(key) == value for key, value in wanted.items())
    return known and all(_expression(one, labels) for one in selector.get("matchExpressions", ()))


def _expression(one: Object, labels: Mapping[str, str]) -> bool:
    if one["operator"] == "Exists":
        return one["key"] in labels
    assert one["operator"] == "In"
    return labels.get(one["key"]) in one["values"]


def _entry(entry: Object, other: Pod, protocol: str, port: int, *, kubernetes: bool) -> str:
    if kubernetes:
        peers = entry.get("from", entry.get("to", ()))
        return "allowed" if any(_peer(one, other) for one in peers) and _plain(entry, protocol, port) else "denied"
    peers = entry.get("fromEndpoints", entry.get("toEndpoints", ()))
    if not any(_matches(one, other.seen) for one in peers):
        return "denied"
    verdicts = set(_ports(entry["toPorts"], protocol, port))
    return "allowed" if "allowed" in verdicts else "partly" if "partly" in verdicts else "denied"


def _peer(one: Object, other: Pod) -> bool:
    if "ipBlock" in one:
        return False
    space = {"kubernetes.io/metadata.name": other.namespace}
    return _matches(one["namespaceSelector"], space) and _matches(one.get("podSelector", {}), other.labels)


def _plain(entry: Object, protocol: str, port: int) -> bool:
    return any(
        one["protocol"] == protocol and one["port"] <= port <= one.get("endPort", one["port"]) for one in entry["ports"]
    )


def _ports(blocks: Sequence[Object], protocol: str, port: int) -> Iterator[str]:
    for block in blocks:
        for one in block["ports"]:
            if one["protocol"] == protocol and int(one["port"]) <= port <= one.get("endPort", int(one["port"])):
                yield "partly" if "http" in block.get("rules", {}) else "allowed"
