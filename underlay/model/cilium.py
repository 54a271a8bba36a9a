"""Cilium's release as it is declared: a closed enumeration wherever the chart takes any text."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from underlay.model.base import Model, Port, Version, Word

Minor = Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{1,3}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Prefix = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.:/_-]*[a-z0-9]$")]


class HostRouting(StrEnum):
    """Which part of the kernel forwards pod packets on a node."""

    LEGACY = "legacy"
    BPF = "bpf"


class Maglev(Model):
    """The table by which every node picks the same backend; the same in all clusters that share addresses."""

    table: Literal[251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071]
    """Entries for each service: primes that the agent takes; about 100 times the backends of the largest service."""
    seed: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{16}$")] | None = None
    """Twelve bytes in base64; None: Cilium's own, the same everywhere."""


class NodePorts(Model):
    """The ports on which nodes serve services of type NodePort."""

    first: Port
    """The lowest of them."""
    last: Port
    """The highest of them."""


class LoadBalancing(Model):
    """How a service picks its backend, and how the answer travels."""

    algorithm: Literal["random", "maglev"]
    """`maglev`: every node picks the same backend for a client; `random`: each connection anew, and for a service
    with affinity each node that a client enters by keeps a backend of its own."""
    mode: Literal["snat", "dsr", "hybrid"] = "snat"
    """`snat`: answers pass the node again; `dsr`: they do not, by an IP option and never by encapsulation, so the
    routers of every rack need a way to clients; `hybrid`: `dsr` for TCP only."""
    acceleration: Literal["disabled", "best-effort", "native"] = "disabled"
    """XDP on the uplinks; with `native` an agent whose driver has none does not start."""
    maglev: Maglev | None = None
    """None: the agent's own table."""
    node_ports: NodePorts | None = None
    """None: 30000 to 32767, as in Kubernetes."""
    external_cluster_ips: bool = False
    """Whether clients outside reach cluster IPs; needed where BGP announces them."""


class Certificates(StrEnum):
    """Who makes Hubble's certificates; Helm itself would make new ones at each rendering."""

    CRON_JOB = "cronJob"
    CERT_MANAGER = "certmanager"
    NONE = "none"


class Issuer(Model):
    """An issuer of cert-manager."""

    kind: Literal["Issuer", "ClusterIssuer"]
    """Of one namespace, or of the whole cluster."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    """The issuer's name in Kubernetes."""


class Hubble(Model):
    """Cilium's own view of flows."""

    certificates: Certificates
    """Who makes and renews the certificates of Hubble's server."""
    issuer: Issuer | None = None
    """Needed where cert-manager makes them."""
    relay: bool = False
    """Whether flows of all nodes can be asked for at one place."""
    ui: bool = False
    """Whether there is a web page over the relay."""


class Bandwidth(Model):
    """Cilium's bandwidth manager: pod limits are kept by BPF instead of queues."""

    bbr: bool = False
    """Congestion control BBR for pods."""


class Images(Model):
    """Where the nodes get the images from."""

    registry: Prefix | None = None
    """Prefix that replaces the host of every image of the chart, for sites with a mirror."""
    digests: bool = False
    """Whether every image is asked for by its digest, as the chart knows it."""


class Cilium(Model):
    """The Cilium release."""

    version: Version
    """Version of Cilium, as in 1.20.2."""
    owner: Literal["release", "installer"]
    """Who installs Cilium: this program (`release`) or the vendor's installer (`installer`)."""
    host_routing: HostRouting
    """`legacy`: the kernel's routing and netfilter see pods' packets; `bpf`: Cilium forwards them past both."""
    kube_proxy_replacement: bool
    """True: Cilium serves Services in BPF; False: kube-proxy runs on every node."""
    direct_node_routes: bool
    """True: nodes of one segment reach each other's pods without a router; other segments stay with the routers."""
    load_balancing: LoadBalancing
    """How Services spread their traffic."""
    masquerade: bool = True
    """True: pods take their node's address towards everything outside the pod pools; False: the fabric routes back."""
    mtu: Annotated[int, Field(ge=1280, le=65535)] | None = None
    """Bytes of a pod's packet; None: the smallest MTU of the node's uplinks."""
    hubble: Hubble | None = None
    """None: no Hubble."""
    host_firewall: bool = False
    """Whether policies apply to the nodes themselves."""
    bandwidth: Bandwidth | None = None
    """None: no bandwidth manager."""
    dns_proxy: bool = False
    """Whether agents look at pods' questions to the cluster's DNS themselves; rules with DNS names need it."""
    l7_proxy: bool = False
    """Whether Envoy runs on every node; HTTP rules need it. Agents look at DNS questions then as well."""
    first_installed: Minor | None = None
    """Minor version of the first installation, whose defaults are kept; None: the present one."""
    images: Images = Images()
    """Where the images come from; the chart's own places unless told otherwise."""
    values: dict[str, Any] = Field(default_factory=dict)
    """Further values of the chart; what the site itself decides is refused here."""
    chart: Word | None = None
    """Directory, archive, OCI reference or address of a repository; None: configured per stack."""
    chart_sha256: Sha256 | None = None
    """Digest of the chart's archive; required for everything but a directory."""

    @property
    def proxies_dns(self) -> bool:
        """Tell whether the agents' own DNS proxy runs: it is a part of what Cilium calls the L7 proxy."""
        return self.dns_proxy or self.l7_proxy

    @property
    def minor(self) -> str:
        """Return the minor version, as in 1.20."""
        return self.version.rpartition(".")[0]
