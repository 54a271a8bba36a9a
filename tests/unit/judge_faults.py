"""Faults as changes of a healthy site's evidence."""

from __future__ import annotations

from typing import Any

from tests.unit.judge_site import NETWORKS, PODS, counter, planned, silence

W1, W2 = "worker-1", "worker-2"


def drop(
    evidence: dict[str, Any], name: str, number: int, flow: tuple[str, str], reason: str, function: str, **more: Any
) -> None:
    row = counter("dropped", number, *flow, reason=reason, function=function, **more)
    evidence["nodes"][name]["counters"].append(row)


def cut(evidence: dict[str, Any], name: str) -> None:
    """Silence every probe from and to a node."""
    for other in PODS:
        if other != name:
            silence(evidence, name, other)
            silence(evidence, other, name)


def forwarding_off(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["sysctls"]["ip_forward"] = 0
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "IP_INADDRERRORS", "ip_error")


def reverse_path(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["sysctls"]["eth0/rp_filter"] = 1
    evidence["nodes"][W1]["facts"]["links"].append(
        {"name": "mgmt0", "ifindex": 2, "kind": "veth", "mtu": 1500, "up": True}
    )
    look = next(look for look in evidence["nodes"][W1]["facts"]["lookups"] if look["target"] == PODS[W2])
    look["out"] |= {"device": "mgmt0", "gateway": "192.168.250.13"}
    look["back"]["eth0"] = {"error": 18, "message": "Invalid cross-device link"}
    silence(evidence, W1, W2)
    silence(evidence, W2, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "IP_RPFILTER", "ip_rcv_finish_core")


def packet_filter(evidence: dict[str, Any]) -> None:
    chain = {"kind": "nftables", "table": "ip filter", "chain": "FORWARD", "policy": "drop", "drops": 0}
    evidence["nodes"][W1]["facts"]["filters"] = [chain]
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W2], PODS[W1]), "NETFILTER_DROP", "nft_do_chain")


def tunnelled(evidence: dict[str, Any]) -> None:
    report = evidence["nodes"][W1]
    report["facts"]["links"].append({"name": "cilium_vxlan", "ifindex": 6, "kind": "vxlan", "mtu": 1500, "up": True})
    report["facts"]["cilium"]["marks"] = ["TUNNEL_MODE"]
    for row in report["counters"]:
        if row["point"] == "sent":
            row |= {"form": "vxlan", "port": 8472}


def blackhole_on_node(evidence: dict[str, Any]) -> None:
    facts = evidence["nodes"][W1]["facts"]
    facts["routes"].append({"target": NETWORKS[W2], "type": "blackhole", "table": 254})
    look = next(look for look in facts["lookups"] if look["target"] == PODS[W2])
    look["out"] = {"error": 22, "message": "Invalid argument"}
    silence(evidence, W1, W2)
    silence(evidence, W2, W1)


def no_route(evidence: dict[str, Any]) -> None:
    for look in evidence["nodes"][W1]["facts"]["lookups"]:
        look["out"] = {"error": 101, "message": "Network is unreachable"}
    cut(evidence, W1)


def wrong_device(evidence: dict[str, Any]) -> None:
    facts = evidence["nodes"][W1]["facts"]
    facts["links"].append({"name": "mgmt0", "ifindex": 2, "kind": "veth", "mtu": 1500, "up": True})
    look = next(look for look in facts["lookups"] if look["target"] == PODS[W2])
    look["out"] |= {"device": "mgmt0", "gateway": "192.168.250.13"}
    silence(evidence, W1, W2)


