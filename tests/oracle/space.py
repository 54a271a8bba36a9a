"""The settings that the oracle is asked about: each with its values, and rows that cover every pair of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from tests.unit.plan_sites import KEY, dev
from underlay.model import load_site
from underlay.plan.checks.registry import Declaration

Row = Mapping[str, object]
"""Changes of the dev site, as path below `site` to value."""
Pair = tuple[str, int, str, int]

BALANCING, VALUES = "cilium.load_balancing", "cilium.values"
SETTINGS: Mapping[str, Sequence[object]] = {
    "cilium.host_routing": ("bpf", "legacy"),
    "cilium.kube_proxy_replacement": (True, False),
    "cilium.direct_node_routes": (False, True),
    "cilium.masquerade": (True, False),
    "cilium.host_firewall": (False, True),
    "cilium.l7_proxy": (False, True),
    "cilium.mtu": (None, 1400),
    "cilium.bandwidth": (None, {}, {"bbr": True}),
    "cilium.hubble": (None, {"certificates": "none"}),
    "cilium.first_installed": (None, "1.18"),
    "addresses.pods.pools": (["10.244.0.0/16"], ["10.244.0.0/17", "10.244.128.0/17"]),
    f"{BALANCING}.algorithm": ("maglev", "random"),
    f"{BALANCING}.mode": ("snat", "dsr", "hybrid"),
    f"{BALANCING}.acceleration": ("disabled", "best-effort"),
    f"{BALANCING}.external_cluster_ips": (False, True),
    f"{BALANCING}.maglev": (None, {"table": 251}, {"table": 65521, "seed": "JLfvgnHc2kaSUFaI"}),
    f"{BALANCING}.node_ports": (None, {"first": 30000, "last": 31000}, {"first": 32000, "last": 33000}),
    f"{VALUES}.installNoConntrackIptablesRules": (None, True),
    f"{VALUES}.enableMasqueradeRouteSource": (None, True),
    f"{VALUES}.enableIPv4BIGTCP": (None, True),
    f"{VALUES}.endpointRoutes": (None, {"enabled": True}),
    f"{VALUES}.ciliumEndpointSlice": (None, {"enabled": True}),
    f"{VALUES}.socketLB": (None, {"hostNamespaceOnly": True}),
    f"{VALUES}.policyDenyResponse": (None, "icmp"),
    f"{VALUES}.serviceNoBackendResponse": (None, "drop"),
    f"{VALUES}.tunnelProtocol": (None, "geneve"),
    f"{VALUES}.identityAllocationMode": (None, "crd"),
    f"{VALUES}.localRedirectPolicies": (None, {"enabled": True}),
    f"{VALUES}.l2announcements": (None, {"enabled": True}),
    f"{VALUES}.bpf.lbModeAnnotation": (None, True),
    f"{VALUES}.bpf.lbAlgorithmAnnotation": (None, True),
    f"{VALUES}.bpf.datapathMode": (None, "auto"),
    f"{VALUES}.bpf.ctTcpMax": (None, 65536),
    f"{VALUES}.bpf.natMax": (None, 131072, 1 << 24),
    f"{VALUES}.bpf.preallocateMaps": (None, True),
    f"{VALUES}.bpf.tproxy": (None, True),
    f"{VALUES}.bpf.distributedLRU": (None, {"enabled": True}),
    f"{VALUES}.bpf.mapDynamicSizeRatio": (None, 0.005, 0),
    f"{VALUES}.bpf.monitorAggregation": (None, "low"),
    f"{VALUES}.bpf.policyMapMax": (None, 1024, 100),
    f"{VALUES}.bpf.lbMapMax": (None, 32768),
    f"{VALUES}.nodePort.autoProtectPortRange": (None, False),
    f"{VALUES}.nodePort.directRoutingDevice": (None, "eth0"),
    f"{VALUES}.ipMasqAgent": (None, {"enabled": True, "config": {"nonMasqueradeCIDRs": ["10.244.0.0/16"]}}),
    f"{VALUES}.pmtuDiscovery": (None, {"enabled": True, "packetizationLayerPMTUDMode": "always"}),
    f"{VALUES}.standaloneDnsProxy": (None, {"enabled": True}),
    f"{VALUES}.envoyConfig": (None, {"enabled": True}),
    f"{VALUES}.authentication": (None, {"enabled": True}),
    f"{VALUES}.wellKnownIdentities": (None, {"enabled": True}),
    f"{VALUES}.policyEnforcementMode": (None, "always"),
}
"""None leaves the key out."""
TRIES = 20
"""Rows that are tried for each one that is taken."""


def row(choice: Mapping[str, int]) -> Row:
    """Return the changes that a choice of values means."""
    chosen = {path: SETTINGS[path][index] for path, index in choice.items()}
    return {path: value for path, value in chosen.items() if value is not None}


def declare(changes: Row) -> Declaration:
    """Return the dev site with some changes; mappings on the way are made."""
    data = dev()
    for path, value in changes.items():
        *way, last = path.split(".")
        place: Any = data
        for word in way:
            place = place.setdefault(word, {})
        place[last] = value
    site = load_site(data)
    machines = [*(node.name for node in site.nodes), *(router.name for router in site.routers)]
    return Declaration(site, dict.fromkeys(machines, KEY))


def arbitrary(chance: random.Random) -> Mapping[str, int]:
    """Return a choice of a value for each setting; half of the settings keep their first."""
    return {path: chance.choice([0, chance.randrange(len(values))]) for path, values in SETTINGS.items()}


def cover(chance: random.Random, accepted: Callable[[Row], bool], rows: int) -> Iterator[Row]:
    """Yield rows that are accepted and together hold as many pairs of values as possible, the fullest first."""
    covered: set[Pair] = set()
    for _ in range(rows):
        tries = [choice for choice in (arbitrary(chance) for _ in range(TRIES)) if accepted(row(choice))]
        if not tries:
            continue
        best = max(tries, key=lambda choice: len(pairs(choice) - covered))
        covered |= pairs(best)
        yield row(best)


def pairs(choice: Mapping[str, int]) -> set[Pair]:
    """Return each pair of values in a choice."""
    items = sorted(choice.items())
    return {(*one, *other) for one, other in combinations(items, 2)}
