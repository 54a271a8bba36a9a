"""The Kubernetes API's account of the site: nodes, agents, pod networks, probe pods, Cilium's BGP status."""

from __future__ import annotations

import base64
import binascii
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from underlay.collect import release
from underlay.collect.cilium_objects import APPLIED, KINDS, SHOWN, applied, full, troubles
from underlay.collect.conditions import condition, is_true, is_young
from underlay.collect.digests import KEY
from underlay.failure import in_one_line
from underlay.judge.evidence import Front, NodeSession, Survey, Surveyed
from underlay.plan.bgp import PASSWORD_SECRET
from underlay.plan.chart.released import ExpectedRelease
from underlay.plan.ends import End, digest, node_ends
from underlay.plan.far_ends import RESPONDER_NAMESPACE
from underlay.plan.policies.intent import DNS_SELECTOR
from underlay.plan.values import NAMESPACE

SERVICE_NAME = f"kubernetes.io/service-name={RESPONDER_NAMESPACE}"
"""Label of the slices of the responders' service."""
OPERATORS = "io.cilium/app=operator"
LEAVING = 3.0
"""Seconds that Kubernetes may need to delete a CiliumNode after its Node."""
RESTARTING = timedelta(minutes=2)
"""How long an operator may take to begin anew: a busy node's takes a minute."""
SETTLING = timedelta(seconds=30)
"""How long a pod that comes or goes may be known to some and not to others."""
LISTS = {
    "nodes": "/api/v1/nodes",
    "agents": "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dcilium",
    "probes": "/api/v1/namespaces/{namespace}/pods",
    "networks": "/apis/cilium.io/v2/ciliumnodes",
    "sessions": "/apis/cilium.io/v2/ciliumbgpnodeconfigs",
    "clusters": "/apis/cilium.io/v2/ciliumbgpclusterconfigs",
    "peers": "/apis/cilium.io/v2/ciliumbgppeerconfigs",
    "advertisements": "/apis/cilium.io/v2/ciliumbgpadvertisements",
    "bgp_overrides": "/apis/cilium.io/v2/ciliumbgpnodeconfigoverrides",
    "pools": "/apis/cilium.io/v2/ciliumloadbalancerippools",
    "operators": f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={quote(OPERATORS)}",
    "secrets": f"/api/v1/namespaces/{NAMESPACE}/secrets?fieldSelector=metadata.name%3D{PASSWORD_SECRET}",
    "services": "/api/v1/namespaces/{namespace}/services",
    "slices": f"/apis/discovery.k8s.io/v1/namespaces/{{namespace}}/endpointslices?labelSelector={quote(SERVICE_NAME)}",
    "dns": f"/api/v1/namespaces/{NAMESPACE}/services?labelSelector={quote(DNS_SELECTOR)}",
    **release.LISTS,
}
"""The lists that are read."""
CILIUM = "/apis/cilium.io/"
OPTIONAL = ("secrets", "dns", "slices", "pools", "operators", *release.LISTS)
"""Lists that not every reader may see: without them less is compared, and nothing is wrong."""
ENDS = ("sessions", "peers", "advertisements")
"""Those that make a node's end of its sessions."""
Items = list[dict[str, Any]]
Fetch = Callable[[str], Items]


class Refused(Exception):
    """The API server answered one request with an error."""


def survey(
    kubeconfig: str, namespace: str, nodes: Iterable[str], seconds: float, planned: ExpectedRelease | None = None
) -> Survey:
    """Read everything within some seconds; a list that cannot be read is a sentence in `errors`."""
    lists: dict[str, Items] = {}
    errors: list[str] = []
    declared = [*nodes]
    try:
        with fetcher(kubeconfig, seconds) as fetch:
            for name, path in LISTS.items():
                try:
                    lists[name] = fetch(path.format(namespace=namespace))
                except Refused as error:
                    errors += [] if name in OPTIONAL else [f"{name}: {error}"]
            lists |= _again(lists, declared, fetch)
    except Exception as error:  # noqa: BLE001 - the client has many ways to refuse a kubeconfig or a connection
        errors.append(f"Kubernetes API: {in_one_line(error, SHOWN)}")
    found: dict[str, Surveyed] = {}
    ends, strange = configured(lists, errors), undeclared(lists, declared, errors)
    for name in declared:
        try:
            found[name] = surveyed(name, lists, ends.get(name))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            errors.append(f"{name}: {in_one_line(error, SHOWN)}")
    dns = tuple(str(one["spec"].get("clusterIP", "")) for one in lists["dns"]) if "dns" in lists else None
    return Survey(
        nodes=found,
        undeclared=strange,
        left=left(lists, strange),
        troubles=troubles(lists),
        full=full(lists),
        dns=dns,
        service=front(lists, errors),
        objects=applied(lists, errors),
        kinds=tuple(KINDS[name] for name in APPLIED if name in lists),
        operators=operators(lists),
        edited=release.edited(lists, declared),
        daemon=release.daemon(lists),
        revision=release.last(lists, planned),
        errors=tuple(errors),
    )


