"""The evidence of a healthy dev site as plain data, so that a test changes just what its fault changes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Verdict
from underlay.model import Site, load_site
from underlay.plan.bgp import objects
from underlay.plan.ends import Read, declared_ends
from underlay.plan.verification import (
    SECONDS,
    Expected,
    ExpectedNode,
    expectations,
    verification_facts,
    with_secrets,
)

NETWORKS = {name: f"10.244.{number}.0/24" for number, name in enumerate(("cp-1", "worker-1", "worker-2", "worker-3"))}
PODS = {name: network.replace("0/24", "10") for name, network in NETWORKS.items()}
NAME = "kubernetes.default.svc.cluster.local"
SERVICE, KUBELET = "10.96.7.7", 10250
"""Address of the service in front of all probe pods, and the port of each node's kubelet."""
REVISION = {"number": 1, "at": "2026-01-02T03:00:00Z", "by": ["pulumi-resource-kubernetes"]}
"""Helm's last revision, as planned."""
HOST, POD = 100, 200
"""Inodes of network namespaces: plus the node's number."""
UPLINK, LXC = 3, 9
PROTOCOLS = {1: 4, 6: 20, 17: 1}
"""Packets of a healthy exchange by protocol."""


@cache
def site() -> Site:
    """Return the dev site."""
    content = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.dev.yaml").read_text())
    return load_site(content["config"]["cilium-underlay:site"])


@cache
def expected() -> Expected:
    """Return what the dev site expects."""
    return expectations(site())


@cache
def ends() -> Read:
    """Return both ends of the dev site's sessions as their configurations have them."""
    return declared_ends(site())


def planned(name: str) -> ExpectedNode:
    """Return what is expected of a node."""
    return next(node for node in expected().nodes if node.name == name)


def verification_input(
    declared: Site, *, ssh_key: str, host_keys: Mapping[str, str], kubeconfig: str, seconds: int = SECONDS
) -> dict[str, Any]:
    """Return the input of a verification; it holds secrets."""
    facts = verification_facts(declared, host_keys=host_keys, seconds=seconds)
    return with_secrets(facts, ssh_key=ssh_key, kubeconfig=kubeconfig)


def counter(point: str, node: int, source: str, target: str, protocol: int = 1, **more: Any) -> dict[str, Any]:
    """Return a counter on a node's uplink."""
    base = {
        "netns": HOST + node,
        "ifindex": UPLINK,
        "form": "bare",
        "count": PROTOCOLS[protocol],
        "first": 1,
        "last": 2,
    }
    return base | {"point": point, "source": source, "target": target, "protocol": protocol} | more


def healthy() -> dict[str, Any]:
    """Return the evidence of a site where all is well."""
    return {
        "taken": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "seconds": 4.2,
        "survey": {"nodes": {name: _seen(name) for name in PODS}, "dns": ["10.96.0.10"], "errors": []}
        | {"service": {"address": SERVICE, "pods": [*PODS.values()]}, "operators": ["operator"]}
        | {"objects": _applied(), "kinds": sorted({one["kind"] for one in _applied()})}
        | {"edited": [], "daemon": [], "revision": REVISION},
        "nodes": {name: _report(number, name) for number, name in enumerate(PODS)},
        "routers": {router.name: _router(router.name) for router in expected().routers},
        "errors": {},
    }


def _applied() -> list[dict[str, Any]]:
    """Return Cilium's objects as the API server has them."""
    there = copy.deepcopy(objects(site()))
    return [{"kind": one["kind"], "name": one["metadata"]["name"], "spec": one["spec"]} for one in there]


def verdict(evidence: dict[str, Any]) -> Verdict:
    """Judge evidence in plain data."""
    return judge(expected(), Evidence.model_validate(evidence))


