"""What Helm made of the values, judged: the options that were meant, no encapsulation, the images that are allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from underlay.finding import Finding
from underlay.model import Site
from underlay.plan.chart.keys import leaves
from underlay.plan.chart.objects import AGENT, Object, configuration, containers
from underlay.plan.values import decided

TUNNEL_PORTS = (8472, 6081, 4789, 51871)
"""Ports of VXLAN in Linux, Geneve, VXLAN by the standard, and WireGuard as Cilium uses it."""
ENCAPSULATING: Mapping[str, tuple[str, ...]] = {
    "enable-egress-gateway": ("true",),
    "enable-ipv4-egress-gateway": ("true",),
    "enable-wireguard": ("true",),
    "enable-ipsec": ("true",),
    "enable-srv6": ("true",),
    "enable-vtep": ("true",),
    "bpf-lb-dsr-dispatch": ("geneve", "ipip"),
}
"""Options of the agent that put a header around pods' packets, with the values that do."""
OPTIONS: Mapping[str, str] = {
    "routing-mode": "routingMode",
    "ipv4-native-routing-cidr": "ipv4NativeRoutingCIDR",
    "ipam": "ipam.mode",
    "cluster-pool-ipv4-cidr": "ipam.operator.clusterPoolIPv4PodCIDRList",
    "cluster-pool-ipv4-mask-size": "ipam.operator.clusterPoolIPv4MaskSize",
    "cluster-name": "cluster.name",
    "cluster-id": "cluster.id",
    "devices": "devices",
    "bpf-lb-algorithm": "loadBalancer.algorithm",
    "bpf-lb-mode": "loadBalancer.mode",
    "enable-ipv4": "ipv4.enabled",
    "enable-ipv6": "ipv6.enabled",
    "enable-ipv4-masquerade": "enableIPv4Masquerade",
    "enable-bpf-masquerade": "bpf.masquerade",
    "enable-host-legacy-routing": "bpf.hostLegacyRouting",
    "enable-host-firewall": "hostFirewall.enabled",
    "enable-l7-proxy": "l7Proxy",
    "enable-bgp-control-plane": "bgpControlPlane.enabled",
    "kube-proxy-replacement": "kubeProxyReplacement",
    "auto-direct-node-routes": "autoDirectNodeRoutes",
    "direct-routing-skip-unreachable": "directRoutingSkipUnreachable",
}
"""Options of the agent that follow from the site, each with the value of the chart that makes it."""
API = "KUBERNETES_SERVICE_HOST"
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def judge(site: Site, objects: Sequence[Object]) -> list[Finding]:
    """Return everything that is wrong with rendered objects."""
    return [*_options(site, objects), *_tunnels(objects), *_images(site, objects), *_api(site, objects)]


def wanted(site: Site) -> Mapping[str, str]:
    """Return the agents' options that follow from the site, as they have to stand in their configuration."""
    values = {".".join(path): value for path, value in leaves(decided(site))}
    return {option: _text(values[path]) for option, path in OPTIONS.items()}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _options(site: Site, objects: Sequence[Object]) -> Iterator[Finding]:
    found = configuration(objects)
    for option, value in wanted(site).items():
        if found.get(option) != value:
            where = f"rendered ConfigMap cilium-config, {option}"
            said = repr(found[option]) if option in found else "nothing"
            yield Finding("rendered-option-differs", where, said, repr(value), "Remove what overrides it.")


def _tunnels(objects: Sequence[Object]) -> Iterator[Finding]:
    expected = "nothing that encapsulates"
    options = configuration(objects)
    for option, values in ENCAPSULATING.items():
        if options.get(option) in values:
            where = f"rendered ConfigMap cilium-config, {option}"
            yield Finding("rendered-tunnel", where, options[option], expected)
    for where, container in containers(objects):
        for port in container.get("ports", ()):
            if {port.get("containerPort"), port.get("hostPort")} & {*TUNNEL_PORTS}:
                yield Finding("rendered-tunnel", f"rendered {where}", f"port {port['containerPort']}", expected)


def _images(site: Site, objects: Sequence[Object]) -> Iterator[Finding]:
    images = site.cilium.images
    places: dict[str, str] = {}
    for where, container in containers(objects):
        places.setdefault(str(container.get("image")), f"rendered {where}")
    for image, where in places.items():
        if images.registry and not image.startswith(f"{images.registry}/"):
            expected = f"an image below {images.registry}"
            yield Finding("image-outside-registry", where, image, expected, "Set its repository.")
        if images.digests and not DIGEST.search(image):
            expected = "an image by its digest, as in NAME@sha256:0123"
            yield Finding("image-without-digest", where, image, expected, "Take a chart that knows it, or set it.")


def _api(site: Site, objects: Sequence[Object]) -> Iterator[Finding]:
    address = str(site.cluster.api.address)
    for where, container in containers(objects):
        if where.startswith(f"DaemonSet {AGENT}, cilium-agent"):
            told = {one["name"]: one.get("value") for one in container.get("env", ())}.get(API)
            if told != address:
                yield Finding("rendered-api-differs", f"rendered {where}, {API}", str(told), address)