def no_programs(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["programs"]["lxc1"] = []
    cut(evidence, W1)


def next_hop_silent(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["neighbours"][0]["state"] = "failed"
    cut(evidence, W1)


def address_twice(evidence: dict[str, Any]) -> None:
    cut(evidence, W1)
    drop(evidence, W1, 1, (PODS[W1], PODS[W2]), "IP_LOCAL_SOURCE", "ip_rcv_finish_core")


def node_address_twice(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["addresses"].append(str(planned(W2).address))


def small_mtu(evidence: dict[str, Any]) -> None:
    probe = next(probe for probe in evidence["nodes"][W1]["probes"] if probe["node"] == W2)
    probe["full"] = {
        "sent": 2,
        "bytes": 1500,
        "error": "EMSGSIZE",
        "origin": 2,
        "icmp": [3, 4],
        "from": "172.30.1.1",
        "mtu": 1400,
    }


def masqueraded(evidence: dict[str, Any]) -> None:
    for probe in evidence["nodes"][W1]["probes"]:
        probe["tcp"]["source"] = probe["udp"]["source"] = "172.30.1.12"


def network_twice(evidence: dict[str, Any]) -> None:
    evidence["survey"]["nodes"][W2]["pod_cidrs"] = [NETWORKS[W1]]


def process_halted(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-b"] |= {
        "processes": [],
        "sessions": None,
        "table": None,
        "kernel": [],
        "errors": ["table: no daemon"],
    }
    for name in (W2, "worker-3"):
        evidence["survey"]["nodes"][name]["sessions"][0]["state"] = "active"
        evidence["nodes"][name]["facts"]["bgp"] = []
        cut(evidence, name)
    tor_a = evidence["routers"]["tor-a"]
    for cidr in (NETWORKS[W2], NETWORKS["worker-3"]):
        del tor_a["table"][cidr]
        tor_a["kernel"] = [route for route in tor_a["kernel"] if route["target"] != cidr]
    next(item for item in tor_a["sessions"] if item["address"] == "172.30.255.1")["state"] = "active"


def process_stopped(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-b"]["processes"][0]["state"] = "T"
    evidence["routers"]["tor-b"] |= {"sessions": None, "table": None, "errors": ["table: no answer"]}


def _drop_session(evidence: dict[str, Any]) -> None:
    own = next(item for item in evidence["routers"]["tor-a"]["sessions"] if item["address"] == "172.30.1.12")
    own |= {"state": "active"}
    evidence["survey"]["nodes"][W1]["sessions"][0]["state"] = "active"
    evidence["nodes"][W1]["facts"]["bgp"] = []
    del evidence["routers"]["tor-a"]["table"][NETWORKS[W1]]
    routes = evidence["routers"]["tor-a"]["kernel"]
    evidence["routers"]["tor-a"]["kernel"] = [route for route in routes if route["target"] != NETWORKS[W1]]


def session_wrong_asn(evidence: dict[str, Any]) -> None:
    _drop_session(evidence)
    next(item for item in evidence["routers"]["tor-a"]["sessions"] if item["address"] == "172.30.1.12")["asn"] = 65009


def session_no_neighbour(evidence: dict[str, Any]) -> None:
    _drop_session(evidence)
    sessions = evidence["routers"]["tor-a"]["sessions"]
    evidence["routers"]["tor-a"]["sessions"] = [item for item in sessions if item["address"] != "172.30.1.12"]


def session_node_asn(evidence: dict[str, Any]) -> None:
    _drop_session(evidence)
    evidence["survey"]["nodes"][W1]["sessions"][0]["asn"] = 65008


def route_missing(evidence: dict[str, Any]) -> None:
    routes = evidence["routers"]["tor-b"]["kernel"]
    evidence["routers"]["tor-b"]["kernel"] = [route for route in routes if route["target"] != NETWORKS[W1]]
    silence(evidence, W2, W1)
    error = counter("received", 2, "172.30.2.1", PODS[W2], icmp=[3, 0])
    evidence["nodes"][W2]["counters"].append(error)


def not_advertised(evidence: dict[str, Any]) -> None:
    for router in ("tor-a", "tor-b"):
        held = evidence["routers"][router]
        del held["table"][NETWORKS[W1]]
        held["kernel"] = [route for route in held["kernel"] if route["target"] != NETWORKS[W1]]
    cut(evidence, W1)


def router_blackhole(evidence: dict[str, Any]) -> None:
    route = next(route for route in evidence["routers"]["tor-a"]["kernel"] if route["target"] == NETWORKS[W1])
    route |= {"type": "blackhole", "gateway": None, "device": None}
    cut(evidence, W1)


def wrong_next_hop(evidence: dict[str, Any]) -> None:
    route = next(route for route in evidence["routers"]["tor-a"]["kernel"] if route["target"] == NETWORKS[W1])
    route["gateway"] = "172.30.1.11"


def stray(evidence: dict[str, Any]) -> None:
    evidence["routers"]["tor-a"]["kernel"].append(
        {"target": "10.244.77.0/24", "type": "unicast", "gateway": "172.30.1.12"}
    )


def overriding(evidence: dict[str, Any]) -> None:
    route = {"target": PODS[W1] + "/32", "type": "unicast", "gateway": "192.0.2.9"}
    evidence["routers"]["tor-a"]["kernel"].append(route)


def bpf_drop(evidence: dict[str, Any]) -> None:
    silence(evidence, W1, W2)
    drop(evidence, W2, 2, (PODS[W1], PODS[W2]), "TC_INGRESS", "__netif_receive_skb_core")


def refused_outside(evidence: dict[str, Any]) -> None:
    silence(evidence, W1, W2)
    probe = next(probe for probe in evidence["nodes"][W1]["probes"] if probe["node"] == W2)
    probe["ping"] |= {"error": "EHOSTUNREACH", "origin": 2, "icmp": [3, 13], "from": "198.51.100.9"}


def packets_to_node_dropped(evidence: dict[str, Any]) -> None:
    """Let worker-2 drop, at the input hook, what the pod on cp-1 sends to the node itself."""
    chains = [
        {"kind": "nftables", "table": "ip x", "chain": name, "hook": name, "policy": "accept", "drops": 1}
        for name in ("forward", "input")
    ]
    evidence["nodes"][W2]["facts"]["filters"] = chains
    evidence["nodes"]["cp-1"]["to_node"] |= {"tcp": {"sent": 1, "error": "ETIMEDOUT"}}
    drop(evidence, W2, 2, (PODS["cp-1"], "172.30.2.11"), "NETFILTER_DROP", "nft_do_chain", protocol=6)


def packets_of_node_refused(evidence: dict[str, Any]) -> None:
    """Let worker-2 drop what cp-1 itself sends to its pod, without a filter."""
    evidence["nodes"]["cp-1"]["from_node"] |= {"udp": {"sent": 1200, "error": "ETIMEDOUT"}}
    drop(evidence, W2, 2, ("172.30.1.11", PODS[W2]), "XFRM_POLICY", "ip_forward", protocol=17)


def router_filters_nodes(evidence: dict[str, Any]) -> None:
    """Let a router filter what cp-1 itself sends to the pod on worker-2."""
    rules = ["ip saddr 172.30.1.11 drop"]
    chain = {"family": "ip", "table": "x", "chain": "block", "hook": "forward", "policy": "accept", "rules": rules}
    evidence["routers"]["tor-a"]["filters"] = [chain]
    evidence["nodes"]["cp-1"]["from_node"] |= {"ping": {"sent": 2, "error": "ETIMEDOUT"}}
    evidence["nodes"]["cp-1"]["counters"].append(counter("sent", 0, "172.30.1.11", PODS[W2]))


def _unserved(evidence: dict[str, Any], name: str, *kinds: str) -> None:
    for kind in kinds:
        evidence["nodes"][name]["service"][kind] = {"sent": 9, "error": "EHOSTUNREACH", "asked": 3}


def service_without_pods(evidence: dict[str, Any]) -> None:
    evidence["survey"]["service"]["pods"] = []
    for name in PODS:
        _unserved(evidence, name, "tcp", "udp", "http")


def service_unknown(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["service"]["ports"] = dict.fromkeys(("tcp", "udp", "http"))
    _unserved(evidence, W1, "tcp", "udp", "http")


def service_not_replaced(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["service"] = {"kept": False, "ports": {}}
    _unserved(evidence, W1, "tcp")


def service_with_strangers(evidence: dict[str, Any]) -> None:
    behind = {"count": 4, "pods": [*list(PODS.values())[1:], "10.244.9.9"]}
    evidence["nodes"][W1]["facts"]["service"]["ports"] = {"http": behind}
    _unserved(evidence, W1, "http")


def service_with_fewer(evidence: dict[str, Any]) -> None:
    evidence["nodes"][W1]["facts"]["service"]["ports"] = {"udp": {"count": 0, "pods": []}}
    _unserved(evidence, W1, "udp")
