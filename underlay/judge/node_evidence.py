"""What one node says, as data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from underlay.judge.intrusion_evidence import IntrusionFacts
from underlay.judge.parts import Many, Named, Part, Text
from underlay.judge.policy_evidence import PolicyFacts
from underlay.judge.probe_evidence import Probe, Reach, Served

Point = Literal["sent", "received", "dropped", "refused", "routed", "resent", "md5"]


class Counter(Part):
    """What the kernel counted for one flow at one place."""

    point: Point
    form: Literal["bare", "vxlan", "geneve", "ipip", "gre"]
    netns: int
    ifindex: int
    source: Text
    target: Text
    protocol: int
    count: int
    first: int
    last: int
    port: int = 0
    reason: Text = ""
    """Of a drop; of an `md5` event what is wrong with the signature."""
    function: Text = ""
    icmp: tuple[int, int] | None = None
    table: int = 0
    gateway: Text | None = None
    error: int = 0
    state: int = 0
    """TCP's state of the connection whose segment was sent again."""


class Link(Part):
    """A network device of the node."""

    name: Text
    ifindex: int
    kind: Text | None
    mtu: int
    up: bool
    master: int = 0
    """Number of the bond that the device is a slave of."""
    lower: int = 0
    """Number of the device that a VLAN travels on."""


class Program(Part):
    """A BPF program on a device."""

    hook: Literal["ingress", "egress"]
    kind: Literal["tcx", "tc"]
    id: int | None
    name: Text


class Route(Part):
    """A route, or the kernel's answer to a look-up; `error` is its refusal."""

    target: Text = ""
    type: Text = ""
    device: Text | None = None
    gateway: Text | None = None
    hops: tuple[Text | None, ...] = ()
    """The next hops of a route with several."""
    table: int = 0
    protocol: int = 0
    error: int | None = None
    message: Text = ""


class Lookup(Part):
    """Three look-ups for a far pod: from the node, forwarded from the local pod, and the way back by uplink."""

    target: Text
    out: Route
    forwarded: Route | None
    back: Named[Route]


class Neighbour(Part):
    """An entry of the neighbour table."""

    address: Text
    device: Text | None
    state: Text


class Rule(Part):
    """A routing rule."""

    priority: int | None
    table: int | None
    mark: int | None
    source: Text | None


class Chain(Part):
    """A packet filter's chain at one of the hooks."""

    kind: Text
    table: Text
    chain: Text
    hook: Text = "forward"
    policy: Text
    drops: int


class Behind(Part):
    """The pods behind a port of a service; of many only some are told."""

    count: int
    pods: Many[Text]


class Balanced(Part):
    """What Cilium's maps say of a service, by the name of the port."""

    kept: bool
    """Cilium keeps such maps here."""
    ports: Named[Behind | None]
    """None: no entry for that port."""


class CiliumDrop(Part):
    """What Cilium itself dropped while the probes ran; the reason is its own number."""

    reason: int
    direction: Text
    count: int


class Connection(Part):
    """An established TCP connection of BGP."""

    local: Text
    remote: Text


class CiliumFacts(Part):
    """What the agent's own files say."""

    marks: Many[Text] | None
    host: Named[Named[int | bool | Text]] | None
    overlay_maps: Many[Text] | None
    options: Named[Text] | None = None
    """The options that were asked for and are set; None: there is no running agent, or nobody asked."""


class Facts(Part):
    """A node's facts; None for each part that could not be read."""

    links: Many[Link] | None = None
    addresses: Many[Text] | None = None
    """Its own IPv4 addresses."""
    programs: Named[Many[Program]] | None = None
    routes: Many[Route] | None = None
    rules: Many[Rule] | None = None
    lookups: Many[Lookup] | None = None
    sysctls: Named[int] | None = None
    neighbours: Many[Neighbour] | None = None
    bgp: Many[Connection] | None = None
    filters: Many[Chain] | None = None
    cilium: CiliumFacts | None = None
    intrusion: IntrusionFacts | None = None
    policies: PolicyFacts | None = None
    """None: no agent told."""
    service: Balanced | None = None


class PodLink(Part):
    """The probe pod's own link."""

    address: Text
    namespace: int
    device: Text
    ifindex: int
    mtu: int
    host_ifindex: int | None


class SelfTest(Part):
    """The self-test's datagram and what was counted for it."""

    source: Text
    target: Text
    wrong: Many[Text]
    seen: Many[Counter]


class Kernel(Part):
    """How much the kernel's account is worth."""

    level: Literal["full", "partial", "none"]
    selftest: SelfTest | None
    backend: Literal["core", "bcc"] | None = None
    """How the programs came into the kernel: as a compiled object by libbpf, or compiled on the node."""
    tried: Named[Text] = Field(default={})
    """Backends that could not be used, and why."""
    points: Many[Point] = ()
    """What this kernel can count; proven by the self-test."""
    reasons: bool = False
    lacking: Many[Text] = ()
    """What this kernel cannot tell."""
    attach_seconds: float = 0.0
    peak_mib: int = 0


class Resolved(Part):
    """What the cluster's DNS said to the probe pod."""

    server: Text
    name: Text
    answers: Many[Text] = ()
    asked: int = 0
    """Questions that were sent."""
    ms: float | None = None
    error: Text | None = None
    """Of the last question."""


class NodeReport(Part):
    """One node's report."""

    version: Literal[1] = Field(alias="schema")
    host: Text
    kernel: Text
    namespace: int
    seconds: float
    cpu_seconds: float = 0.0
    evidence: Kernel
    pod: PodLink | None
    facts: Facts
    probes: Many[Probe]
    counters: Many[Counter]
    missed: int
    errors: Many[Text]
    cilium_drops: Many[CiliumDrop] | None = None
    """None: Cilium's counters could not be read."""
    dns: Resolved | None = None
    """None: nobody asked."""
    service: Served | None = None
    """None: nobody asked, and so in the next two."""
    from_node: Probe | None = None
    """From the node's own network to a pod of another node."""
    to_node: Reach | None = None
    """From the pod to another node's own network."""
