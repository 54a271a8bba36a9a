"""A site of any size as plain data: racks of forty nodes, each node at two routers, two spines above all of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from itertools import islice
from typing import Any

Data = dict[str, Any]

PER_RACK = 40
SPINES = 2
SEGMENTS = IPv4Network("172.16.0.0/12")
SEGMENT = 26
"""Prefix length of a segment: room for a rack's nodes and its router."""
OUT_OF_BAND = IPv4Network("192.168.0.0/16")
LINKS = IPv4Network("100.64.0.0/14")
LEAF_ASN, SPINE_ASN, NODE_ASN = 4_200_000_000, 4_210_000_000, 64_600


def big_site(nodes: int) -> Data:
    """Return a site with so many nodes; five thousand fill 125 racks."""
    racks = -(-nodes // PER_RACK)
    segments = list(islice(SEGMENTS.subnets(new_prefix=SEGMENT), 2 * racks))
    return {
        "name": "scale",
        "cluster": {
            "name": "scale",
            "origin": "new",
            "kubernetes": "1.34.1",
            "api": {"address": "198.51.100.200", "port": 6443},
            "installer": ["./make-cluster", "cluster-scale.yaml"],
        },
        "addresses": {
            "pods": {"pools": ["10.0.0.0/9"], "mask": 24},
            "services": "10.128.0.0/16",
            "out_of_band": str(OUT_OF_BAND),
            "fabric": [str(LINKS)],
            "external": ["203.0.113.0/24"],
        },
        "cilium": {
            "version": "1.20.2",
            "owner": "release",
            "host_routing": "legacy",
            "kube_proxy_replacement": True,
            "direct_node_routes": False,
            "load_balancing": {"algorithm": "maglev"},
            "chart": "./chart",
        },
        "bgp": {
            "asn": NODE_ASN,
            "timers": {"connect_retry": 10, "hold": 9, "keepalive": 3},
            "graceful_restart": {"restart": 120},
        },
        "racks": [_rack(rack, segments) for rack in range(racks)],
        "routers": [*_leaves(racks), *(_spine(number, racks) for number in range(SPINES))],
        "nodes": [_node(number, segments) for number in range(nodes)],
        "security_groups": [_group(nodes)],
        "verification": {"image": "registry.example/python:3.11"},
    }


def _leaf(rack: int, side: int) -> str:
    return f"leaf-{rack + 1}-{'ab'[side]}"


def _rack(rack: int, segments: list[IPv4Network]) -> Data:
    sides = [(side, segments[2 * rack + side]) for side in (0, 1)]
    links = [{"router": _leaf(rack, side), "subnet": str(net), "address": str(net[1])} for side, net in sides]
    return {"name": f"rack-{rack + 1}", "egress": "ecmp-link-state", "links": links}


def _node(number: int, segments: list[IPv4Network]) -> Data:
    rack, place = divmod(number, PER_RACK)
    one, other = (str(segments[2 * rack + side][2 + place]) for side in (0, 1))
    uplink = {"mtu": 9000, "source_destination_check": "disabled"}
    return {
        "name": f"node-{number + 1}",
        "role": "control-plane" if number in (0, PER_RACK, 2 * PER_RACK) else "worker",
        "rack": f"rack-{rack + 1}",
        "address": one,
        "management": {"address": str(OUT_OF_BAND[number + 1024]), "user": "root"},
        "uplinks": [{"name": "eth0", "address": one, **uplink}, {"name": "eth1", "address": other, **uplink}],
    }


def _between(leaf: int, spine: int) -> tuple[IPv4Address, IPv4Address]:
    """Return the leaf's and the spine's address of the link between them."""
    first = LINKS.network_address + 2 * (SPINES * leaf + spine)
    return first, first + 1


def _leaves(racks: int) -> list[Data]:
    return [_router(_leaf(*divmod(leaf, 2)), leaf, _to_spines(leaf)) for leaf in range(2 * racks)]


def _router(name: str, leaf: int, neighbors: list[Data]) -> Data:
    return {
        "name": name,
        "platform": ("frr", "bird")[leaf % 2],
        "asn": LEAF_ASN + leaf,
        "managed": True,
        "management": {"address": str(OUT_OF_BAND[leaf + 1]), "user": "admin"},
        "neighbors": neighbors,
    }


def _to_spines(leaf: int) -> list[Data]:
    return [
        {"name": f"spine-{spine + 1}", "asn": SPINE_ASN + spine, "local": str(own), "remote": str(other)}
        for spine in range(SPINES)
        for own, other in [_between(leaf, spine)]
    ]


def _spine(spine: int, racks: int) -> Data:
    neighbors = [
        {"name": _leaf(*divmod(leaf, 2)), "asn": LEAF_ASN + leaf, "local": str(own), "remote": str(other)}
        for leaf in range(2 * racks)
        for other, own in [_between(leaf, spine)]
    ]
    return {
        "name": f"spine-{spine + 1}",
        "platform": "frr",
        "asn": SPINE_ASN + spine,
        "managed": False,
        "neighbors": neighbors,
    }


def _group(nodes: int) -> Data:
    both = [{"direction": way, "network": "10.0.0.0/9", "protocol": "any"} for way in ("ingress", "egress")]
    return {"name": "nodes", "nodes": [f"node-{number + 1}" for number in range(nodes)], "allow": both}