@contextlib.contextmanager
def fetcher(kubeconfig: str, seconds: float) -> Iterator[Fetch]:
    """Yield a function that returns the items of a list by its path; a list that is not there is an error here."""
    from underlay.collect.cluster_api import ClusterApi, Unanswered, Unreached  # slow to load

    with ClusterApi(kubeconfig, seconds) as api:

        def fetch(path: str) -> Items:
            try:
                found = api.get(path)
            except Unreached:
                raise
            except Unanswered as error:
                raise Refused(str(error)) from None
            if found is None:
                hint = "; the Cilium operator registers this kind, look at its log" if CILIUM in path else ""
                raise Refused(f"{path.partition('?')[0]}: not found{hint}")
            return list(found.get("items") or [])

        yield fetch


def configured(lists: Mapping[str, Items], errors: list[str]) -> dict[str, dict[str, End]]:
    """Return each node's ends of its sessions; nothing of any node where a kind of object could not be read."""
    if not {*ENDS} <= lists.keys():
        return {}
    objects = [{**one, "kind": KINDS[name]} for name in ENDS for one in lists[name]]
    try:
        found = node_ends(objects, _passwords(lists["secrets"]) if "secrets" in lists else None)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        errors.append(f"BGP objects: {in_one_line(error, SHOWN)}")
        return {}
    bare: dict[str, dict[str, End]] = {str(one["metadata"]["name"]): {} for one in lists["sessions"]}
    return bare | found


def _passwords(secrets: Items) -> dict[str, str]:
    """Return a digest of each Secret's password; one without is left out, as Cilium has none then."""
    found = {}
    for one in secrets:
        with contextlib.suppress(KeyError, binascii.Error, UnicodeDecodeError):
            text = base64.b64decode(one["data"]["password"], validate=True).decode()
            found[str(one["metadata"]["name"])] = digest(text, KEY)
    return found


def surveyed(name: str, lists: Mapping[str, Items], ends: Mapping[str, End] | None = None) -> Surveyed:
    """Return what the lists say of one node."""
    agents = [pod for pod in lists.get("agents", []) if _on(pod, name)]
    probes = [pod for pod in lists.get("probes", []) if _on(pod, name) and pod["status"].get("phase") == "Running"]
    return Surveyed(
        ready=any(is_true(node, "Ready") for node in _named(lists, "nodes", name)),
        pod_cidrs=_networks(lists, name),
        agent=agents[0]["metadata"]["name"] if agents else None,
        agent_ready=any(is_true(pod, "Ready") for pod in agents),
        probe=next((pod["status"]["podIP"] for pod in probes if pod["status"].get("podIP")), None),
        kubelet=next(map(_kubelet, _named(lists, "nodes", name)), None),
        sessions=_sessions(_named(lists, "sessions", name)),
        ends=ends,
    )


def undeclared(lists: Mapping[str, Items], declared: Iterable[str], errors: list[str]) -> dict[str, tuple[str, ...]]:
    """Return the cluster's other nodes that have pod networks: pods run there, and no router is told of them."""
    try:
        there = [*lists.get("nodes", ()), *lists.get("networks", ())]
        names = {str(node["metadata"]["name"]) for node in there} - {*declared}
        return {name: networks for name in sorted(names) if (networks := _networks(lists, name))}
    except (KeyError, TypeError, AttributeError) as error:
        errors.append(f"nodes: {in_one_line(error, SHOWN)}")
        return {}


def left(lists: Mapping[str, Items], names: Iterable[str]) -> tuple[str, ...]:
    """Return those of some nodes of which only the CiliumNode is there; none where the nodes could not be read."""
    return tuple(name for name in names if not _named(lists, "nodes", name)) if "nodes" in lists else ()


