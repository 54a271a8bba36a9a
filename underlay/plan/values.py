"""Helm values of Cilium in underlay mode; everything that follows from the site is derived, nothing is asked twice."""

from __future__ import annotations

from typing import Any

from underlay.model import HostRouting, Site

NAMESPACE = "kube-system"
RELEASE = "cilium"

HOST_ROUTING: dict[HostRouting, dict[str, bool]] = {
    # The kernel's routing subsystem forwards pods; masquerading stays with iptables, which sees those packets.
    HostRouting.LEGACY: {"hostLegacyRouting": True, "masquerade": False},
    # BPF forwards pods, which Cilium does only where BPF masquerades too.
    HostRouting.BPF: {"hostLegacyRouting": False, "masquerade": True},
}

OFF = {"enabled": False}


def helm_values(site: Site) -> dict[str, Any]:
    """Return the values of the release; the chart itself accepts misspelt keys, so they come from here only."""
    return {**_datapath(site), **_addresses(site), **_services(site), **_surroundings(site)}


def uplinks(site: Site) -> list[str]:
    """Return the names of all interfaces that carry pod traffic, on whatever node."""
    return sorted({uplink.name for node in site.nodes for uplink in node.uplinks})


def segments(site: Site) -> int:
    """Return the number of layer-2 segments with nodes."""
    return len({subnet for rack in site.racks if site.nodes_of(rack.name) for subnet in rack.subnets})


def _datapath(site: Site) -> dict[str, Any]:
    return {
        "routingMode": "native",
        "ipv4NativeRoutingCIDR": str(site.addresses.pods.native),
        # Without direct routes pods reach each other by the racks' routers, in one rack too.
        "autoDirectNodeRoutes": site.cilium.direct_node_routes,
        "directRoutingSkipUnreachable": site.cilium.direct_node_routes and segments(site) > 1,
        "devices": uplinks(site),
        "bpf": HOST_ROUTING[site.cilium.host_routing],
        # Explicit, because the chart checks the native CIDR only where this is not null.
        "enableIPv4Masquerade": True,
        "ipv4": {"enabled": True},
        "ipv6": OFF,
    }


def _addresses(site: Site) -> dict[str, Any]:
    pods = site.addresses.pods
    operator = {"clusterPoolIPv4PodCIDRList": [str(pool) for pool in pods.pools], "clusterPoolIPv4MaskSize": pods.mask}
    return {"ipam": {"mode": "cluster-pool", "operator": operator}}


def _services(site: Site) -> dict[str, Any]:
    return {
        "kubeProxyReplacement": str(site.cilium.kube_proxy_replacement).lower(),
        "k8sServiceHost": str(site.cluster.api.address),
        "k8sServicePort": site.cluster.api.port,
        "loadBalancer": {"algorithm": site.cilium.load_balancing.algorithm},
    }


def _surroundings(site: Site) -> dict[str, Any]:
    major, minor, _ = site.cilium.version.split(".")
    return {
        "bgpControlPlane": {"enabled": True, "secretsNamespace": {"create": False, "name": NAMESPACE}},
        "cni": {"exclusive": True},
        "image": {"useDigest": False},
        "operator": {
            "image": {"useDigest": False},
            "replicas": min(2, len(site.nodes)),
            "rollOutPods": True,
        },
        "rollOutCiliumPods": True,  # a changed ConfigMap does nothing until the agents restart
        "upgradeCompatibility": f"{major}.{minor}",
        "l7Proxy": False,
        "envoy": OFF,
        "hubble": OFF,
    }
