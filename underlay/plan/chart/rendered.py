"""What Helm made of the values, judged: the options that were meant, no encapsulation, the images that are allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from underlay.finding import Finding
from underlay.model import HostRouting, Site
from underlay.plan.chart.objects import AGENT, Object, configuration, containers
from underlay.plan.values import segments, uplinks

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
API = "KUBERNETES_SERVICE_HOST"
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def judge(site: Site, objects: Sequence[Object]) -> list[Finding]:
    """Return everything that is wrong with rendered objects."""
    return [*_options(site, objects), *_tunnels(objects), *_images(site, objects), *_api(site, objects)]


def wanted(site: Site) -> Mapping[str, str]:
    """Return the agents' options that follow from the site, as they have to stand in their configuration."""
    cilium, pods = site.cilium, site.addresses.pods
    switches = {
        "enable-ipv4": True,
        "enable-ipv6": False,
        "enable-ipv4-masquerade": cilium.masquerade,
        "enable-bpf-masquerade": cilium.masquerade and cilium.host_routing is HostRouting.BPF,
        "enable-host-legacy-routing": cilium.host_routing is HostRouting.LEGACY,
        "enable-host-firewall": cilium.host_firewall,
        "enable-l7-proxy": cilium.l7_proxy,
        "enable-bgp-control-plane": True,
        "kube-proxy-replacement": cilium.kube_proxy_replacement,
        "auto-direct-node-routes": cilium.direct_node_routes,
        "direct-routing-skip-unreachable": cilium.direct_node_routes and segments(site) > 1,
    }
    return {
        "routing-mode": "native",
        "ipv4-native-routing-cidr": str(pods.native),
        "ipam": "cluster-pool",
        "cluster-pool-ipv4-cidr": " ".join(str(pool) for pool in pods.pools),
        "cluster-pool-ipv4-mask-size": str(pods.mask),
        "cluster-name": site.cluster.name,
        "cluster-id": str(site.cluster.id),
        "devices": " ".join(uplinks(site)),
        "bpf-lb-algorithm": cilium.load_balancing.algorithm,
        "bpf-lb-mode": cilium.load_balancing.mode,
        **{option: str(on).lower() for option, on in switches.items()},
    }


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
