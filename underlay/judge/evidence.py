"""Everything that was observed, as data: what nodes, routers and the Kubernetes API said, and what could not be had."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from underlay.judge.intrusion_evidence import IntrusionFacts
from underlay.judge.node_evidence import (
    Balanced,
    Chain,
    CiliumDrop,
    CiliumFacts,
    Connection,
    Counter,
    Facts,
    Kernel,
    Link,
    Lookup,
    Neighbour,
    NodeReport,
    PodLink,
    Point,
    Program,
    Route,
    Rule,
    SelfTest,
)
from underlay.judge.parts import First, Many, Named, Part, Text
from underlay.judge.policy_evidence import PolicySurvey
from underlay.judge.probe_evidence import Asked, Exchange, Probe, Reach, Served
from underlay.judge.release_evidence import Edited, Revision
from underlay.plan.ends.end import End

__all__ = [
    "ECHOES",
    "Applied",
    "Asked",
    "Balanced",
    "Chain",
    "CiliumDrop",
    "CiliumFacts",
    "Configuration",
    "Connection",
    "Counter",
    "Evidence",
    "Exchange",
    "Facts",
    "Filter",
    "First",
    "Front",
    "IntrusionFacts",
    "Kernel",
    "Link",
    "Lookup",
    "Many",
    "Named",
    "Neighbour",
    "NodeReport",
    "NodeSession",
    "Part",
    "PodLink",
    "Point",
    "Port",
    "Probe",
    "Process",
    "Program",
    "Reach",
    "Route",
    "RouterReport",
    "RouterSession",
    "Rule",
    "SelfTest",
    "Served",
    "Survey",
    "Surveyed",
    "Text",
    "Trouble",
]


class Filter(Part):
    """A router's nftables chain that drops or rejects packets."""

    family: Text
    table: Text
    chain: Text
    hook: Text
    policy: Text
    rules: Many[Text]


class Port(Part):
    """A router's interface with addresses of its own."""

    name: Text
    up: bool
    networks: tuple[Text, ...]


class Process(Part):
    """A daemon of a router; the state is the kernel's letter."""

    name: Text
    state: Text


class RouterSession(Part):
    """A BGP session as the router sees it."""

    address: Text
    asn: int | None
    state: Text
    detail: Text = ""
    hold: float | None = None
    """Negotiated hold time in seconds, 0 where there is none; None: the router did not say it."""
    age: float | None = None
    """Seconds since it came up, or since it went down."""
    drops: int | None = None
    """How often it has gone down as long as the daemon knows the neighbour; BIRD does not count."""
    watched: float = 0
    """Seconds for which it was looked at again, because it had just changed."""
    resets: int = 0
    """How often it went down meanwhile."""
    identity: Text = ""
    """The other end's router id, where the session is up and the daemon says it."""


class Configuration(Part):
    """The ends of a router's sessions as its configuration has them; only this run can compare digests of passwords."""

    ends: Named[End]
    """By the neighbour's address."""
    ranges: Named[End]
    """By the network of neighbours that it does not name."""


ECHOES = "echoes: "
"""How a router's errors about pods that it asks begin."""


class RouterReport(Part):
    """What a router holds; None for each part that it did not say."""

    processes: Many[Process] | None = None
    sessions: Many[RouterSession] | None = None
    table: Named[Many[Text]] | None = None
    """BGP's best routes: prefix → next hops."""
    kernel: Many[Route] | None = None
    configuration: Configuration | None = None
    saved: Configuration | None = None
    """What FRR starts with, where our program has written it."""
    unloaded: Many[Text] | None = None
    """Files that BIRD has not read since they changed, where our program has written them."""
    errors: Many[Text] = ()
    forwarding: int | None = None
    """The sysctl ip_forward."""
    neighbours: Many[Neighbour] | None = None
    control: Text | None = None
    """What the daemon that holds the routes says of itself on its control socket."""
    ports: tuple[Port, ...] | None = None
    filters: tuple[Filter, ...] | None = None
    """Chains that drop or reject; None where the router has no nftables, or did not say."""
    echoes: Named[bool] | None = None
    """Whether pods answered it, by address; None: nobody asked, or the router has no `ping`."""
    md5: Named[int] | None = None
    """BGP segments with a wrong signature while the router was read, by the kernel's counter."""


class NodeSession(Part):
    """A BGP session as Cilium's status has it."""

    address: Text
    asn: int | None
    state: Text
    age: float | None = None
    """Seconds since it came up, where it says so."""


class Surveyed(Part):
    """What the Kubernetes API says of a node."""

    ready: bool
    pod_cidrs: Many[Text] = ()
    agent: Text | None = None
    agent_ready: bool = False
    probe: Text | None = None
    """Address of the node's probe pod; None when there is none, or it is not running."""
    kubelet: int | None = None
    """The port at which the node's kubelet listens, as the node says itself."""
    sessions: Many[NodeSession] | None = None
    """None: there is no CiliumBGPNodeConfig for the node."""
    ends: Named[End] | None = None
    """Its ends of the sessions by the router's address, as Cilium's objects have them."""


class Trouble(Part):
    """A condition that one of Cilium's objects complains with."""

    kind: Text
    name: Text
    condition: Text
    message: Text
    young: bool = False
    """Cilium tries again by itself, and has had no time for it yet."""


class Front(Part):
    """The service in front of the responder pods, as the API has it."""

    address: Text
    pods: Many[Text] | None = None
    """Addresses of the pods that are ready behind it; None: not known."""
    changing: bool = False
    """A pod behind it comes or goes just now, so nobody has the same pods at once."""


class Applied(Part):
    """One of Cilium's objects, as the API has it."""

    kind: Text
    name: Text
    spec: Mapping[str, Any]
    labels: Mapping[Text, Text] = Field(default_factory=dict)


class Survey(Part):
    """The Kubernetes API's account, by node."""

    nodes: Named[Surveyed] = Field(default_factory=dict)
    troubles: Many[Trouble] = ()
    full: Many[Text] = ()
    """Pools of services' addresses that have none left."""
    undeclared: Named[Many[Text]] = Field(default_factory=dict)
    """Nodes of the cluster that the site does not declare, with the pod networks that Cilium has given them."""
    left: Many[Text] = ()
    """Those of them that are no nodes any more: only their CiliumNode is there."""
    dns: Many[Text] | None = None
    """Cluster addresses of the services in front of the cluster's DNS; None: not known."""
    service: Front | None = None
    """None: there is none, or the API did not show it."""
    objects: Many[Applied] = ()
    """Those of the kinds that a site applies."""
    kinds: Many[Text] = ()
    """Which of these kinds were read."""
    operators: Many[Text] | None = None
    """Those of Cilium's that are Ready, or begin anew just now; None: not known."""
    edited: Many[Edited] | None = None
    """Options that agents take from elsewhere than Helm's last revision; None: not known."""
    daemon: Many[Text] | None = None
    """How the agents' DaemonSet is not as released, or not rolled out, and what is gone; None: not known."""
    revision: Revision | None = None
    """None: not known, not planned, or Helm is at work."""
    errors: Many[Text] = ()


class Evidence(Part):
    """All evidence of one verification; a machine without report has a sentence in `errors` instead."""

    taken: datetime
    seconds: float
    survey: Survey
    nodes: Named[NodeReport]
    routers: Named[RouterReport]
    errors: Named[Text]
    policies: PolicySurvey | None = None
    """None: the site declares no policies."""
