"""Rules about services: load balancing, ports of nodes, and what needs Cilium in kube-proxy's place."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.plan.checks.cilium import blame, values
from underlay.plan.checks.registry import Declaration, Problem, rule
from underlay.plan.reach import reach, union
from underlay.plan.values import uplinks

EPHEMERAL = range(32768, 61000)
"""The kernel's own choice of ports for connections that a node opens."""
WITHOUT_KUBE_PROXY = ("l2announcements.enabled", "ingressController.enabled", "gatewayAPI.enabled")
PROXIED = ("ingressController.enabled", "gatewayAPI.enabled")
API_PLACES = ("k8sServiceHostRef.name", "k8sServiceHostRef.key", "k8s.apiServerURLs")


@rule(
    "load-balancing-needs-kube-proxy-replacement",
    bad={"cilium.kube_proxy_replacement": False, "cilium.load_balancing": {"algorithm": "maglev", "mode": "dsr"}},
    good={"cilium.kube_proxy_replacement": False, "cilium.load_balancing": {"algorithm": "random", "mode": "snat"}},
)
def load_balancing_is_cilium_s(declaration: Declaration) -> Iterator[Problem]:
    """Where kube-proxy serves services, these settings are read by nobody."""
    cilium = declaration.site.cilium
    declared = cilium.load_balancing
    if cilium.kube_proxy_replacement:
        return
    for key, value, expected in (
        ("mode", declared.mode, "snat"),
        ("acceleration", declared.acceleration, "disabled"),
        ("external_cluster_ips", declared.external_cluster_ips, False),
        ("algorithm", declared.algorithm, "random"),
    ):
        if value != expected:
            fix = "Or set kube_proxy_replacement to true."
            yield Problem(f"site.cilium.load_balancing.{key}", value, str(expected).lower(), fix)


