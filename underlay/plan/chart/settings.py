"""The release's final values as rules read them: by dotted path, with the place in the site that decides each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from underlay.model import Site
from underlay.plan.chart.keys import leaves
from underlay.plan.values import decided, helm_values

SOURCES: Mapping[str, str] = {
    "routingMode": "the network mode, which is underlay",
    "ipv4NativeRoutingCIDR": "site.addresses.pods.pools",
    "nativeRoutingCIDRFromClusterPool": "site.addresses.pods.pools",
    "autoDirectNodeRoutes": "site.cilium.direct_node_routes",
    "directRoutingSkipUnreachable": "site.cilium.direct_node_routes and the racks' segments",
    "devices": "site.nodes.uplinks",
    "bpf.hostLegacyRouting": "site.cilium.host_routing",
    "bpf.masquerade": "site.cilium.masquerade and site.cilium.host_routing",
    "bpf.lbExternalClusterIP": "site.cilium.load_balancing.external_cluster_ips",
    "enableIPv4Masquerade": "site.cilium.masquerade",
    "ipv4": "the site, whose addresses are IPv4",
    "hostFirewall": "site.cilium.host_firewall",
    "bandwidthManager": "site.cilium.bandwidth",
    "MTU": "site.cilium.mtu",
    "ipam.mode": "site.addresses.pods",
    "ipam.operator": "site.addresses.pods",
    "kubeProxyReplacement": "site.cilium.kube_proxy_replacement",
    "k8sServiceHost": "site.cluster.api",
    "k8sServicePort": "site.cluster.api",
    "loadBalancer": "site.cilium.load_balancing",
    "maglev": "site.cilium.load_balancing.maglev",
    "nodePort.range": "site.cilium.load_balancing.node_ports",
    "cluster": "site.cluster.name and site.cluster.id",
    "bgpControlPlane": "site.bgp",
    "upgradeCompatibility": "site.cilium.first_installed",
    "l7Proxy": "site.cilium.l7_proxy and site.cilium.dns_proxy",
    "envoy.enabled": "site.cilium.l7_proxy",
    "hubble.enabled": "site.cilium.hubble",
    "hubble.relay.enabled": "site.cilium.hubble.relay",
    "hubble.ui.enabled": "site.cilium.hubble.ui",
    "hubble.tls": "site.cilium.hubble.certificates",
    "rollOutCiliumPods": "this program: without it a changed setting does nothing",
    "operator.rollOutPods": "this program: without it a changed setting does nothing",
    "namespaceOverride": "this program, which installs into kube-system",
}
"""What decides a value or everything below it; such a value is not taken from site.cilium.values."""

ONLY_DECIDED = ("bandwidthManager.bbr", "maglev", "MTU", "nodePort.range", "namespaceOverride")
"""Values with a setting of their own that stays out of the chart's values where it is not declared."""


class Settings:
    """The values of one site's release."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @cached_property
    def final(self) -> Mapping[str, Any]:
        """Return the values that Helm gets."""
        return helm_values(self.site)

    @cached_property
    def declared(self) -> dict[str, Any]:
        """Return the values that a person has added, by dotted path."""
        return {".".join(path): value for path, value in leaves(self.site.cilium.values)}

    @cached_property
    def decided(self) -> dict[str, Any]:
        """Return the values that the site decides, by dotted path."""
        return {".".join(path): value for path, value in leaves(decided(self.site))}

    def get(self, path: str, default: object = None) -> Any:  # noqa: ANN401 - a value of the chart is of any type
        """Return one value; the default where there is none or where it is null."""
        place: Any = self.final
        for word in path.split("."):
            if not isinstance(place, Mapping):
                return default
            place = place.get(word)
        return default if place is None else place

    def on(self, path: str, default: bool = False) -> bool:
        """Return whether a value switches something on, as the chart's templates understand it."""
        value = self.get(path, default)
        return value not in (False, "false", "", 0)

    def where(self, path: str) -> str:
        """Return the place in the site where a value comes from."""
        own = any(one == path or one.startswith(f"{path}.") for one in self.declared)
        source = self.source(path)
        return f"site.cilium.values.{path}" if own or not source.startswith("site.") else source.partition(" ")[0]

    @staticmethod
    def source(path: str) -> str:
        """Return what decides a value; nothing where a person may set it."""
        words = path.split(".")
        prefixes = (".".join(words[:count]) for count in range(len(words), 0, -1))
        return next((SOURCES[prefix] for prefix in prefixes if prefix in SOURCES), "")

    def contradictions(self) -> Iterator[tuple[str, Any, Any, str]]:
        """Yield path, value, decided value and source of each added value that the site decides otherwise."""
        for path, value in self.declared.items():
            if path in self.decided:
                if self.decided[path] != value:
                    yield path, value, self.decided[path], self.source(path) or "this program"
            elif path.startswith(ONLY_DECIDED):
                yield path, value, "nothing", self.source(path)
