"""Rules about everything around the datapath: the agents themselves, Hubble, policies, monitoring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from underlay.model import Certificates
from underlay.plan.checks.cilium import blame, values
from underlay.plan.checks.registry import Declaration, Problem, rule

INSTALLED = {"agent": True, "operator.enabled": True, "preflight.enabled": False, "cni.install": True}
WORDS: Mapping[str, tuple[str, ...]] = {
    "serviceNoBackendResponse": ("reject", "drop"),
    "policyDenyResponse": ("none", "icmp"),
    "identityAllocationMode": ("crd",),
    "policyEnforcementMode": ("default", "always", "never"),
    "pmtuDiscovery.packetizationLayerPMTUDMode": ("always", "blackhole", "disabled", "unset"),
    "bpf.monitorAggregation": ("none", "low", "medium", "maximum", "max"),
    "gatewayAPI.externalTrafficPolicy": ("Cluster", "Local"),
    "ingressController.service.externalTrafficPolicy": ("Cluster", "Local"),
    "bgpControlPlane.routerIDAllocation.mode": ("default", "ip-pool"),
}
"""Values for which the chart takes any text and agents take these words only."""
MONITORED = ("prometheus", "operator.prometheus", "envoy.prometheus", "hubble.relay.prometheus")
UNENFORCED: Mapping[str, Any] = {
    "policyAuditMode": True,
    "policyEnforcementMode": "never",
    "k8sNetworkPolicy.enabled": False,
}


@rule("cilium-word-unknown", bad=values(policyDenyResponse="rst"), good=values(policyDenyResponse="icmp"))
def words_are_known_to_the_agent(declaration: Declaration) -> Iterator[Problem]:
    """The chart takes any text here; the agent takes a few words and does not start for another."""
    settings = declaration.settings
    for path, words in WORDS.items():
        value = settings.get(path, words[0])
        if value not in words and path in settings.declared:
            yield blame(settings, path, f"one of {', '.join(words)}")


@rule("cilium-not-installed", bad=values(agent=False), good=values(agent=True))
def agents_are_installed(declaration: Declaration) -> Iterator[Problem]:
    """Without these parts nodes have no network plug-in, and the update waits for agents that never come."""
    settings = declaration.settings
    for path, wanted in INSTALLED.items():
        if settings.on(path, default=wanted) is not wanted:
            yield blame(settings, path, str(wanted).lower())


@rule("cni-chained", bad=values(cni={"chainingMode": "portmap"}), good=values(cni={"chainingMode": "none"}))
def cilium_is_the_only_plug_in(declaration: Declaration) -> Iterator[Problem]:
    """Chained to another plug-in, Cilium leaves routing and addresses to that one."""
    settings = declaration.settings
    for path in ("cni.chainingMode", "cni.chainingTarget", "cni.customConf"):
        if settings.on(path) and settings.get(path) != "none":
            yield blame(settings, path, "nothing, because Cilium is the network plug-in")


@rule(
    "cni-not-exclusive",
    severity="warning",
    bad=values(cni={"exclusive": False}),
    good=values(cni={"exclusive": True}),
)
def other_plug_ins_are_put_aside(declaration: Declaration) -> Iterator[Problem]:
    """Another plug-in's file in the folder may be read first, and pods then start outside Cilium."""
    settings = declaration.settings
    if not settings.on("cni.exclusive", default=True):
        yield blame(settings, "cni.exclusive", "true, unless a plug-in such as Multus calls Cilium")


