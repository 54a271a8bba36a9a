"""Rules about what policies would cut off, and about policies that nothing enforces."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from underlay.model import Site
from underlay.model.policies import Accept, HostFirewall, Ports, Workload
from underlay.plan.bgp import router_addresses
from underlay.plan.checks.policies import TO_API, changed, declared, rules_of, workloads_of
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.far_ends import RESPONDER_NAMESPACE
from underlay.plan.policies import Intent
from underlay.plan.policies.baselines import BGP
from underlay.plan.policies.intent import CLUSTER_DNS, DNS, DNS_PORTS, PODS, within

OWN_NAMESPACES = ("kube-system", RESPONDER_NAMESPACE)
SSH = Ports(port=22)
NAMED = {"name": "web-out", "sources": ["web"], "target_names": ["*.example.com"], "ports": [{"port": 443}]}
READS = changed(TO_API, http=[{"method": "GET", "path": "/items/.*"}])
ADMIN = {"networks": ["192.168.250.0/24"], "ports": [{"port": 22}, {"port": 6443}]}
FIREWALL = {"cilium.host_firewall": True}


def firewall(site: Site) -> HostFirewall | None:
    """Return the declared firewall of the nodes."""
    return site.policies.baselines.host_firewall if site.policies else None


@rule(
    "policy-cuts-off-dns",
    bad=declared(TO_API, default_deny=None),
    good=declared(TO_API),
)
def closed_pods_still_ask_dns(declaration: Declaration) -> Iterator[Problem]:
    """Pods that may open only what rules tell hang at their first name, because asking for it is an opening too."""
    if not declaration.site.policies:
        return
    intent = Intent(declaration.site.policies)
    for index, one in enumerate(workloads_of(declaration)):
        where, serves = f"site.policies.workloads.{index}", within(CLUSTER_DNS, one)
        if serves and intent.closed(one, "arriving") and not _serves_all(intent, one):
            yield Problem(where, f"the cluster's DNS, {one.name}, closed to most pods", "a rule from pods with UDP/53")
        reason = intent.closed(one, "leaving")
        asked = intent.asks_dns(one) or any(intent.opening(one, CLUSTER_DNS, port) for port in DNS_PORTS)
        if reason and not asked:
            expected = f"a rule to {DNS} with UDP/53, or its namespace in default_deny with dns: true"
            yield Problem(where, f"{one.name} is closed by {reason}", expected)


def _serves_all(intent: Intent, dns: Workload) -> bool:
    asked = (rule.ports for rule in intent.of(dns, "arriving") if PODS in rule.sources and not rule.http)
    return any(ports.holds(DNS_PORTS[0]) for many in asked for ports in many)


@rule(
    "policy-closes-system-namespace",
    bad=declared(default_deny={"namespaces": ["kube-system"]}),
    good=declared(default_deny={"namespaces": ["shop"]}),
)
def own_namespaces_stay_open(declaration: Declaration) -> Iterator[Problem]:
    """Closed, the cluster's DNS reaches neither the API server nor its clients, and verification proves nothing."""
    deny = declaration.site.policies.baselines.default_deny if declaration.site.policies else None
    for index, name in enumerate(deny.namespaces if deny else ()):
        if name in OWN_NAMESPACES:
            yield Problem(f"site.policies.baselines.default_deny.namespaces.{index}", name, "a namespace of workloads")


@rule(
    "policy-cuts-off-probes",
    severity="warning",
    bad=declared(TO_API, default_deny={"namespaces": ["shop"], "health": False}),
    good=declared(TO_API, default_deny={"namespaces": ["shop"], "health": True}),
)
def nodes_reach_their_own_pods(declaration: Declaration) -> Iterator[Problem]:
    """The kubelet restarts pods whose probes are dropped; only the agents' default, allow-localhost, still helps."""
    policies = declaration.site.policies
    if not policies:
        return
    intent, deny = Intent(policies), policies.baselines.default_deny
    strict = declaration.settings.get("extraConfig", {}).get("allow-localhost") == "policy"
    for index, one in enumerate(policies.workloads):
        denied = deny is not None and one.namespace in deny.namespaces
        written = deny is not None and denied and deny.health
        told = written or any("nodes" in opened.sources for opened in intent.of(one, "arriving"))
        if not told and (denied or (strict and intent.closed(one, "arriving"))):
            fix = "Leave allow-localhost out of site.cilium.values.extraConfig in any case."
            yield Problem(f"site.policies.workloads.{index}", f"{one.name} closed to its node", "health: true", fix)


def _reaches(lines: tuple[Accept, ...], port: Ports, address: IPv4Address | None = None) -> bool:
    """Tell whether some line opens a port, to one address where one is told."""
    return any(
        any(ports.holds(port) for ports in line.ports)
        and (address is None or any(address in network for network in line.networks))
        for line in lines
    )


@rule(
    "policy-cuts-off-bgp",
    bad={**FIREWALL, **declared(host_firewall={"accepts": [ADMIN], "opens": [], "bgp": False})},
    good={**FIREWALL, **declared(host_firewall={"accepts": [ADMIN], "opens": [], "bgp": True})},
)
def nodes_reach_their_routers(declaration: Declaration) -> Iterator[Problem]:
    """Cilium dials its routers on TCP 179; without it the fabric forgets every pod of the site."""
    declared_firewall = firewall(declaration.site)
    if not declared_firewall or declared_firewall.bgp or declared_firewall.opens is None:
        return
    for address in router_addresses(declaration.site):
        if not _reaches(declared_firewall.opens, BGP, IPv4Address(address)):
            where = "site.policies.baselines.host_firewall.opens"
            yield Problem(where, f"nothing to {address} {BGP}", "bgp: true, or a line with TCP 179 to each router")