def silence(evidence: dict[str, Any], source: str, target: str, error: str = "ETIMEDOUT") -> None:
    """Let all probes from one node's pod to another's fail, and its packets not arrive."""
    probe = next(probe for probe in evidence["nodes"][source]["probes"] if probe["node"] == target)
    probe |= {kind: {"sent": 2, "error": error} for kind in ("ping", "full", "tcp", "udp", "http")}
    flow = (PODS[source], PODS[target])
    for name, gone in ((source, {("received", flow[::-1])}), (target, {("received", flow), ("sent", flow[::-1])})):
        rows = evidence["nodes"][name]["counters"]
        evidence["nodes"][name]["counters"] = [
            row for row in rows if (row["point"], (row["source"], row["target"])) not in gone
        ]


def _seen(name: str) -> dict[str, Any]:
    node = planned(name)
    return {
        "ready": True,
        "pod_cidrs": [NETWORKS[name]],
        "agent": f"cilium-{name}",
        "agent_ready": True,
        "probe": PODS[name],
        "kubelet": KUBELET,
        "sessions": [{"address": str(node.gateways[0]), "asn": node.peers[0].asn, "state": "established"}],
        "ends": {address: end.model_dump() for address, end in ends().nodes[name].items()},
    }


def _report(number: int, name: str) -> dict[str, Any]:
    others = [other for other in PODS if other != name]
    flows = [(PODS[name], PODS[other], protocol) for other in others for protocol in PROTOCOLS]
    counters = [counter("sent", number, *flow) for flow in flows]
    counters += [counter("received", number, far, own, protocol) for own, far, protocol in flows]
    counters += [counter("routed", number, *flow, gateway=str(planned(name).gateways[0]), table=254) for flow in flows]
    seen = [counter("dropped", number, "127.1.1.11", "127.1.1.12", reason="NO_SOCKET", function="__udp4_lib_rcv")]
    return {
        "schema": 1,
        "host": name,
        "kernel": "6.18.0",
        "namespace": HOST + number,
        "seconds": 2.5,
        "evidence": {
            "level": "full",
            "selftest": {"source": "127.1.1.11", "target": "127.1.1.12", "wrong": [], "seen": seen},
        },
        "pod": _pod(number, name),
        "facts": _facts(number, name, others),
        "probes": [{"node": other, "address": PODS[other], **exchanges(PODS[name])} for other in others],
        "counters": counters,
        "missed": 0,
        "errors": [],
        **_beyond(name),
        "dns": {"server": "10.96.0.10", "name": NAME, "answers": ["10.96.0.1"], "asked": 1, "ms": 1.5},
    }


def _pod(number: int, name: str) -> dict[str, Any]:
    pod = {"address": PODS[name], "namespace": POD + number, "device": "eth0", "ifindex": 8, "mtu": 1500}
    return pod | {"host_ifindex": LXC}


def exchanges(source: str, packet: int = 1500) -> dict[str, Any]:
    """Return what a far pod answered to a source, of which `packet` is the full packet's length."""
    echo = {"sent": 2, "received": 2, "ms": 0.2}
    return {
        "ping": echo | {"bytes": 84},
        "full": echo | {"bytes": packet},
        "tcp": {"sent": 65536, "received": 65536, "source": source},
        "udp": {"sent": 1200, "received": 1200, "source": source},
        "http": {"sent": 60, "received": 60, "source": source, "status": 200},
    }


def _beyond(name: str) -> dict[str, Any]:
    """Return what the service, a far pod and a far node answered."""
    other = planned(expected().following(name) or "")
    answers = {kind: item | {"by": PODS[other.name]} for kind, item in exchanges(PODS[name]).items()}
    served = {"address": SERVICE, "port": 4271, "web_port": 80}
    return {
        "service": served | {kind: answers[kind] for kind in ("tcp", "udp", "http")},
        "from_node": {"node": other.name, "address": PODS[other.name], **exchanges(str(planned(name).address))},
        "to_node": {
            "node": other.name,
            "address": str(other.address),
            "port": KUBELET,
            "tcp": {"sent": 1, "received": 1, "ms": 0.3},
            "closed": False,
        },
    }


