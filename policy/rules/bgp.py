"""BGP: objects of the version that lasts, timers that survive a lost packet, and two ends that mean each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import PolicyConfigSchema, PolicyResource, ResourceValidationArgs, Severity, StackValidationArgs

from ..marks import shown
from ..strict import (
    PASSED,
    About,
    Judgement,
    inputs,
    is_left_out,
    not_applicable,
    resource_policy,
    stack_policy,
    violation,
)
from .waivers import CLUSTER

HOLD, KEEPALIVE = 90, 30
"""Seconds that Cilium takes where a peer configuration says nothing."""
FACTOR = 3
"""RFC 4271 suggests a hold time of three keepalives: two may be lost."""

VERSION = About(
    name="bgp-objects-are-v2",
    description="BGP objects are cilium.io/v2; older ones are deprecated or gone.",
    remediation="Write CiliumBGPClusterConfig, CiliumBGPPeerConfig and CiliumBGPAdvertisement as cilium.io/v2; "
    "CiliumBGPPeeringPolicy was removed in Cilium 1.19.",
    severity=Severity.HIGH,
)
TIMERS = About(
    name="bgp-hold-outlasts-keepalives",
    description="The hold time is at least some keepalives long.",
    remediation="Raise holdTimeSeconds, or lower keepAliveTimeSeconds.",
    severity=Severity.MEDIUM,
    config=PolicyConfigSchema(properties={"factor": {"type": "number", "minimum": 1, "default": FACTOR}}),
)
SYMMETRY = About(
    name="bgp-is-symmetrical",
    description="Every session has two ends that mean each other, and advertises what somebody selects.",
    remediation="Give each instance its localASN and each peer its address, ASN and a peer configuration that exists; "
    "let each family select an advertisement; name the routers' side in the cluster component's facts, or as `routers` "
    "in the pack's configuration.",
    severity=Severity.HIGH,
    config=PolicyConfigSchema(
        properties={
            "routers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "address": {"type": "string"},
                        "asn": {"type": "number"},
                        "nodeAsn": {"type": "number"},
                    },
                },
            },
            "peerConfigs": {"type": "array", "items": {"type": "string"}},
        }
    ),
)
OBJECT = re.compile(r"kubernetes:cilium\.io/([a-z0-9]+):(CiliumBGP\w+)")
CONFIGS, PEERS, ADVERTS = "CiliumBGPClusterConfig", "CiliumBGPPeerConfig", "CiliumBGPAdvertisement"


def version(args: ResourceValidationArgs) -> Judgement:
    """Judge the version of a BGP object."""
    found = OBJECT.match(args.resource_type)
    if not found:
        return not_applicable("no BGP object")
    if found[1] == "v2" and not found[2].startswith("CiliumBGPPeeringPolicy"):
        return PASSED
    return violation(f"found cilium.io/{found[1]} {found[2]}. {VERSION.remediation}")


def timers(args: ResourceValidationArgs) -> Judgement:
    """Judge the timers of a peer configuration."""
    if not _is(args.resource_type, PEERS):
        return not_applicable("no peer configuration")
    told = (args.props.get("spec") or {}).get("timers") or {}
    hold, keepalive = _number(told.get("holdTimeSeconds"), HOLD), _number(told.get("keepAliveTimeSeconds"), KEEPALIVE)
    factor = _number(args.get_config().get("factor"), FACTOR)
    if hold >= factor * keepalive:
        return PASSED
    return violation(
        f"holdTimeSeconds {hold:g}, keepAliveTimeSeconds {keepalive:g}, expected a hold time of at least "
        f"{factor * keepalive:g}. {TIMERS.remediation}"
    )


@dataclass
class _Objects:
    """The BGP objects of a stack, and what routers expect."""

    configs: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    peers: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    labels: list[Mapping[str, Any]] = field(default_factory=list)
    routers: list[Mapping[str, Any]] = field(default_factory=list)


def symmetry(args: StackValidationArgs) -> Judgement:
    """Judge all BGP objects of a stack together."""
    if any(OBJECT.match(one.resource_type) and is_left_out(one) for one in args.resources):
        return not_applicable("the update's targets leave BGP objects out; an update of the whole stack is judged")
    config = args.get_config()
    found = _objects(args.resources)
    found.routers += list(config.get("routers") or [])
    if not found.configs:
        return not_applicable("the stack makes no sessions")
    elsewhere = set(config.get("peerConfigs") or [])
    wrong = [*_selected(found), *_sessions(found, elsewhere)]
    if not wrong:
        return PASSED
    text = "; ".join(dict.fromkeys(text for _, text in wrong))
    return violation(f"{text}. {SYMMETRY.remediation}", wrong[0][0])


def _objects(resources: list[PolicyResource]) -> _Objects:
    found = _Objects()
    for one in resources:
        props = inputs(one)
        if one.resource_type == CLUSTER:
            found.routers += list(props.get("bgpRouters") or [])
        elif _is(one.resource_type, CONFIGS):
            found.configs.append((one.urn, props.get("spec") or {}))
        elif _is(one.resource_type, PEERS):
            found.peers[_name(props)] = (one.urn, props.get("spec") or {})
        elif _is(one.resource_type, ADVERTS):
            found.labels.append((props.get("metadata") or {}).get("labels") or {})
    return found


def _selected(found: _Objects) -> Iterator[tuple[str, str]]:
    """Yield peer configurations that advertise nothing."""
    for name, (urn, spec) in found.peers.items():
        families = list(spec.get("families") or [])
        if not families:
            yield urn, f"peer configuration {shown(name)} has no families, so it advertises nothing"
        for family in families:
            wanted = (family.get("advertisements") or {}).get("matchLabels") or {}
            if not any(wanted and all(labels.get(key) == wanted[key] for key in wanted) for labels in found.labels):
                yield urn, f"a family of peer configuration {shown(name)} selects no advertisement of this stack"


def _sessions(found: _Objects, elsewhere: set[str]) -> Iterator[tuple[str, str]]:
    """Yield sessions that lack an end, or whose ends differ."""
    meant: set[str] = set()
    for urn, spec in found.configs:
        for instance in spec.get("bgpInstances") or []:
            asn = _number(instance.get("localASN"), 0)
            if not asn:
                yield urn, f"instance {shown(instance.get('name'))} has no localASN"
            for peer in instance.get("peers") or []:
                meant.add(str(peer.get("peerAddress")))
                yield from ((urn, text) for text in _peer(found, peer, asn, elsewhere))
    for router in found.routers:
        if str(router.get("address")) not in meant:
            yield (
                found.configs[0][0],
                f"router {shown(router.get('address'))} expects nodes, and no session leads to it",
            )


def _peer(found: _Objects, peer: Mapping[str, Any], asn: float, elsewhere: set[str]) -> Iterator[str]:
    name, address = shown(peer.get("name")), str(peer.get("peerAddress") or "")
    config = str((peer.get("peerConfigRef") or {}).get("name") or "")
    theirs = _number(peer.get("peerASN"), 0)
    if config not in found.peers and config not in elsewhere:
        yield f"peer {name} uses peer configuration {shown(config or 'none')}, which is not there"
    if not address or not theirs:
        yield f"peer {name} lacks its address or its ASN, so anybody may answer"
    if not found.routers:
        return
    router = next((one for one in found.routers if str(one.get("address")) == address), None)
    if not router:
        yield f"peer {name} at {shown(address)} is no router that expects nodes"
    elif (_number(router.get("asn"), 0), _number(router.get("nodeAsn"), asn)) != (theirs, asn):
        expected = f"{_number(router.get('asn'), 0):g} towards {_number(router.get('nodeAsn'), asn):g}"
        yield f"peer {name} is AS {theirs:g} towards AS {asn:g}, the router is AS {expected}"


def _is(kind: str, name: str) -> bool:
    found = OBJECT.match(kind)
    return bool(found) and found[2].removesuffix("Patch") == name  # type: ignore[index]


def _name(props: Mapping[str, Any]) -> str:
    return str((props.get("metadata") or {}).get("name") or "")


def _number(value: object, default: float) -> float:
    return default if value is None else float(str(value))


POLICIES = [resource_policy(VERSION, version), resource_policy(TIMERS, timers), stack_policy(SYMMETRY, symmetry)]