@rule(
    "policy-cuts-off-management",
    bad={**FIREWALL, **declared(host_firewall={"accepts": []})},
    good={**FIREWALL, **declared(host_firewall={"accepts": [ADMIN]})},
)
def this_program_reaches_the_nodes(declaration: Declaration) -> Iterator[Problem]:
    """This program applies the policy through the API server, and could not take it back; SSH likewise."""
    declared_firewall, site = firewall(declaration.site), declaration.site
    if not declared_firewall:
        return
    needed = [Ports(port=site.cluster.api.port), *(() if site.addresses.out_of_band else (SSH,))]
    for port in needed:
        if not _reaches(declared_firewall.accepts, port):
            where = "site.policies.baselines.host_firewall.accepts"
            yield Problem(where, f"nothing on {port}", f"{port} from the network of those who run this program")


@rule(
    "policy-host-firewall-off",
    bad=declared(host_firewall={"accepts": [ADMIN]}),
    good={**FIREWALL, **declared(host_firewall={"accepts": [ADMIN]})},
)
def host_policies_are_enforced(declaration: Declaration) -> Iterator[Problem]:
    """The policy is accepted and nothing is dropped: agents leave the nodes alone unless the host firewall is on."""
    if firewall(declaration.site) and not declaration.site.cilium.host_firewall:
        yield Problem("site.cilium.host_firewall", "false", "true, because a host firewall is declared")


@rule(
    "policy-http-unenforced",
    bad=declared(READS),
    good={"cilium.l7_proxy": True, **declared(READS)},
)
def requests_are_looked_at(declaration: Declaration) -> Iterator[Problem]:
    """Without Envoy agents refuse the whole policy, or drop what its rules of requests let through."""
    for where, one in rules_of(declaration):
        if one.http and not declaration.site.cilium.l7_proxy:
            yield Problem(f"{where}.http", "no Envoy on the nodes", "site.cilium.l7_proxy: true, or no requests here")


@rule(
    "policy-http-not-tcp",
    bad={"cilium.l7_proxy": True, **declared(changed(READS, ports=[{"port": 8080, "protocol": "UDP"}]))},
    good={"cilium.l7_proxy": True, **declared(READS)},
)
def requests_are_over_tcp(declaration: Declaration) -> Iterator[Problem]:
    """Agents refuse requests over anything but TCP."""
    for where, one in rules_of(declaration):
        for number, ports in enumerate(one.ports):
            if one.http and ports.protocol != "TCP":
                yield Problem(f"{where}.ports.{number}.protocol", ports.protocol, "TCP, because requests are told")


@rule(
    "policy-names-without-dns-proxy",
    bad=declared(NAMED),
    good={"cilium.dns_proxy": True, **declared(NAMED)},
)
def names_are_learned(declaration: Declaration) -> Iterator[Problem]:
    """Agents learn the addresses of names from answers that pass their DNS proxy; it needs no Envoy."""
    for where, one in rules_of(declaration):
        if one.target_names and not declaration.site.cilium.proxies_dns:
            yield Problem(f"{where}.target_names", "no DNS proxy", "site.cilium.dns_proxy: true, or target_networks")


@rule(
    "policy-network-inside-cluster",
    bad=declared({**NAMED, "target_names": [], "target_networks": ["10.244.7.0/24"]}),
    good=declared({**NAMED, "target_names": [], "target_networks": ["203.0.113.0/24"]}),
)
def networks_are_outside(declaration: Declaration) -> Iterator[Problem]:
    """Cilium knows pods and nodes by identity: a network never selects them, and services have no network at all."""
    addresses, site = declaration.site.addresses, declaration.site
    inside: list[tuple[str, IPv4Network]] = [("pods", pool) for pool in addresses.pods.pools]
    inside += [("services", addresses.services)]
    inside += [("nodes", subnet) for rack in site.racks for subnet in rack.subnets]
    for where, one in rules_of(declaration):
        for key in ("source_networks", "target_networks"):
            for number, network in enumerate(getattr(one, key)):
                kind = next((kind for kind, own in inside if network.subnet_of(own)), "")
                if kind:
                    expected = "a network outside the cluster; name workloads, or the words nodes and api-server"
                    yield Problem(f"{where}.{key}.{number}", f"{network}, which is of {kind}", expected)


@rule(
    "policy-target-blocked",
    bad=declared({**NAMED, "target_names": [], "target_networks": ["169.254.169.254/32"]}, blocked=["169.254.169.254"]),
    good=declared({**NAMED, "target_names": [], "target_networks": ["169.254.0.0/16"]}, blocked=["169.254.169.254"]),
)
def rules_do_not_open_what_is_blocked(declaration: Declaration) -> Iterator[Problem]:
    """What a baseline blocks stays blocked: a denial stands above every permission."""
    blocked = declaration.site.policies.baselines.blocked if declaration.site.policies else ()
    for where, one in rules_of(declaration):
        for number, network in enumerate(one.target_networks):
            if network.num_addresses == 1 and network.network_address in blocked:
                yield Problem(f"{where}.target_networks.{number}", network, "an address that is not blocked")