def _facts(number: int, name: str, others: list[str]) -> dict[str, Any]:
    node = planned(name)
    way = {"type": "unicast", "device": "eth0", "gateway": str(node.gateways[0]), "table": 254}
    home = {"type": "unicast", "device": "lxc1", "table": 254}
    sysctls = {"ip_forward": 1, "all/rp_filter": 0, "eth0/rp_filter": 2, "eth0/forwarding": 1, "lxc1/forwarding": 1}
    return {
        "links": [
            {"name": "eth0", "ifindex": UPLINK, "kind": "veth", "mtu": 1500, "up": True},
            {"name": "lxc1", "ifindex": LXC, "kind": "veth", "mtu": 1500, "up": True},
        ],
        "addresses": ["127.0.0.1", str(node.address), "192.168.250.9"],
        "programs": {
            "eth0": [
                {"hook": "ingress", "kind": "tcx", "id": 10 + number, "name": "cil_from_netdev"},
                {"hook": "egress", "kind": "tcx", "id": 30 + number, "name": "cil_to_netdev"},
            ],
            "lxc1": [{"hook": "ingress", "kind": "tcx", "id": 20 + number, "name": "cil_from_contai"}],
        },
        "routes": [way | {"target": "default"}],
        "rules": [],
        "lookups": [
            {
                "target": PODS[other],
                "out": way | {"target": PODS[other] + "/32"},
                "forwarded": way | {"target": PODS[other] + "/32"},
                "back": {"eth0": home | {"target": PODS[name] + "/32"}},
            }
            for other in others
        ],
        "sysctls": sysctls,
        "neighbours": [{"address": str(node.gateways[0]), "device": "eth0", "state": "reachable"}],
        "bgp": [{"local": str(node.address), "remote": str(node.gateways[0])}],
        "filters": [],
        "service": {
            "kept": True,
            "ports": {key: {"count": len(PODS), "pods": [*PODS.values()]} for key in ("tcp", "udp", "http")},
        },
        "cilium": {
            "marks": [],
            "host": {"eth0": {"TunnelProtocol": 0, "EnableBPFHostRouting": False}},
            "overlay_maps": [],
            "options": dict(expected().options),
        },
        "policies": {"revision": 1, "policies": [], "pods": [agent_pod(name, PODS[name])]},
    }


def agent_pod(name: str, address: str) -> dict[str, Any]:
    """Return a node's probe pod as the node's agent has it."""
    told = {"namespace": "underlay-probe", "name": f"underlay-probe-{name}", "address": address}
    return {**told, "state": "ready", "revision": 1, "enabled": "none", "labels": {"app": "underlay-probe"}}


def _router(name: str) -> dict[str, Any]:
    plan = expected().router(name)
    hops = {network: [str(hop) for hop in expected().next_hops(name, node)] for node, network in NETWORKS.items()}
    daemons = ("zebra", "bgpd") if plan.platform.value == "frr" else ("bird",)
    return {
        "processes": [{"name": daemon, "state": "S"} for daemon in daemons],
        "sessions": [{"address": str(peer.address), "asn": peer.asn, "state": "established"} for peer in plan.sessions],
        "table": hops,
        "kernel": [{"target": cidr, "type": "unicast", "device": "x", "gateway": hop} for cidr, (hop,) in hops.items()],
        "errors": [],
        "configuration": {
            "ends": {address: end.model_dump() for address, end in ends().routers[name].items()},
            "ranges": {},
        },
        "control": "ready",
        "forwarding": 1,
        "ports": [{"name": "x", "up": True, "networks": ["172.30.0.0/16"]}],
        "neighbours": [{"address": str(peer.address), "device": "x", "state": "reachable"} for peer in plan.sessions],
        "filters": [],
        "md5": {"TCPMD5Failure": 0},
        "echoes": {PODS[node]: True for node in expected().echoing(name)},
    }
