"""Rules about the cluster: how it was born, who owns Cilium, where its API answers."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from underlay.model import Origin
from underlay.plan.chart.keys import MINORS
from underlay.plan.checks.fabric import not_hosts, owned
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.cluster_file import MASTERS, file_name, masters
from underlay.plan.ranges import special

ANSWERS = "an address of a control-plane node or of a load balancer"
NODE_LOCAL = IPv4Network("169.254.0.0/16")
"""Where caches of DNS listen on each node itself."""


@rule(
    "cilium-only-on-new-clusters",
    bad={"cluster.origin": "upgraded"},
    good={"cluster.origin": "new"},
)
def only_new_clusters_run_cilium(declaration: Declaration) -> Iterator[Problem]:
    """The vendor supports Cilium on clusters created with it; an upgrade of an older cluster does not change that."""
    origin = declaration.site.cluster.origin
    if origin is not Origin.NEW:
        expected = "new: created with Cilium as its first network plug-in"
        yield Problem("site.cluster.origin", origin.value, expected, "Make a new cluster and move the workloads.")


@rule(
    "api-address-not-reachable",
    bad={"cluster.api.address": "10.96.0.1"},
    good={"cluster.api.address": "172.30.1.11"},
)
def api_address_is_no_pod_or_service(declaration: Declaration) -> Iterator[Problem]:
    """Agents need the API before services and pods exist."""
    address = declaration.site.cluster.api.address
    for one in declaration.ranges:
        if one.kind in ("pod-pool", "service-range", "load-balancer-pool") and address in one.network:
            yield Problem("site.cluster.api.address", f"{address}, in {one.network} ({one.where})", ANSWERS)


@rule(
    "dns-address-of-no-service",
    bad={"cluster.dns": {"address": "10.97.0.10"}},
    good={"cluster.dns": {"address": "10.96.0.53"}},
)
def dns_has_a_cluster_address(declaration: Declaration) -> Iterator[Problem]:
    """The API server gives the service of DNS no such address; pods would ask there in vain."""
    services, address = declaration.site.addresses.services, declaration.site.cluster.dns.address
    if address is None or address in NODE_LOCAL or (address in services and address not in _taken(services)):
        return
    kind = "the API server's or no host's" if address in services else f"outside {services}"
    expected = f"a free address of {services} (site.addresses.services), or of a cache on each node in {NODE_LOCAL}"
    yield Problem("site.cluster.dns.address", f"{address}, {kind}", expected)


def _taken(services: IPv4Network) -> tuple[IPv4Address, ...]:
    """Return what no service but the API server's gets."""
    return (services.network_address, services.network_address + 1, services.broadcast_address)


@rule(
    "api-address-special-purpose",
    bad={"cluster.api.address": "127.0.0.1"},
    good={"cluster.api.address": "172.30.1.11"},
)
def api_address_is_a_host(declaration: Declaration) -> Iterator[Problem]:
    """An agent on another machine reaches no loopback address, and nobody answers for all or many."""
    address = declaration.site.cluster.api.address
    segments = (subnet for rack in declaration.site.racks for subnet in rack.subnets)
    whole = next((f"which stands for all of {one}" for one in segments if address in not_hosts(one)), "")
    if found := special(IPv4Network(address)):
        yield Problem("site.cluster.api.address", f"{address}, in {found}", ANSWERS)
    elif whole:
        yield Problem("site.cluster.api.address", f"{address}, {whole}", ANSWERS)


@rule(
    "api-address-of-another-machine",
    bad={"cluster.api.address": "172.30.2.12"},
    good={"cluster.api.address": "172.30.1.11"},
)
def api_address_is_of_the_control_plane(declaration: Declaration) -> Iterator[Problem]:
    """Workers, routers and their shared gateways do not answer as the API; agents would wait for them for ever."""
    site, address = declaration.site, declaration.site.cluster.api.address
    right = {node.name for node in site.nodes if node.role == "control-plane"}
    owners = dict.fromkeys(name for other, name, _ in owned(declaration) if address == other)
    for name in owners:
        if name not in right:
            yield Problem("site.cluster.api.address", f"{address}, of {name}", ANSWERS)


@rule(
    "cilium-version-unsupported",
    bad={"cilium.version": "1.18.9"},
    good={"cilium.version": "1.19.6"},
)
def cilium_has_the_objects_that_are_made(declaration: Declaration) -> Iterator[Problem]:
    """Values and BGP objects are those of these versions; another may read them differently, without an error."""
    cilium = declaration.site.cilium
    if cilium.minor not in MINORS:
        yield Problem("site.cilium.version", cilium.version, " or ".join(f"{minor}.x" for minor in MINORS))


@rule(
    "cilium-owned-twice",
    bad={"cilium.owner": "installer", "cilium.chart": "./chart"},
    good={"cilium.owner": "installer"},
)
def cilium_has_one_owner(declaration: Declaration) -> Iterator[Problem]:
    """Two owners undo each other's changes."""
    cilium = declaration.site.cilium
    if cilium.owner == "installer" and cilium.chart:
        expected = "no chart, because the vendor's installer owns Cilium"
        yield Problem("site.cilium.chart", cilium.chart, expected, "Remove the chart, or set owner to release.")


@rule(
    "installer-reads-another-file",
    bad={"cluster.installer": ["./make-cluster", "cluster.yaml"]},
    good={"cluster.installer": ["./make-cluster", "cluster-dev.yaml"]},
)
def installer_reads_the_cluster_file(declaration: Declaration) -> Iterator[Problem]:
    """The file's name follows from the cluster's; the installer has to be told that name."""
    cluster, name = declaration.site.cluster, file_name(declaration.site)
    if cluster.installer and name not in cluster.installer:
        yield Problem("site.cluster.installer", " ".join(cluster.installer), f"{name} as one of its words")


@rule(
    "control-plane-size",
    bad={"nodes.0.role": "worker", "cluster.api.address": "198.51.100.7"},
    good={"nodes.0.role": "control-plane", "cluster.api.address": "198.51.100.7"},
)
def control_plane_fits_the_cluster_file(declaration: Declaration) -> Iterator[Problem]:
    """The file has room for three masters, and a cluster needs one."""
    count = len(masters(declaration.site))
    if not 1 <= count <= MASTERS:
        yield Problem("site.nodes", f"{count} control-plane nodes", f"1 to {MASTERS}")