@rule(
    "hubble-ui-without-relay",
    bad={"cilium.hubble": {"certificates": "cronJob", "ui": True}},
    good={"cilium.hubble": {"certificates": "cronJob", "relay": True, "ui": True}},
)
def hubble_ui_has_a_relay(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails: the interface asks the relay."""
    hubble = declaration.site.cilium.hubble
    if hubble and hubble.ui and not hubble.relay:
        yield Problem("site.cilium.hubble.relay", "false", "true, or ui: false")


@rule(
    "hubble-issuer-missing",
    bad={"cilium.hubble": {"certificates": "certmanager"}},
    good={"cilium.hubble": {"certificates": "certmanager", "issuer": {"kind": "ClusterIssuer", "name": "site"}}},
)
def hubble_has_an_issuer(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails: cert-manager has to know who signs."""
    hubble = declaration.site.cilium.hubble
    if hubble and hubble.certificates is Certificates.CERT_MANAGER and not hubble.issuer:
        yield Problem("site.cilium.hubble.issuer", "nothing", "kind and name of an issuer")


@rule(
    "hubble-headers-told-twice",
    bad=values(hubble={"redact": {"http": {"headers": {"allow": ["a"], "deny": ["b"]}}}}),
    good=values(hubble={"redact": {"http": {"headers": {"allow": ["a"]}}}}),
)
def hubble_headers_have_one_list(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails: a header is shown by one list or hidden by the other."""
    settings = declaration.settings
    place = "hubble.redact.http.headers"
    if settings.get(f"{place}.allow") and settings.get(f"{place}.deny"):
        yield blame(settings, f"{place}.deny", "nothing beside allow")


@rule(
    "service-monitor-unknown",
    bad=values(prometheus={"enabled": True, "serviceMonitor": {"enabled": True}}),
    good=values(prometheus={"enabled": True, "serviceMonitor": {"enabled": True, "trustCRDsExist": True}}),
)
def service_monitors_have_their_kind(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails where the cluster does not know the kind, which nobody sees before it exists."""
    settings = declaration.settings
    trusted = settings.on("prometheus.serviceMonitor.trustCRDsExist")
    for place in MONITORED:
        if settings.on(f"{place}.enabled") and settings.on(f"{place}.serviceMonitor.enabled") and not trusted:
            fix = "Set prometheus.serviceMonitor.trustCRDsExist once the operator of Prometheus is installed."
            yield blame(settings, f"{place}.serviceMonitor.enabled", "a cluster that knows ServiceMonitor", fix)


@rule(
    "endpoint-slices-without-endpoints",
    bad=values(ciliumEndpointSlice={"enabled": True}, disableEndpointCRD=True),
    good=values(ciliumEndpointSlice={"enabled": True}, disableEndpointCRD=False),
)
def endpoint_slices_have_endpoints(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails: slices are made of the objects that are switched off."""
    settings = declaration.settings
    if settings.on("ciliumEndpointSlice.enabled") and settings.on("disableEndpointCRD"):
        yield blame(settings, "disableEndpointCRD", "false")


@rule(
    "node-taints-never-removed",
    bad=values(operator={"setNodeTaints": True, "removeNodeTaints": False}),
    good=values(operator={"setNodeTaints": True, "removeNodeTaints": True}),
)
def taints_are_removed_again(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails: nodes would keep the taint and take no pods."""
    settings = declaration.settings
    if settings.on("operator.setNodeTaints") and not settings.on("operator.removeNodeTaints", default=True):
        yield blame(settings, "operator.removeNodeTaints", "true")


@rule(
    "dns-proxy-port-missing",
    bad=values(standaloneDnsProxy={"enabled": True}),
    good=values(standaloneDnsProxy={"enabled": True}, dnsProxy={"proxyPort": 10094}),
)
def dns_proxy_has_a_port(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails: agent and proxy have to agree on one port."""
    settings = declaration.settings
    if settings.on("standaloneDnsProxy.enabled") and not settings.on("dnsProxy.proxyPort"):
        yield Problem(settings.where("dnsProxy.proxyPort"), "nothing", "a port, such as 10094")


@rule(
    "meshed-clusters-number",
    bad=values(clustermesh={"maxConnectedClusters": 100}),
    good=values(clustermesh={"maxConnectedClusters": 511}),
)
def meshed_clusters_fit_the_identity(declaration: Declaration) -> Iterator[Problem]:
    """The chart fails: an identity has room for 255 or for 511 clusters."""
    settings = declaration.settings
    if settings.get("clustermesh.maxConnectedClusters", 255) not in (255, 511):
        yield blame(settings, "clustermesh.maxConnectedClusters", "255 or 511")


@rule(
    "bpf-event-limits",
    bad=values(bpf={"events": {"default": {"rateLimit": 10}}}),
    good=values(bpf={"events": {"default": {"rateLimit": 10, "burstLimit": 100}}}),
)
def event_limits_come_in_pairs(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses a rate without a burst, and a burst without a rate."""
    settings = declaration.settings
    place = "bpf.events.default"
    if settings.on(f"{place}.rateLimit") != settings.on(f"{place}.burstLimit"):
        missing = "burstLimit" if settings.on(f"{place}.rateLimit") else "rateLimit"
        yield Problem(settings.where(f"{place}.{missing}"), "nothing", "a number, as for the other limit")


@rule(
    "network-policies-not-enforced",
    severity="warning",
    bad=values(policyAuditMode=True),
    good=values(policyAuditMode=False),
)
def policies_are_enforced(declaration: Declaration) -> Iterator[Problem]:
    """Policies are accepted and nothing is dropped."""
    settings = declaration.settings
    for path, value in UNENFORCED.items():
        if settings.get(path) == value:
            yield blame(settings, path, "enforced policies")
