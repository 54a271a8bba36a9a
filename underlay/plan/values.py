"""Helm values of Cilium in underlay mode: what the site decides, and around it what a person adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from underlay.model import Certificates, HostRouting, Site
from underlay.model.cilium import Hubble, LoadBalancing
from underlay.plan.chart.keys import MINORS
from underlay.sources import chart_facts

NAMESPACE = "kube-system"
RELEASE = "cilium"
HELM_RECORDS = f"owner=helm,name={RELEASE}"
"""Labels of the Secrets in which Helm keeps the revisions of the release."""

OFF = {"enabled": False}


def helm_values(site: Site) -> dict[str, Any]:
    """Return the values of the release; what the site decides stands above what a person adds."""
    return merged(merged(_usual(site), site.cilium.values), decided(site))


def decided(site: Site) -> dict[str, Any]:
    """Return the values that follow from the site and that nobody may set beside it."""
    parts = (_datapath(site), _addresses(site), _services(site), _surroundings(site), _images(site))
    values: dict[str, Any] = {}
    for part in parts:
        values = merged(values, part)
    return values


def minor(site: Site) -> str:
    """Return the minor version whose chart is meant; the newest known for one that is not supported."""
    return site.cilium.minor if site.cilium.minor in MINORS else MINORS[-1]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two trees of values as one; where both have a value, the one above counts."""
    values = dict(below)
    for key, value in above.items():
        known = values.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        values[key] = merged(known, value) if both and known else value
    return values


def uplinks(site: Site) -> list[str]:
    """Return the names of all interfaces that carry pod traffic, on whatever node."""
    return sorted({uplink.name for node in site.nodes for uplink in node.uplinks})


def segments(site: Site) -> int:
    """Return the number of layer-2 segments with nodes."""
    return len({subnet for rack in site.racks if site.nodes_of(rack.name) for subnet in rack.subnets})


def _usual(site: Site) -> dict[str, Any]:
    """Return what a person may change: no other CNI beside Cilium, two operators where there are two nodes."""
    return {"cni": {"exclusive": True}, "operator": {"replicas": min(2, len(site.nodes))}}


def _datapath(site: Site) -> dict[str, Any]:
    cilium = site.cilium
    legacy = cilium.host_routing is HostRouting.LEGACY
    return {
        "routingMode": "native",
        "ipv4NativeRoutingCIDR": str(site.addresses.pods.native),
        **({"nativeRoutingCIDRFromClusterPool": False} if minor(site) != "1.19" else {}),
        # Without direct routes pods reach each other by the racks' routers, in one rack too.
        "autoDirectNodeRoutes": cilium.direct_node_routes,
        "directRoutingSkipUnreachable": cilium.direct_node_routes and segments(site) > 1,
        "devices": uplinks(site),
        # BPF forwards pods only where BPF masquerades too; the kernel's own routing leaves that to iptables.
        "bpf": {"hostLegacyRouting": legacy, "masquerade": cilium.masquerade and not legacy},
        # Explicit, because the chart checks the native CIDR only where this is not null.
        "enableIPv4Masquerade": cilium.masquerade,
        "ipv4": {"enabled": True},
        "ipv6": OFF,
        "hostFirewall": {"enabled": cilium.host_firewall},
        "bandwidthManager": {"enabled": bool(cilium.bandwidth), "bbr": bool(cilium.bandwidth and cilium.bandwidth.bbr)},
        **({"MTU": cilium.mtu} if cilium.mtu else {}),
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
        **_balancing(site.cilium.load_balancing),
    }


def _balancing(declared: LoadBalancing) -> dict[str, Any]:
    values: dict[str, Any] = {
        "loadBalancer": {
            "algorithm": declared.algorithm,
            "mode": declared.mode,
            "acceleration": declared.acceleration,
            "dsrDispatch": "opt",  # the others encapsulate
        },
        "bpf": {"lbExternalClusterIP": declared.external_cluster_ips},
    }
    if declared.maglev:
        seed = {"hashSeed": declared.maglev.seed} if declared.maglev.seed else {}
        values["maglev"] = {"tableSize": declared.maglev.table, **seed}
    if declared.node_ports:
        values["nodePort"] = {"range": f"{declared.node_ports.first},{declared.node_ports.last}"}
    return values


def _surroundings(site: Site) -> dict[str, Any]:
    return {
        "cluster": {"name": site.cluster.name, "id": site.cluster.id},
        "bgpControlPlane": {"enabled": True, "secretsNamespace": {"create": False, "name": NAMESPACE}},
        "operator": {"rollOutPods": True},
        "rollOutCiliumPods": True,  # a changed ConfigMap does nothing until the agents restart
        "upgradeCompatibility": site.cilium.first_installed or site.cilium.minor,
        "l7Proxy": site.cilium.proxies_dns,
        # The agent's own DNS proxy needs no Envoy, and the chart would deploy one wherever there is an L7 proxy.
        "envoy": {"enabled": site.cilium.l7_proxy},
        "hubble": _hubble(site.cilium.hubble) if site.cilium.hubble else {**OFF, "relay": OFF, "ui": OFF},
    }


def _hubble(declared: Hubble) -> dict[str, Any]:
    secure = declared.certificates is not Certificates.NONE
    issuer = {"group": "cert-manager.io", **declared.issuer.model_dump()} if declared.issuer else {}
    automatic = {"enabled": True, "method": declared.certificates.value, "certManagerIssuerRef": issuer}
    return {
        "enabled": True,
        "relay": {"enabled": declared.relay},
        "ui": {"enabled": declared.ui},
        "tls": {"enabled": True, "auto": automatic} if secure else OFF,
    }


def _images(site: Site) -> dict[str, Any]:
    """Return the registry and the digests of the images; without digests agent and operator are taken by tag."""
    declared = site.cilium.images
    values: dict[str, Any] = {}
    for path, name in chart_facts(minor(site))["images"].items():
        one: dict[str, Any] = {}
        if declared.registry and name:
            one["repository"] = f"{declared.registry}/{name}"
        if declared.digests or path in ("image", "operator.image"):
            one["useDigest"] = declared.digests
        if one:
            values = merged(values, _at(path, one))
    return values


def _at(path: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    for word in reversed(path.split(".")):
        value = {word: value}
    return value
