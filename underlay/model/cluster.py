"""The cluster, its address plan and BGP as they are declared."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field

from underlay.model.base import Address, Asn, Model, Name, Network, Port, Version, Word


class Origin(StrEnum):
    """How the cluster came to its first CNI; only `new` may run Cilium (the vendor's rule)."""

    NEW = "new"
    EXISTING = "existing"
    UPGRADED = "upgraded"


class Endpoint(Model):
    """Where the API server answers; an address of a node or load balancer, never the cluster IP."""

    address: Address
    """Of a control-plane node, or of the load balancer in front of them."""
    port: Port
    """TCP port of the API server; the vendor's installer takes 5443, Kubernetes alone 6443."""


class UcsCtl(Model):
    """The vendor's own tool, run on the machine from which the stack is applied."""

    agent: Word
    """Path of the agent's file, which the vendor's console generates."""
    program: Word = "ucs-ctl"
    """Name or path of the tool."""


class FileBgp(Model):
    """BGP keys of the cluster file; the vendor does not say whose number `CILIUM_BGP_PEER_ASN` is."""

    peer: Address
    """The router with which every node peers; the vendor's template holds a placeholder, 127.0.0.1."""
    asn: Asn
    """The number that goes into the file."""


class Dns(Model):
    """The cluster's DNS, which comes with the cluster and by which pods find services."""

    address: Address | None = None
    """Cluster address of its service; None: the tenth of `addresses.services`, as installers give it."""
    domain: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=200)] = "cluster.local"
    """What the names of services end with."""


class Cluster(Model):
    """The Kubernetes cluster that the vendor's installer makes."""

    name: Name
    """The cluster's name; the vendor's file is called `cluster-<name>.yaml`."""
    origin: Origin
    """`new`: created with Cilium as its first CNI; `existing`: without it; `upgraded`: from such a cluster."""
    kubernetes: Version
    """Version of Kubernetes, as in 1.34.1."""
    api: Endpoint
    """Where agents reach the API server before any Service exists."""
    id: Annotated[int, Field(ge=0, le=255)] = 0
    """Cilium's cluster number, 0 where no clusters are meshed; it is part of every identity and never changes."""
    dns: Dns = Dns()
    """Where pods ask for names; the verification asks there from every node."""
    installer: tuple[Word, ...] = ()
    """The command that reads the cluster file and prints the kubeconfig; empty: the kubeconfig is configured."""
    ucs_ctl: UcsCtl | None = None
    """The vendor's tool in place of such a command."""
    file_bgp: FileBgp | None = None
    """BGP set up by the installer, where it owns Cilium; None: the cluster file says that BGP is off."""

    @property
    def has_installer(self) -> bool:
        """Tell whether the stack makes the cluster, rather than being given the kubeconfig of one."""
        return bool(self.installer or self.ucs_ctl)


class Pods(Model):
    """The pod pools and the size of each node's share of them."""

    pools: Annotated[tuple[Network, ...], Field(min_length=1)]
    """Nodes take their shares from the first pool, then from the next; pools are only ever appended."""
    mask: Annotated[int, Field(ge=1, le=32)]
    """Prefix length of one node's pod network."""

    @cached_property
    def native(self) -> IPv4Network:
        """Return the smallest network that holds every pool: what is routed without encapsulation (R13)."""
        found = self.pools[0]
        while not all(pool.subnet_of(found) for pool in self.pools):
            found = found.supernet()
        return found


class OtherCluster(Model):
    """Another cluster that the same fabric carries; its ranges must stay apart from this one's."""

    name: Name
    """What messages call it."""
    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    """Its pods, services, load balancers and nodes."""


class Growth(Model):
    """How large the site is planned to become; capacity is judged by the larger of plan and declaration."""

    nodes: Annotated[int, Field(ge=1, le=5000)] | None = None
    """Nodes, up to the limit of Kubernetes."""
    load_balancers: Annotated[int, Field(ge=1, le=65536)] | None = None
    """Services of type LoadBalancer, one address each."""


class Addresses(Model):
    """Every range that the site uses beside the racks' segments; they must not overlap."""

    pods: Pods
    """Where pods get their addresses from."""
    services: Network
    """Cluster addresses of Services, /12 to /28; they exist on the nodes only and are never routed."""
    load_balancers: tuple[Network, ...] = ()
    """Pools of addresses of services of type LoadBalancer."""
    out_of_band: Network | None = None
    """The network by which SSH reaches machines; left out where management goes over the fabric."""
    fabric: tuple[Network, ...] = ()
    """Links between routers, and their loopbacks."""
    external: tuple[Network, ...] = ()
    """Networks outside the cluster that talk to pods directly."""
    other_clusters: tuple[OtherCluster, ...] = ()
    """Clusters whose routes meet this one's in the same fabric."""
    growth: Growth = Growth()
    """What is planned beyond what is declared, so that ranges that never change are large enough."""


def _community(text: str) -> str:
    if any(int(half) > LARGEST_HALF for half in text.split(":")):
        raise ValueError(f"two numbers from 0 to {LARGEST_HALF}, as in 65010:100")
    return text


LARGEST_HALF = 65535


class Timers(Model):
    """BGP timers in seconds (RFC 4271)."""

    connect_retry: Annotated[int, Field(ge=1, le=65535)]
    """Seconds between two attempts to open a session."""
    hold: Annotated[int, Field(ge=3, le=65535)]
    """Seconds of silence after which the peer is taken for dead; three keepalives or more."""
    keepalive: Annotated[int, Field(ge=1, le=65535)]
    """Seconds between two signs of life."""


class GracefulRestart(Model):
    """How long routers keep a restarting node's routes (RFC 4724)."""

    restart: Annotated[int, Field(ge=1, le=4095)]
    """Seconds; it has to outlast an agent's restart."""


Community = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,4}):(0|[1-9][0-9]{0,4})$"), AfterValidator(_community)]
"""Two numbers of 16 bits."""


class Bgp(Model):
    """The cluster's side of BGP; the routers' side follows from the racks."""

    asn: Asn
    """The nodes' autonomous system number, the same for all of them, and of no router that needs other racks' pods."""
    timers: Timers
    """Timers of the sessions between nodes and routers, used on both sides."""
    graceful_restart: GracefulRestart | None = None
    """Left out: routers drop a node's routes as soon as its agent restarts."""
    communities: tuple[Community, ...] = ()
    """Marks that the nodes put on everything they advertise, as in 65010:100 (RFC 1997)."""
