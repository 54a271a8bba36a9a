"""Rules about Cilium's datapath: nothing encapsulates, and what needs BPF host routing has it."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.model import HostRouting
from underlay.plan.checks.cilium import blame, values
from underlay.plan.checks.registry import Declaration, Problem, rule

LEGACY = {"cilium.host_routing": "legacy"}
BPF = {"cilium.host_routing": "bpf"}
ENCAPSULATING = {
    "egressGateway.enabled": "it sends packets through a tunnel device, in native mode too",
    "encryption.enabled": "WireGuard and IPsec wrap pods' packets",
    "vtep.enabled": "it sends packets to far networks by VXLAN",
}
CLOUDS = ("eni", "azure", "alibabacloud", "gke", "aksbyocni")
DATAPATH_MODES = ("veth", "netkit", "netkit-l2", "auto")
TUNNELS = ("", "vxlan", "geneve")
TABLE = range(1 << 10, (1 << 24) + 1)
"""Entries that the agent allows in a connection or translation table."""
SMALLEST = {"bpf.ctTcpMax": 1 << 17, "bpf.ctAnyMax": 1 << 16}
"""Entries of the tables of connections on a node with little memory, where their size is not declared."""
SIZES = {
    "bpf.ctTcpMax": TABLE,
    "bpf.ctAnyMax": TABLE,
    "bpf.natMax": TABLE,
    "bpf.authMapMax": range(1 << 8, (1 << 24) + 1),
}


@rule(
    "underlay-encapsulated",
    bad=values(egressGateway={"enabled": True}),
    good=values(egressGateway={"enabled": False}),
)
def nothing_encapsulates(declaration: Declaration) -> Iterator[Problem]:
    """Native routing does not switch every tunnel off; in underlay mode pods' packets are bare on every wire."""
    settings = declaration.settings
    for path, why in ENCAPSULATING.items():
        if settings.on(path):
            yield blame(settings, path, f"false, because {why}")


@rule("cloud-network-mode", bad=values(eni={"enabled": True}), good=values(eni={"enabled": False}))
def no_cloud_gives_addresses(declaration: Declaration) -> Iterator[Problem]:
    """A cloud's mode replaces the address plan and the routing mode of the site."""
    settings = declaration.settings
    for cloud in CLOUDS:
        if settings.on(f"{cloud}.enabled"):
            yield blame(settings, f"{cloud}.enabled", "false on the premises")


@rule(
    "bpf-host-routing-needs-kube-proxy-replacement",
    bad={**BPF, "cilium.kube_proxy_replacement": False, "cilium.load_balancing": {"algorithm": "random"}},
    good={**BPF, "cilium.kube_proxy_replacement": True, "cilium.load_balancing": {"algorithm": "random"}},
)
def bpf_host_routing_is_possible(declaration: Declaration) -> Iterator[Problem]:
    """Otherwise the agent falls back to the kernel's routing with one line in its log, and netfilter rules apply."""
    cilium = declaration.site.cilium
    if cilium.host_routing is HostRouting.BPF and not cilium.kube_proxy_replacement:
        expected = "legacy, or kube_proxy_replacement: true"
        yield Problem("site.cilium.host_routing", "bpf", expected)


