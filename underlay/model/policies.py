"""Security policies as intent: who may talk to whom, and the baselines below that."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from underlay.model.base import Address, Model, Name, Network, Port

LabelKey = Annotated[
    str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
]
"""A label's key as Kubernetes takes it: a name, perhaps with a domain and a slash before it."""
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
DnsPattern = Annotated[str, Field(pattern=r"^([-a-zA-Z0-9_*]{1,63}\.)*[-a-zA-Z0-9_*]{1,63}$", max_length=255)]
Path = Annotated[str, Field(pattern=r"^/[!-~]{0,1023}$")]

Protocol = Literal["TCP", "UDP", "SCTP"]


class Ports(Model):
    """One port, or a range of them."""

    protocol: Protocol = "TCP"
    """What is above IP."""
    port: Port
    """The port, or the first of a range."""
    last: Port | None = None
    """The last port of a range; None: one port."""

    @property
    def end(self) -> int:
        """Return the last port."""
        return self.port if self.last is None else self.last

    def holds(self, other: Ports) -> bool:
        """Tell whether every port of another range is one of these."""
        return self.protocol == other.protocol and self.port <= other.port and other.end <= self.end

    def __str__(self) -> str:
        """Return the ports as people write them, as in TCP/80 or UDP/5000-5010."""
        return f"{self.protocol}/{self.port}" + (f"-{self.last}" if self.last is not None else "")


class Workload(Model):
    """Pods that are alike to policies: one namespace, some labels."""

    name: Name
    """What rules call it."""
    namespace: Name
    """The namespace of its pods."""
    labels: Annotated[dict[LabelKey, LabelValue], Field(min_length=1)]
    """Labels that its pods have, all of them; they are best given at creation: a later change takes up to half a minute
    until it is enforced."""
    ports: tuple[Ports, ...] = ()
    """The ports on which it answers."""


class Http(Model):
    """Requests that are let through; everything else gets the answer 403."""

    method: Annotated[str, Field(pattern=r"^[A-Z]{1,32}$")] | None = None
    """The method, as in GET; None: any."""
    path: Path | None = None
    """The whole path as a regular expression; None: any."""

    def __str__(self) -> str:
        """Return the requests as people write them."""
        return f"{self.method or 'any method'} {self.path or 'any path'}"


class Rule(Model):
    """One permission: some may open connections to others; answers are part of it."""

    name: Name
    """The rule's name; it is what the matrix shows."""
    sources: tuple[Name, ...] = ()
    """Who opens the connection: workloads, or `pods` (any pod), `nodes`, `api-server`, `outside`."""
    targets: tuple[Name, ...] = ()
    """Who answers: workloads, or `dns` (the cluster's DNS), `nodes`, `api-server`, `outside`."""
    source_networks: tuple[Network, ...] = ()
    """Networks outside the cluster that open connections to the targets."""
    target_networks: tuple[Network, ...] = ()
    """Networks outside the cluster to which the sources open connections."""
    target_names: tuple[DnsPattern, ...] = ()
    """DNS names outside the cluster to which the sources open connections; `*` stands for any letters of one label."""
    ports: Annotated[tuple[Ports, ...], Field(min_length=1)]
    """The ports that are opened."""
    http: tuple[Http, ...] = ()
    """Requests that are let through on these ports; none: every one."""


class DefaultDeny(Model):
    """In these namespaces pods talk by rules only; what nodes ask of their own pods, as probes do, stays allowed."""

    namespaces: Annotated[tuple[Name, ...], Field(min_length=1)]
    """The namespaces, with all of their pods, whether they are of a workload or not."""
    dns: bool = True
    """Whether their pods may ask the cluster's DNS."""
    health: bool = True
    """Whether it is written down that nodes reach their own pods; agents allow that by default anyhow."""


class Accept(Model):
    """Connections between nodes and networks outside the cluster."""

    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    """The networks."""
    ports: Annotated[tuple[Ports, ...], Field(min_length=1)]
    """The ports at the end that answers."""


class HostFirewall(Model):
    """What the nodes themselves accept on their uplinks; between nodes and pods of the cluster all stays open."""

    accepts: tuple[Accept, ...] = ()
    """Connections from outside, as of administrators to SSH and to the API server."""
    opens: tuple[Accept, ...] | None = None
    """Connections that nodes open to the outside; None: any."""
    bgp: bool = True
    """Whether BGP with the declared routers is let through: TCP 179 in both directions, and what they send to the ports
    32768-60999, from which nodes open sessions."""


class Baselines(Model):
    """What holds whatever the rules say."""

    default_deny: DefaultDeny | None = None
    """None: pods that no rule names talk to everybody."""
    host_firewall: HostFirewall | None = None
    """None: policies leave the nodes alone."""
    blocked: tuple[Address, ...] = ()
    """Addresses that no pod reaches, as 169.254.169.254, where platforms tell their machines' secrets."""


class Policies(Model):
    """Who may talk to whom.

    A rule is enforced at both ends: what a workload may do as a source, or gets as a target, is from its first rule on
    told by rules alone.
    """

    workloads: tuple[Workload, ...] = ()
    """The pods that rules speak of."""
    rules: tuple[Rule, ...] = ()
    """The permissions, in any order."""
    baselines: Baselines = Baselines()
    """What holds below the rules, for pods that none of them names too."""
