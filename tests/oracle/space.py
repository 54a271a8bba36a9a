"""The settings that the oracle is asked about: each with its values, and rows that cover every pair of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from tests.unit.plan_sites import dev
from underlay.plan.checks.examples import declared
from underlay.plan.checks.registry import Declaration

Row = Mapping[str, object]
"""Changes of the dev site, as path below `site` to value."""
Value = tuple[str, int]
Pair = tuple[Value, Value]
Choice = Mapping[str, int]
"""The number of a value for each setting."""
Accepted = Callable[[Row], bool]

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
    "addresses.pods.mask": (24, 25),
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
    f"{VALUES}.bpf.ctTcpMax": (None, 65536, 1 << 24),
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
    f"{VALUES}.dnsProxy": (None, {"proxyPort": 10094}),
    f"{VALUES}.envoyConfig": (None, {"enabled": True}),
    f"{VALUES}.authentication": (None, {"enabled": True}),
    f"{VALUES}.wellKnownIdentities": (None, {"enabled": True}),
    f"{VALUES}.policyEnforcementMode": (None, "always"),
}
"""None leaves the key out."""
COMPANIONS: Mapping[Value, Choice] = {
    ("cilium.kube_proxy_replacement", 1): {"cilium.host_routing": 1, f"{BALANCING}.algorithm": 1},
    (f"{VALUES}.bpf.natMax", 2): {f"{VALUES}.bpf.ctTcpMax": 2},
    (f"{VALUES}.enableMasqueradeRouteSource", 1): {"cilium.host_routing": 1},
    (f"{VALUES}.standaloneDnsProxy", 1): {f"{VALUES}.dnsProxy": 1},
}
"""Values that are right only beside others: the numbers of these, which a row with them takes first."""
TRIES = 10
"""Rows that are tried for a pair before it counts as one that we refuse."""


def row(choice: Choice) -> Row:
    """Return the changes that a choice of values means."""
    chosen = {path: SETTINGS[path][index] for path, index in choice.items()}
    return {path: value for path, value in chosen.items() if value is not None}


def declare(changes: Row) -> Declaration:
    """Return the dev site with some changes; mappings on the way are made."""
    data = dev()
    for path in changes:
        place: Any = data
        for word in path.split(".")[:-1]:
            place = place[int(word)] if isinstance(place, list) else place.setdefault(word, {})
    return declared(data, changes)


def arbitrary(chance: random.Random) -> Choice:
    """Return a choice of a value for each setting; half of the settings keep their first."""
    return {path: chance.choice([0, chance.randrange(len(values))]) for path, values in SETTINGS.items()}


def cover(chance: random.Random, accepted: Accepted, refused: set[Pair]) -> Iterator[Row]:
    """Yield rows that are accepted until they hold every pair of values; pairs that no row may hold go to `refused`."""
    left = {pair for pair in combinations(_values(), 2) if pair[0][0] != pair[1][0]}
    while left:
        pair = chance.choice(sorted(left))
        choice = _around(pair, chance, accepted)
        if choice:
            choice = _grown(choice, pair, left, chance, accepted)
            left -= pairs(choice)
            yield row(choice)
        else:
            left.discard(pair)
            refused.add(pair)


def _values() -> list[Value]:
    return sorted((path, index) for path, values in SETTINGS.items() for index in range(len(values)))


def _around(pair: Pair, chance: random.Random, accepted: Accepted) -> Choice | None:
    """Return a choice with a pair that is accepted: all else as usual, or anything else; None where none was found."""
    beside = {path: index for value in pair for path, index in COMPANIONS.get(value, {}).items()}
    tries: list[Choice] = [dict.fromkeys(SETTINGS, 0), *(arbitrary(chance) for _ in range(TRIES))]
    tries = [{**one, **beside} for one in tries]
    return next((one for one in ({**other, **dict(pair)} for other in tries) if accepted(row(one))), None)


def _grown(choice: Choice, pair: Pair, left: set[Pair], chance: random.Random, accepted: Accepted) -> Choice:
    """Return an accepted choice with more pairs that are left: one setting after the other."""
    free = sorted(SETTINGS.keys() - dict(pair).keys())
    for path in chance.sample(free, len(free)):
        tries = [{**choice, path: index} for index in range(len(SETTINGS[path]))]
        worth = {
            index: len({one for one in pairs(tries[index]) if path in dict(one)} & left) for index in range(len(tries))
        }
        best = sorted(worth, key=lambda index: (-worth[index], index != choice[path]))
        choice = next((tries[index] for index in best if index == choice[path] or accepted(row(tries[index]))), choice)
    return choice


def pairs(choice: Choice) -> set[Pair]:
    """Return each pair of values in a choice."""
    return {(one, other) for one, other in combinations(sorted(choice.items()), 2)}
