"""Cases of the rules about BGP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from policy.strict import Answer
from policy.testing import UNKNOWN, Resource
from tests.policy.cases.case import CLUSTER, NOT_APPLICABLE, PASS, RELEASE, UNDETERMINED, VIOLATION, Case, one

VERSION, TIMERS, SYMMETRY = "bgp-objects-are-v2", "bgp-hold-outlasts-keepalives", "bgp-is-symmetrical"
V2 = "kubernetes:cilium.io/v2:CiliumBGP"
ALPHA = "kubernetes:cilium.io/v2alpha1:CiliumBGP"
LABELS = {"advertise": "bgp"}

VERSIONS: tuple[tuple[str, str, Answer], ...] = (
    ("a cluster configuration", f"{V2}ClusterConfig", PASS),
    ("a peer configuration", f"{V2}PeerConfig", PASS),
    ("an old cluster configuration", f"{ALPHA}ClusterConfig", VIOLATION),
    ("a patch of an old one", f"{ALPHA}PeerConfigPatch", VIOLATION),
    ("a peering policy", f"{ALPHA}PeeringPolicy", VIOLATION),
    ("a peering policy as v2", f"{V2}PeeringPolicy", VIOLATION),
    ("another object", "kubernetes:cilium.io/v2:CiliumNetworkPolicy", NOT_APPLICABLE),
)

TIMES: tuple[tuple[str, dict[str, Any], dict[str, Any], Answer], ...] = (
    ("three keepalives", {"holdTimeSeconds": 9, "keepAliveTimeSeconds": 3}, {}, PASS),
    ("less", {"holdTimeSeconds": 9, "keepAliveTimeSeconds": 4}, {}, VIOLATION),
    ("defaults", {}, {}, PASS),
    ("a short hold and the default keepalive", {"holdTimeSeconds": 60}, {}, VIOLATION),
    ("a stricter factor", {"holdTimeSeconds": 9, "keepAliveTimeSeconds": 3}, {"factor": 4}, VIOLATION),
    ("unknown", {"holdTimeSeconds": UNKNOWN}, {}, UNDETERMINED),
)

Stack = dict[str, dict[str, Any]]
ROUTERS = [{"address": "192.0.2.1", "asn": 64601, "nodeAsn": 64600}]


def _stack() -> Stack:
    peer = {
        "name": "leaf-1",
        "peerAddress": "192.0.2.1",
        "peerASN": 64601,
        "peerConfigRef": {"name": "leafs"},
    }
    family = {"afi": "ipv4", "safi": "unicast", "advertisements": {"matchLabels": LABELS}}
    return {
        "config": {"spec": {"bgpInstances": [{"name": "i", "localASN": 64600, "peers": [peer]}]}},
        "peer": {"metadata": {"name": "leafs"}, "spec": {"families": [family]}},
        "advert": {"metadata": {"name": "pods", "labels": LABELS}, "spec": {}},
        "cluster": {"origin": "new", "bgpRouters": ROUTERS},
    }


KINDS = {
    "config": f"{V2}ClusterConfig",
    "peer": f"{V2}PeerConfig",
    "advert": f"{V2}Advertisement",
    "cluster": CLUSTER,
}
PEER = "config.spec.bgpInstances.0.peers.0"

CHANGES: tuple[tuple[str, dict[str, object], Answer], ...] = (
    ("two ends", {}, PASS),
    ("another router's ASN", {f"{PEER}.peerASN": 64999}, VIOLATION),
    ("an ASN that routers do not expect", {"config.spec.bgpInstances.0.localASN": 64999}, VIOLATION),
    ("no local ASN", {"config.spec.bgpInstances.0.localASN": None}, VIOLATION),
    ("any ASN", {f"{PEER}.peerASN": 0}, VIOLATION),
    ("another address", {f"{PEER}.peerAddress": "192.0.2.9"}, VIOLATION),
    ("no address", {f"{PEER}.peerAddress": None}, VIOLATION),
    ("a peer configuration that is not there", {f"{PEER}.peerConfigRef.name": "spines"}, VIOLATION),
    ("no families", {"peer.spec.families": []}, VIOLATION),
    ("an advertisement of another label", {"advert.metadata.labels": {"advertise": "no"}}, VIOLATION),
    ("a family that selects nothing", {"peer.spec.families.0.advertisements": None}, VIOLATION),
    (
        "a router without a session",
        {"cluster.bgpRouters": [*ROUTERS, {"address": "192.0.2.2", "asn": 64602, "nodeAsn": 64600}]},
        VIOLATION,
    ),
    ("an unknown ASN", {f"{PEER}.peerASN": UNKNOWN}, UNDETERMINED),
)


def _changed(changes: Mapping[str, object]) -> Stack:
    made = deepcopy(_stack())
    for path, value in changes.items():
        *way, last = [int(word) if word.isdigit() else word for word in path.split(".")]
        place: Any = made
        for word in way:
            place = place[word]
        place[last] = value
    return made


def _resources(stack: Stack, *left_out: str) -> tuple[Resource, ...]:
    return tuple(Resource(KINDS[name], props, name) for name, props in stack.items() if name not in left_out)


def cases() -> Iterator[Case]:
    """Yield every case."""
    for title, kind, expected in VERSIONS:
        yield one(VERSION, title, expected, Resource(kind, {"metadata": {"name": "x"}}))
    for title, timers, config, expected in TIMES:
        yield one(TIMERS, title, expected, Resource(f"{V2}PeerConfig", {"spec": {"timers": timers}}), config)
    yield one(TIMERS, "no peer configuration", NOT_APPLICABLE, Resource(RELEASE, {"chart": "cilium"}))
    for title, changes, expected in CHANGES:
        yield Case(SYMMETRY, title, expected, _resources(_changed(changes)))
    foreign = _resources(_stack(), "cluster")
    yield Case(SYMMETRY, "no router's side is known", PASS, foreign)
    yield Case(SYMMETRY, "routers of the configuration", PASS, foreign, {"routers": ROUTERS})
    other = [{"address": "192.0.2.1", "asn": 64777, "nodeAsn": 64600}]
    yield Case(SYMMETRY, "other routers of the configuration", VIOLATION, foreign, {"routers": other})
    without = _resources(_stack(), "peer", "advert")
    yield Case(SYMMETRY, "a peer configuration made elsewhere", PASS, without, {"peerConfigs": ["leafs"]})
    left_out = _resources({**_stack(), "peer": {}})
    yield Case(SYMMETRY, "a peer configuration outside the targets of an update", NOT_APPLICABLE, left_out)
    yield Case(SYMMETRY, "no sessions", NOT_APPLICABLE, _resources(_stack(), "config"))