@rule(
    "load-balancing-mode-annotation",
    bad={
        "cilium.load_balancing": {"algorithm": "maglev", "mode": "hybrid"},
        **values(bpf={"lbModeAnnotation": True}),
    },
    good={
        "cilium.load_balancing": {"algorithm": "maglev", "mode": "snat"},
        **values(bpf={"lbModeAnnotation": True}),
    },
)
def mode_is_annotated_only_beside_a_pure_default(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses to start."""
    settings = declaration.settings
    if settings.on("bpf.lbModeAnnotation") and settings.get("loadBalancer.mode") == "hybrid":
        yield blame(settings, "bpf.lbModeAnnotation", "false, or mode: snat or dsr")


@rule(
    "maglev-without-algorithm",
    bad={"cilium.load_balancing": {"algorithm": "random", "maglev": {"table": 16381}}},
    good={"cilium.load_balancing": {"algorithm": "maglev", "maglev": {"table": 16381}}},
)
def maglev_is_the_algorithm_where_it_is_sized(declaration: Declaration) -> Iterator[Problem]:
    """The table is read only where the algorithm is maglev, or where services choose it themselves."""
    settings = declaration.settings
    declared = declaration.site.cilium.load_balancing
    if declared.maglev and declared.algorithm != "maglev" and not settings.on("bpf.lbAlgorithmAnnotation"):
        yield Problem("site.cilium.load_balancing.algorithm", declared.algorithm, "maglev, or no table")


@rule(
    "node-port-range",
    bad={"cilium.load_balancing": {"algorithm": "maglev", "node_ports": {"first": 32767, "last": 30000}}},
    good={"cilium.load_balancing": {"algorithm": "maglev", "node_ports": {"first": 30000, "last": 32767}}},
)
def node_ports_are_a_range(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses a range that is none, and one above the ports that nodes connect from."""
    ports = declaration.site.cilium.load_balancing.node_ports
    if ports and ports.first >= ports.last:
        yield Problem("site.cilium.load_balancing.node_ports", f"{ports.first} to {ports.last}", "first below last")
    elif ports and ports.first >= EPHEMERAL.stop:
        expected = f"ports below {EPHEMERAL.stop}, where nodes' own connections end"
        yield Problem("site.cilium.load_balancing.node_ports", f"{ports.first} to {ports.last}", expected)


@rule(
    "node-ports-unprotected",
    bad={
        "cilium.load_balancing": {"algorithm": "maglev", "node_ports": {"first": 30000, "last": 33000}},
        **values(nodePort={"autoProtectPortRange": False}),
    },
    good={
        "cilium.load_balancing": {"algorithm": "maglev", "node_ports": {"first": 30000, "last": 33000}},
        **values(nodePort={"autoProtectPortRange": True}),
    },
)
def node_ports_are_kept_free(declaration: Declaration) -> Iterator[Problem]:
    """Nodes' own connections use ports from 32768 on; the agent refuses a shared one that it may not reserve."""
    settings = declaration.settings
    ports = declaration.site.cilium.load_balancing.node_ports
    if ports and ports.last >= EPHEMERAL.start and not settings.on("nodePort.autoProtectPortRange", default=True):
        yield blame(settings, "nodePort.autoProtectPortRange", "true, or ports below 32768")


@rule(
    "direct-routing-device-unknown",
    bad=values(nodePort={"directRoutingDevice": "eth9"}),
    good=values(nodePort={"directRoutingDevice": "eth0"}),
)
def direct_routing_device_is_an_uplink(declaration: Declaration) -> Iterator[Problem]:
    """The agent waits for the device that it is told, and does not start without it."""
    settings = declaration.settings
    device = settings.get("nodePort.directRoutingDevice", "")
    if device and device not in uplinks(declaration.site):
        yield blame(settings, "nodePort.directRoutingDevice", f"one of {', '.join(uplinks(declaration.site))}")


@rule(
    "api-address-told-twice",
    bad=values(k8sServiceHostRef={"name": "api", "key": "host"}),
    good=values(k8sServiceLookupConfigMapName=""),
)
def api_is_found_in_one_way(declaration: Declaration) -> Iterator[Problem]:
    """Agents reach the API where site.cluster.api says; the chart fails for two answers."""
    settings = declaration.settings
    for path in API_PLACES:
        if settings.get(path):
            yield blame(settings, path, "nothing, because site.cluster.api names the place")


@rule(
    "kube-proxy-replacement-missing",
    bad={
        "cilium.kube_proxy_replacement": False,
        "cilium.load_balancing": {"algorithm": "random"},
        **values(l2announcements={"enabled": True}),
    },
    good={"cilium.kube_proxy_replacement": True, **values(l2announcements={"enabled": True})},
)
def features_have_cilium_s_services(declaration: Declaration) -> Iterator[Problem]:
    """Nobody refuses these without kube-proxy replacement, and none of them works."""
    settings = declaration.settings
    for path in WITHOUT_KUBE_PROXY:
        if settings.on(path) and not settings.on("kubeProxyReplacement"):
            yield blame(settings, path, "false, or kube_proxy_replacement: true")


@rule(
    "socket-load-balancing-overridden",
    bad={"cilium.kube_proxy_replacement": True, **values(socketLB={"enabled": False})},
    good={"cilium.kube_proxy_replacement": True, **values(socketLB={"hostNamespaceOnly": True})},
)
def socket_load_balancing_is_not_off(declaration: Declaration) -> Iterator[Problem]:
    """With kube-proxy replacement it is on, whatever is said here."""
    settings = declaration.settings
    said = settings.declared.get("socketLB.enabled")
    if said is False and settings.on("kubeProxyReplacement"):
        yield blame(settings, "socketLB.enabled", "true; socketLB.hostNamespaceOnly keeps it out of pods")


@rule(
    "l7-proxy-missing",
    bad=values(gatewayAPI={"enabled": True}),
    good={"cilium.l7_proxy": True, **values(gatewayAPI={"enabled": True})},
)
def proxied_features_have_the_proxy(declaration: Declaration) -> Iterator[Problem]:
    """No Envoy would serve them; the chart fails where there is no L7 proxy at all."""
    settings = declaration.settings
    for path in PROXIED:
        if settings.on(path) and not settings.on("envoy.enabled"):
            yield blame(settings, path, "false, or l7_proxy: true")
    if settings.get("loadBalancer.l7.backend") == "envoy" and not settings.on("envoy.enabled"):
        yield blame(settings, "loadBalancer.l7.backend", "disabled, or l7_proxy: true")


@rule(
    "random-backends-behind-several-routers",
    severity="warning",
    bad={
        "cilium.load_balancing": {"algorithm": "random"},
        "addresses.load_balancers": ["198.51.100.0/28"],
    },
    good={
        "cilium.load_balancing": {"algorithm": "maglev"},
        "addresses.load_balancers": ["198.51.100.0/28"],
    },
)
def clients_keep_their_backend(declaration: Declaration) -> Iterator[Problem]:
    """Routers spread clients over nodes and do so anew when a node goes; only maglev picks the same backend again."""
    site = declaration.site
    if site.addresses.load_balancers and site.cilium.load_balancing.algorithm == "random" and len(site.nodes) > 1:
        expected = "maglev, where connections have to survive the loss of a node"
        yield Problem("site.cilium.load_balancing.algorithm", "random", expected)


@rule(
    "direct-return-without-way",
    severity="warning",
    bad={"cilium.load_balancing": {"algorithm": "maglev", "mode": "dsr"}, "routers.0.neighbors.1.accepts": []},
    good={"cilium.load_balancing": {"algorithm": "maglev", "mode": "dsr"}},
)
def direct_answers_find_their_way(declaration: Declaration) -> Iterator[Problem]:
    """Nodes then answer clients themselves: routers of their rack without a way to the clients drop every answer."""
    site, known = declaration.site, reach(declaration.site)
    mode = site.cilium.load_balancing.mode
    gates = (one.name for one in site.routers if not one.managed or any(peer.accepts for peer in one.neighbors))
    outside = union(1 << known.number[name] for name in gates)
    for rack in site.racks if mode != "snat" and site.addresses.load_balancers else ():
        routers = {link.router for link in rack.links} & known.number.keys()
        if lost := sorted(name for name in routers if not known.part(known.number[name]) & outside):
            expected = (
                f"snat, or a neighbour with `accepts` that leads from {', '.join(lost)} of {rack.name} to clients"
            )
            yield Problem("site.cilium.load_balancing.mode", mode, expected)


@rule(
    "native-acceleration-unproven",
    severity="warning",
    bad={"cilium.load_balancing": {"algorithm": "maglev", "acceleration": "native"}},
    good={"cilium.load_balancing": {"algorithm": "maglev", "acceleration": "best-effort"}},
)
def acceleration_does_not_stop_a_node(declaration: Declaration) -> Iterator[Problem]:
    """An agent on a node whose driver has no XDP does not start; best-effort only is slower there."""
    if declaration.site.cilium.load_balancing.acceleration == "native":
        expected = "best-effort, unless every uplink's driver is known to have XDP"
        yield Problem("site.cilium.load_balancing.acceleration", "native", expected)