@rule(
    "no-conntrack-rules-impossible",
    bad={**LEGACY, **values(installNoConntrackIptablesRules=True)},
    good={**BPF, **values(installNoConntrackIptablesRules=True)},
)
def conntrack_is_skipped_only_where_bpf_translates(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses to start: services and masquerading would need the kernel's connection tracking."""
    settings = declaration.settings
    translated = settings.on("bpf.masquerade") or not settings.on("enableIPv4Masquerade")
    if settings.on("installNoConntrackIptablesRules") and not (settings.on("kubeProxyReplacement") and translated):
        expected = "false, or kube-proxy replacement and BPF masquerading"
        yield blame(settings, "installNoConntrackIptablesRules", expected)


@rule(
    "masquerade-source-not-selectable",
    bad={**BPF, **values(enableMasqueradeRouteSource=True)},
    good={**LEGACY, **values(enableMasqueradeRouteSource=True)},
)
def bpf_masquerades_by_its_own_address(declaration: Declaration) -> Iterator[Problem]:
    """With BPF masquerading the agent refuses these; the devices are the uplinks."""
    settings = declaration.settings
    for path in ("enableMasqueradeRouteSource", "egressMasqueradeInterfaces"):
        if settings.on("bpf.masquerade") and settings.on(path):
            yield blame(settings, path, "nothing, because BPF masquerades")


@rule(
    "masquerade-agent-impossible",
    bad={**LEGACY, **values(ipMasqAgent={"enabled": True, "config": {"nonMasqueradeCIDRs": ["10.244.0.0/16"]}})},
    good={**BPF, **values(ipMasqAgent={"enabled": True, "config": {"nonMasqueradeCIDRs": ["10.244.0.0/16"]}})},
)
def masquerade_agent_has_bpf(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses it without BPF masquerading."""
    settings = declaration.settings
    if settings.on("ipMasqAgent.enabled") and not settings.on("bpf.masquerade"):
        yield blame(settings, "ipMasqAgent.enabled", "false, or host_routing: bpf with masquerade: true")


@rule(
    "masquerade-agent-without-ranges",
    bad={**BPF, **values(ipMasqAgent={"enabled": True})},
    good={**BPF, **values(ipMasqAgent={"enabled": True, "config": {"nonMasqueradeCIDRs": ["10.244.0.0/16"]}})},
)
def masquerade_agent_has_ranges(declaration: Declaration) -> Iterator[Problem]:
    """Without its own list it takes all private ranges: pods' addresses then leave towards the company's networks."""
    settings = declaration.settings
    if settings.on("ipMasqAgent.enabled") and not settings.get("ipMasqAgent.config.nonMasqueradeCIDRs"):
        where = settings.where("ipMasqAgent.config.nonMasqueradeCIDRs")
        yield Problem(where, "nothing", "the ranges that see pods' own addresses")


@rule(
    "netkit-impossible",
    bad={**LEGACY, **values(bpf={"datapathMode": "netkit"})},
    good={**BPF, **values(bpf={"datapathMode": "netkit"})},
)
def netkit_has_bpf_host_routing(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses netkit where packets pass the host's stack, and any mode that it does not know."""
    settings = declaration.settings
    mode = settings.get("bpf.datapathMode", "veth")
    if mode not in DATAPATH_MODES:
        yield blame(settings, "bpf.datapathMode", f"one of {', '.join(DATAPATH_MODES)}")
    elif str(mode).startswith("netkit") and (settings.on("bpf.hostLegacyRouting") or settings.on("bpf.tproxy")):
        yield blame(settings, "bpf.datapathMode", "veth, or host_routing: bpf without bpf.tproxy")


@rule(
    "bbr-needs-bpf-host-routing",
    bad={**LEGACY, "cilium.bandwidth": {"bbr": True}},
    good={**BPF, "cilium.bandwidth": {"bbr": True}},
)
def bbr_has_bpf_host_routing(declaration: Declaration) -> Iterator[Problem]:
    """The host's stack drops the send times that BBR works with; the agent refuses to start."""
    cilium = declaration.site.cilium
    if cilium.bandwidth and cilium.bandwidth.bbr and cilium.host_routing is HostRouting.LEGACY:
        yield Problem("site.cilium.bandwidth.bbr", "true", "false, or host_routing: bpf")


@rule(
    "big-tcp-needs-bpf-host-routing",
    bad={**LEGACY, **values(enableIPv4BIGTCP=True)},
    good={**BPF, **values(enableIPv4BIGTCP=True)},
)
def big_tcp_has_bpf_host_routing(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses to start."""
    settings = declaration.settings
    if settings.on("enableIPv4BIGTCP") and settings.on("bpf.hostLegacyRouting"):
        yield blame(settings, "enableIPv4BIGTCP", "false, or host_routing: bpf")


@rule("tunnel-protocol-unknown", bad=values(tunnelProtocol="none"), good=values(tunnelProtocol="vxlan"))
def tunnel_protocol_is_known(declaration: Declaration) -> Iterator[Problem]:
    """It names no tunnel here and is still read: the agent takes two words only, and IPv4 below them."""
    settings = declaration.settings
    if settings.get("tunnelProtocol", "") not in TUNNELS:
        yield blame(settings, "tunnelProtocol", "vxlan or geneve; neither is used")
    if settings.get("underlayProtocol", "ipv4") not in ("", "auto", "ipv4"):
        yield blame(settings, "underlayProtocol", "auto or ipv4")


@rule("bpf-table-size", bad=values(bpf={"ctTcpMax": 100}), good=values(bpf={"ctTcpMax": 65536}))
def tables_have_a_size_that_is_allowed(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses tables outside these sizes."""
    settings = declaration.settings
    for path, allowed in SIZES.items():
        size = settings.get(path)
        if size and not (isinstance(size, int) and size in allowed):
            yield blame(settings, path, f"{allowed.start} to {allowed.stop - 1}")


@rule(
    "bpf-more-translations-than-connections",
    bad=values(bpf={"natMax": 16777216}),
    good=values(bpf={"natMax": 16777216, "ctTcpMax": 16777216}),
)
def translations_are_connections(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses more translations than connections; tables without a size follow each node's memory."""
    settings = declaration.settings
    sizes = [settings.get(path) or smallest for path, smallest in SMALLEST.items()]
    translations = settings.get("bpf.natMax", 0)
    if all(isinstance(size, int) for size in (*sizes, translations)) and translations > sum(sizes):
        expected = f"at most {sum(sizes)}, which the tables of connections hold on every node"
        yield blame(settings, "bpf.natMax", expected, f"Declare {' and '.join(SMALLEST)}.")


@rule(
    "bpf-map-ratio",
    bad=values(bpf={"mapDynamicSizeRatio": 1.5}),
    good=values(bpf={"mapDynamicSizeRatio": 0.005}),
)
def tables_take_a_part_of_memory(declaration: Declaration) -> Iterator[Problem]:
    """The agent refuses a part of memory that is none."""
    settings = declaration.settings
    ratio = settings.get("bpf.mapDynamicSizeRatio", 0.0025)
    if not isinstance(ratio, (int, float)) or not 0 <= ratio <= 1:
        yield blame(settings, "bpf.mapDynamicSizeRatio", "more than 0 and at most 1")


@rule(
    "mtu-above-uplink",
    bad={"cilium.mtu": 9000},
    good={"cilium.mtu": 1500},
)
def pods_fit_the_uplinks(declaration: Declaration) -> Iterator[Problem]:
    """Longer packets than an uplink takes are dropped while small ones pass, so sessions open and then hang."""
    mtu = declaration.site.cilium.mtu
    smallest = min((uplink.mtu for node in declaration.site.nodes for uplink in node.uplinks), default=0)
    if mtu and smallest and mtu > smallest:
        yield Problem("site.cilium.mtu", mtu, f"at most {smallest}, the smallest MTU of an uplink")


@rule(
    "host-firewall-in-native-mode",
    severity="warning",
    bad={"cilium.host_firewall": True},
    good={"cilium.host_firewall": False},
)
def host_firewall_is_tried_first(declaration: Declaration) -> Iterator[Problem]:
    """Policies then apply to nodes too: one that forgets BGP, SSH or the API cuts every node off at once."""
    if declaration.site.cilium.host_firewall:
        expected = "policies for nodes that allow BGP, SSH, the API and health checks, in audit mode first"
        yield Problem("site.cilium.host_firewall", "true", expected)