def _again(lists: Mapping[str, Items], declared: Iterable[str], fetch: Fetch) -> dict[str, Items]:
    """Read CiliumNodes and nodes again where one has just left or come: both are not written at once."""
    if left(lists, undeclared(lists, declared, [])):
        time.sleep(LEAVING)
        with contextlib.suppress(Refused):
            return {name: fetch(LISTS[name]) for name in ("networks", "nodes")}
    return {}


def _networks(lists: Mapping[str, Items], name: str) -> tuple[str, ...]:
    given = (node["spec"].get("ipam", {}).get("podCIDRs") or [] for node in _named(lists, "networks", name))
    return tuple(cidr for cidrs in given for cidr in cidrs)


def front(lists: Mapping[str, Items], errors: list[str]) -> Front | None:
    """Return the service in front of the responders; None where there is none with an address, or it is not shown."""
    try:
        for one in _named(lists, "services", RESPONDER_NAMESPACE):
            if address := one["spec"].get("clusterIP"):
                pods = tuple(_ready(lists["slices"])) if "slices" in lists else None
                return Front(address=address, pods=pods, changing=any(map(_changes, lists.get("probes", ()))))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        errors.append(f"service: {in_one_line(error, SHOWN)}")
    return None


def _changes(pod: dict[str, Any]) -> bool:
    """Tell whether a responder is going, or has become ready or unready just now."""
    return "deletionTimestamp" in pod["metadata"] or is_young(condition(pod, "Ready"), SETTLING)


def _ready(slices: Items) -> Iterator[str]:
    """Yield the addresses that are ready; a condition that is not said counts as ready, as Kubernetes has it."""
    for one in slices:
        for endpoint in one.get("endpoints") or []:
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                yield from endpoint["addresses"]


def operators(lists: Mapping[str, Items]) -> tuple[str, ...] | None:
    """Return the operators of Cilium's that are Ready, or begin anew just now; None where they could not be read."""
    if "operators" not in lists:
        return None
    marks = {pod["metadata"]["name"]: _at_work(pod) for pod in lists["operators"]}
    return tuple(f"{name}{mark}" for name, mark in marks.items() if mark is not None)


def _at_work(pod: dict[str, Any]) -> str | None:
    """Return what is to be said of an operator that works; None for one that does not."""
    return "" if is_true(pod, "Ready") else " (begins anew)" if _begins_anew(pod) else None


def _begins_anew(pod: dict[str, Any]) -> bool:
    """Tell whether an operator has had no time yet: one that loses its lease begins anew by itself, once."""
    status = pod.get("status", {})
    waiting = [one.get("state", {}).get("waiting") for one in status.get("containerStatuses") or []]
    young = is_young(condition(pod, "Ready"), RESTARTING)
    return status.get("phase") == "Running" and not any(waiting) and young


def _kubelet(node: Mapping[str, Any]) -> int | None:
    port = node["status"].get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port")
    return port if isinstance(port, int) and 0 < port < 65536 else None


def _sessions(configs: Items) -> tuple[NodeSession, ...] | None:
    """Return the sessions of a node: each peer that is specified, with the state that the agent last wrote."""
    if not configs:
        return None
    states = {peer.get("peerAddress"): peer for peer in _peers(configs, "status")}
    return tuple(
        NodeSession(
            address=peer.get("peerAddress", ""),
            asn=peer.get("peerASN"),
            state=str(states.get(peer.get("peerAddress"), {}).get("peeringState", "unknown")).lower(),
            age=_age(states.get(peer.get("peerAddress"), {}).get("establishedTime")),
        )
        for peer in _peers(configs, "spec")
    )


def _age(since: object) -> float | None:
    """Return the seconds since a time of the API; None where it says none."""
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(str(since))).total_seconds())
    except (ValueError, TypeError):
        return None


def _peers(configs: Items, part: str) -> Items:
    instances = [instance for config in configs for instance in config.get(part, {}).get("bgpInstances") or []]
    return [peer for instance in instances for peer in instance.get("peers") or []]


def _named(lists: Mapping[str, Items], kind: str, name: str) -> Items:
    return [item for item in lists.get(kind, []) if item["metadata"]["name"] == name]


def _on(pod: Mapping[str, Any], node: str) -> bool:
    return bool(pod["spec"].get("nodeName") == node and not pod["metadata"].get("deletionTimestamp"))
