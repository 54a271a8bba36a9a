"""The network before and after a preview, read from the resources that make it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from underlay.plan.lineage import CLUSTER, DETECTION, RELEASE, ROUTERS
from underlay.report.review.preview import Object, Step, of_kind

LOCAL, REMOTE = "command:local:Command", "command:remote:Command"
CHART = "kubernetes:helm.sh/v3:Release"
BGP = "kubernetes:cilium.io/v2:CiliumBGP"
PEER, PEERS, OVERRIDE = f"{BGP}PeerConfig", f"{BGP}ClusterConfig", f"{BGP}NodeConfigOverride"
POOL = "kubernetes:cilium.io/v2:CiliumLoadBalancerIPPool"
PASSWORD = "underlay-bgp"  # noqa: S105 - a Secret's name
PREPARE = "prepare-"
Side = Literal["old", "new"]


class Session(NamedTuple):
    """A session of a node with a router."""

    node: str
    router: str
    address: str
    asn: int
    own: int
    """The node's number."""
    identity: str
    """The node's router id, where one is declared."""


@dataclass(frozen=True)
class Network:
    """What the resources of one side say."""

    cluster: Object = field(default_factory=dict)
    release: Object = field(default_factory=dict)
    chart: Object = field(default_factory=dict)
    peer: Object = field(default_factory=dict)
    nodes: Mapping[str, Object] = field(default_factory=dict)
    """The input of each node's program."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """The program itself, packed, for each node of which it is known."""
    sessions: frozenset[Session] = frozenset()
    routers: Mapping[str, str] = field(default_factory=dict)
    """The configuration text of each router, with a mark in place of the password."""
    managed: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()
    """Pools of service addresses."""
    detection: Object = field(default_factory=dict)
    """What intrusion detection sees and cannot see; nothing where there is none."""

    @property
    def options(self) -> Mapping[str, str]:
        """Return the agents' options."""
        found = self.release.get("options")
        return found if isinstance(found, Mapping) else {}

    @property
    def workloads(self) -> Mapping[str, Mapping[str, str]]:
        """Return the parts of the release's workloads; nothing in the state of an older program."""
        found = self.release.get("workloads")
        return found if isinstance(found, Mapping) else {}

    @property
    def lineage(self) -> Object:
        """Return the record of what may not change."""
        found = self.cluster.get("lineage")
        return found if isinstance(found, Mapping) else {}


def network(steps: Sequence[Step], side: Side) -> Network:
    """Return the network of one side."""
    prepared = {step.name.removeprefix(PREPARE): _request(step, side) for step in of_kind(steps, REMOTE, PREPARE)}
    routers = _first(steps, side, ROUTERS)
    return Network(
        cluster=_first(steps, side, CLUSTER),
        release=_first(steps, side, RELEASE),
        chart=_first(steps, side, CHART),
        peer=_first(steps, side, PEER).get("spec") or {},
        nodes={name: asked.get("input") or {} for name, asked in prepared.items() if asked is not None},
        programs={name: str(asked["program"]) for name, asked in prepared.items() if asked and "program" in asked},
        sessions=frozenset(_sessions(steps, side)),
        routers={str(name): str(text) for name, text in (routers.get("texts") or {}).items()},
        managed=frozenset(map(str, routers.get("managed") or ())),
        services=tuple(_pools(steps, side)),
        detection=_first(steps, side, DETECTION),
    )


def state(step: Step, side: Side) -> Object | None:
    """Return a resource's inputs on one side."""
    return step.old if side == "old" else step.new


def _first(steps: Sequence[Step], side: Side, kind: str) -> Object:
    return next((found for step in steps if step.kind == kind and (found := state(step, side))), {})


def _request(step: Step, side: Side) -> Object | None:
    """Return what is sent to a machine; nothing of it where it is not known yet, None where there is no such step."""
    inputs = state(step, side)
    if inputs is None:
        return None
    try:
        found = json.loads(str(inputs.get("stdin")))
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _sessions(steps: Sequence[Step], side: Side) -> Iterator[Session]:
    identities = dict(_identities(steps, side))
    for step in of_kind(steps, PEERS):
        spec: Any = (state(step, side) or {}).get("spec") or {}
        terms = (spec.get("nodeSelector") or {}).get("matchExpressions") or ()
        nodes = [name for term in terms for name in term.get("values") or ()]
        for instance in spec.get("bgpInstances") or ():
            for peer in instance.get("peers") or ():
                ends = (str(peer["name"]), str(peer["peerAddress"]), int(peer["peerASN"]), int(instance["localASN"]))
                yield from (Session(node, *ends, identities.get(node, "")) for node in nodes)


def _identities(steps: Sequence[Step], side: Side) -> Iterator[tuple[str, str]]:
    for step in of_kind(steps, OVERRIDE):
        made: Any = state(step, side) or {}
        for instance in (made.get("spec") or {}).get("bgpInstances") or ():
            yield str(made["metadata"]["name"]), str(instance.get("routerID") or "")


def _pools(steps: Sequence[Step], side: Side) -> Iterator[str]:
    for step in of_kind(steps, POOL):
        spec: Any = (state(step, side) or {}).get("spec") or {}
        yield from (str(block["cidr"]) for block in spec.get("blocks") or ())
