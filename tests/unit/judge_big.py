"""The evidence of a thousand healthy nodes in racks of sixty-four, a router each, links between all, and services."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.unit.judge_site import KUBELET, SERVICE, counter
from underlay.plan.verification import Expected

NODES, RACK = 1000, 64
RACKS = -(-NODES // RACK)
UPLINK, LXC = 3, 9
PROTOCOLS = (1, 6, 17)
SERVED = 50
"""Addresses of services, each told by every node."""


def name_of(number: int) -> str:
    return f"node-{number}"


def network_of(number: int) -> str:
    return f"10.{number // 250 + 1}.{number % 250}.0/24"


def pod_of(number: int) -> str:
    return network_of(number).replace("0/24", "10")


def service_of(number: int) -> str:
    return f"198.18.{number // 250}.{number % 250 + 1}/32"


def address_of(number: int) -> str:
    return f"172.30.{number // RACK}.{number % RACK + 10}"


def gateway_of(number: int) -> str:
    return f"172.30.{number // RACK}.1"


def between(one: int, other: int) -> str:
    """Return the address of one router towards another."""
    return f"172.31.{one}.{other}"


@cache
def big_expected() -> Expected:
    """Return what such a site expects."""
    return Expected.model_validate(
        {
            "cluster": "big",
            "pool": "10.0.0.0/12",
            "mask": 24,
            "host_routing": "legacy",
            "asn": 65010,
            "hold": 9,
            "service": {"replaced": True},
            "load_balancers": ["198.18.0.0/16"],
            "nodes": [_node(number) for number in range(NODES)],
            "routers": [_router(rack) for rack in range(RACKS)],
        }
    )


def _node(number: int) -> dict[str, Any]:
    rack = number // RACK
    return {
        "name": name_of(number),
        "rack": f"rack-{rack}",
        "address": address_of(number),
        "gateways": [gateway_of(number)],
        "peers": [{"router": f"tor-{rack}", "asn": 65100 + rack, "address": gateway_of(number)}],
        "uplinks": [{"name": "eth0", "mtu": 1500}],
    }


def _own(rack: int) -> range:
    return range(rack * RACK, min(NODES, (rack + 1) * RACK))


def _sessions(rack: int) -> list[dict[str, Any]]:
    nodes = [{"peer": name_of(number), "address": address_of(number), "asn": 65010} for number in _own(rack)]
    others = [other for other in range(RACKS) if other != rack]
    peers = [{"peer": f"tor-{other}", "address": between(other, rack), "asn": 65100 + other} for other in others]
    return nodes + peers


def _router(rack: int) -> dict[str, Any]:
    others = [other for other in range(RACKS) if other != rack]
    return {
        "name": f"tor-{rack}",
        "platform": "frr",
        "asn": 65100 + rack,
        "managed": True,
        "sessions": _sessions(rack),
        "next_hops": {name_of(number): [address_of(number)] for number in _own(rack)},
        "ways": [{"hops": [between(other, rack)], "racks": [f"rack-{other}"]} for other in others],
    }


def big_healthy() -> dict[str, Any]:
    """Return the evidence of a site where all is well."""
    numbers = {name_of(number): number for number in range(NODES)}
    return {
        "taken": "2026-01-02T03:04:05Z",
        "seconds": 9.0,
        "survey": {
            "nodes": {name: _seen(number) for name, number in numbers.items()},
            "service": {"address": SERVICE, "pods": [pod_of(number) for number in numbers.values()]},
        },
        "nodes": {name: _report(number, numbers) for name, number in numbers.items()},
        "routers": {f"tor-{rack}": _held(rack) for rack in range(RACKS)},
        "errors": {},
    }


def _seen(number: int) -> dict[str, Any]:
    session = {"address": gateway_of(number), "asn": 65100 + number // RACK, "state": "established"}
    common = {"ready": True, "pod_cidrs": [network_of(number)], "agent": "cilium", "agent_ready": True}
    return common | {"probe": pod_of(number), "kubelet": KUBELET, "sessions": [session]}


def _report(number: int, numbers: dict[str, int]) -> dict[str, Any]:
    others = {name: numbers[name] for name in big_expected().partners(name_of(number))}
    flows = [(pod_of(number), pod_of(other), protocol) for other in others.values() for protocol in PROTOCOLS]
    rows = [counter("sent", number, *flow) for flow in flows]
    rows += [counter("received", number, far, own, protocol) for own, far, protocol in flows]
    rows += [counter("routed", number, *flow, gateway=gateway_of(number), table=254) for flow in flows]
    seen = [counter("dropped", number, "127.1.1.11", "127.1.1.12", reason="NO_SOCKET", function="__udp4_lib_rcv")]
    test = {"source": "127.1.1.11", "target": "127.1.1.12", "wrong": [], "seen": seen}
    pod = {"address": pod_of(number), "namespace": 9, "device": "eth0", "ifindex": 8, "mtu": 1500, "host_ifindex": LXC}
    return {
        "schema": 1,
        "host": name_of(number),
        "kernel": "6.18.0",
        "namespace": 100 + number,
        "seconds": 2.5,
        "evidence": {"level": "full", "selftest": test},
        "pod": pod,
        "facts": _facts(number, others),
        "probes": [{"node": name, "address": pod_of(other), **_exchanges(number)} for name, other in others.items()],
        **_beyond(number, numbers[big_expected().following(name_of(number)) or ""]),
        "counters": rows,
        "missed": 0,
        "errors": [],
        "cilium_drops": [],
    }


def _exchanges(number: int) -> dict[str, Any]:
    echo = {"sent": 2, "received": 2, "ms": 0.2}
    answer = {"source": pod_of(number)}
    return {
        "ping": echo | {"bytes": 84},
        "full": echo | {"bytes": 1500},
        "tcp": answer | {"sent": 65536, "received": 65536},
        "udp": answer | {"sent": 1200, "received": 1200},
        "http": answer | {"sent": 60, "received": 60, "status": 200},
    }


def _beyond(number: int, other: int) -> dict[str, Any]:
    served = {kind: item for kind, item in _exchanges(number).items() if kind in ("tcp", "udp", "http")}
    target = {"node": name_of(other)}
    return {
        "service": served | {"address": SERVICE, "port": 4271, "web_port": 80},
        "from_node": target | {"address": pod_of(other), **_exchanges(number)},
        "to_node": target
        | {"address": address_of(other), "port": KUBELET, "tcp": {"sent": 1, "received": 1}, "closed": False},
    }


def _facts(number: int, others: dict[str, int]) -> dict[str, Any]:
    way = {"type": "unicast", "device": "eth0", "gateway": gateway_of(number), "table": 254}
    back = {"eth0": {"type": "unicast", "device": "lxc1", "table": 254}}
    looks = [{"target": pod_of(other), "out": way, "forwarded": way, "back": back} for other in others.values()]
    link = {"kind": "veth", "mtu": 1500, "up": True}
    program = {"hook": "ingress", "kind": "tcx", "id": 1}
    return {
        "links": [link | {"name": "eth0", "ifindex": UPLINK}, link | {"name": "lxc1", "ifindex": LXC}],
        "addresses": ["127.0.0.1", address_of(number)],
        "programs": {
            "eth0": [program | {"name": "cil_from_netdev"}, program | {"hook": "egress", "name": "cil_to_netdev"}],
            "lxc1": [program | {"name": "cil_from_contai"}],
        },
        "routes": [way | {"target": "default"}],
        "rules": [],
        "lookups": looks,
        "sysctls": {"ip_forward": 1, "all/rp_filter": 0, "eth0/rp_filter": 2, "eth0/forwarding": 1},
        "neighbours": [{"address": gateway_of(number), "device": "eth0", "state": "reachable"}],
        "bgp": [{"local": address_of(number), "remote": gateway_of(number)}],
        "filters": [],
        "service": {
            "kept": True,
            "ports": {key: {"count": NODES, "pods": [pod_of(1)]} for key in ("tcp", "udp", "http")},
        },
        "cilium": {
            "marks": [],
            "host": {"eth0": {"TunnelProtocol": 0, "EnableBPFHostRouting": False}},
            "overlay_maps": [],
        },
    }


def _held(rack: int) -> dict[str, Any]:
    hops = {
        network_of(number): address_of(number) if number // RACK == rack else between(number // RACK, rack)
        for number in range(NODES)
    }
    nodes = [address_of(number) for number in _own(rack)]
    table = {prefix: [hop] for prefix, hop in hops.items()} | {service_of(number): nodes for number in range(SERVED)}
    sessions = [
        {"address": item["address"], "asn": item["asn"], "state": "established", "hold": 9} for item in _sessions(rack)
    ]
    return {
        "processes": [{"name": name, "state": "S"} for name in ("zebra", "bgpd")],
        "sessions": sessions,
        "table": table,
        "kernel": [
            {"target": prefix, "type": "unicast", "gateway": hop} for prefix, ways in table.items() for hop in ways
        ],
        "forwarding": 1,
        "neighbours": [{"address": item["address"], "device": "x", "state": "reachable"} for item in _sessions(rack)],
        "filters": [],
        "md5": {"TCPMD5Failure": 0},
        "echoes": {pod_of(int(name.removeprefix("node-"))): True for name in big_expected().echoing(f"tor-{rack}")},
    }
