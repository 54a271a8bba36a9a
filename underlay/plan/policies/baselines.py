"""The baselines as cluster-wide policies of Cilium: default deny, blocked addresses, the nodes' own firewall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from underlay.model import Site
from underlay.model.policies import Accept, DefaultDeny, HostFirewall, Ports
from underlay.plan.bgp import API_VERSION, router_addresses
from underlay.plan.policies import selectors
from underlay.plan.policies.intent import CLUSTER_DNS, DEFAULT_DENY, DNS_PORTS
from underlay.plan.policies.selectors import Object

BGP = Ports(port=179)
OPENED = Ports(port=32768, last=60999)
"""From where Linux opens connections by itself. A session that an agent opened while it restarted may be tracked from
the router's first answer on, as one that the router has opened; a policy that comes later would cut it."""
PING: Object = {"icmps": [{"fields": [{"family": "IPv4", "type": "EchoRequest"}]}]}
CLUSTER, WORLD = ["cluster"], ["world"]
NOTHING: Object = {}
"""An entry that lets nothing through, and still closes its direction."""


def labels(site: Site) -> dict[str, str]:
    """Return the labels that say whose objects these are."""
    return {"app.kubernetes.io/managed-by": "cilium-underlay", "underlay/site": site.name}


def baselines(site: Site) -> Iterator[Object]:
    """Yield the policies of the declared baselines."""
    declared = site.policies.baselines if site.policies else None
    if declared and declared.default_deny:
        yield _cluster_wide(site, DEFAULT_DENY, _default_deny(declared.default_deny))
    if declared and declared.blocked:
        addresses = [f"{address}/32" for address in declared.blocked]
        # Without the second key these pods could reach nothing at all.
        spec = {"endpointSelector": {}, "enableDefaultDeny": {"egress": False}, "egressDeny": [{"toCIDR": addresses}]}
        yield _cluster_wide(site, "blocked", spec)
    if declared and declared.host_firewall:
        yield _cluster_wide(site, "host-firewall", _host_firewall(site, declared.host_firewall))


def dns_entry(*, seen: bool = False) -> Object:
    """Return the entry that lets pods ask the cluster's DNS; `seen`: Cilium's proxy learns names from the answers."""
    ports: list[Any] = selectors.to_ports(DNS_PORTS)
    if seen:
        ports[0]["rules"] = {"dns": [{"matchPattern": "*"}]}
    return {"toEndpoints": [selectors.endpoint(CLUSTER_DNS)], "toPorts": ports}


def _cluster_wide(site: Site, name: str, spec: Object) -> Object:
    metadata = {"name": f"underlay-{name}", "labels": labels(site)}
    return {"apiVersion": API_VERSION, "kind": "CiliumClusterwideNetworkPolicy", "metadata": metadata, "spec": spec}


def _default_deny(declared: DefaultDeny) -> Object:
    expression = {"key": selectors.NAMESPACE_LABEL, "operator": "In", "values": sorted(set(declared.namespaces))}
    return {
        "endpointSelector": {"matchExpressions": [expression]},
        "ingress": [{"fromEntities": ["host"]} if declared.health else NOTHING],
        "egress": [dns_entry() if declared.dns else NOTHING],
    }


def _host_firewall(site: Site, declared: HostFirewall) -> Object:
    routers = [f"{address}/32" for address in router_addresses(site)]
    spec: dict[str, Any] = {"nodeSelector": {}, "ingress": _host_entries("from", declared.accepts, routers, declared)}
    if declared.opens is not None:
        spec["egress"] = _host_entries("to", declared.opens, routers, declared)
    return spec


def _host_entries(word: str, lines: tuple[Accept, ...], routers: list[str], declared: HostFirewall) -> list[Object]:
    sessions = [BGP, OPENED] if word == "from" else [BGP]
    bgp = [{f"{word}CIDR": routers, "toPorts": selectors.to_ports(sessions)}] if declared.bgp else []
    own = [
        {f"{word}CIDR": [str(network) for network in line.networks], "toPorts": selectors.to_ports(line.ports)}
        for line in lines
    ]
    return [{f"{word}Entities": CLUSTER}, {f"{word}Entities": WORLD, **PING}, *bgp, *own]
