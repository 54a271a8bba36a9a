"""What is checked on each node itself; each check names the numbers that it read."""

# ruff: noqa: ARG001 - all checkers are called alike

from __future__ import annotations

from collections.abc import Callable

from bpf.cilium import EVERY
from underlay.judge.beyond_checks import nodes, services
from underlay.judge.case import Case
from underlay.judge.evidence import Link, NodeReport, Program
from underlay.judge.intrusion_checks import intrusion_checks
from underlay.judge.name_checks import dns
from underlay.judge.policy_checks import policy_checks
from underlay.judge.traffic_checks import probes, reverse_path, route, source, wire
from underlay.judge.verdict import Check, Judged, Status, result
from underlay.judge.views import NodeView, network
from underlay.model import HostRouting
from underlay.plan.intrusion.pods import POD_LINKS
from underlay.plan.verification import ExpectedPeer

TUNNEL_KINDS = {"vxlan", "geneve", "ipip", "gre", "gretap", "sit", "ip6tnl", "ip6gre", "wireguard"}
FALLBACK = {"tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip6tnl0", "ip6gre0", "ip_vti0", "ip6_vti0"}
"""Devices that the kernel makes by itself with a tunnel module; they carry nothing."""
OFF = "false"
"""What an option means that no file names."""
NIC_PROGRAM, POD_PROGRAM, OUT_PROGRAM = "cil_from_netdev"[:15], "cil_from_container"[:15], "cil_to_netdev"
LEAVING, ON = ("kube-proxy-replacement", "enable-host-firewall"), "true"
"""Options of which one is enough for Cilium to have a program at the egress of each NIC too, which translates what
services answer to the outside and applies the nodes' firewall (`AreDevicesRequired` of Cilium 1.20)."""
"""Cilium's programs at the NIC's and the pod link's ingress; the kernel keeps 15 characters of a name."""


def tunnels(node: NodeView) -> list[Link]:
    """Return the tunnel devices of a node."""
    return [link for link in node.links.values() if link.kind in TUNNEL_KINDS and link.name not in FALLBACK]


def _evidence(node: NodeView, report: NodeReport, case: Case) -> Judged:
    test, how = report.evidence.selftest, report.evidence
    if not node.full or test is None:
        return result(None, "; ".join(report.errors) or "the self-test failed")
    lost = f", {report.missed} packets not counted" if report.missed else ""
    places = f"network namespace {report.namespace}, lo (ifindex 1)"
    by = f" by {how.backend}, attached in {how.attach_seconds:g} s with {how.peak_mib} MiB" if how.backend else ""
    text = f"kernel {report.kernel}: {len(test.seen)} events for {test.source} → {test.target}, {places}{by}{lost}"
    told = "; ".join([text, *(f"not had: {reason}" for reason in how.lacking)])
    return result(False if report.missed else None if how.level == "partial" else True, told)


def _name(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Compare the host's own name with the node's, domains where both have one: addresses may be mixed up."""
    host, name = report.host.lower(), node.name
    whole = "." in host and "." in name
    return result(host == name if whole else host.partition(".")[0] == name.partition(".")[0], report.host)


def _addresses(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Two machines with one address answer for each other, which other checks may not meet."""
    if report.facts.addresses is None:
        return result(None, "the node's addresses could not be read")
    own, foreign = str(node.plan.address), case.foreign_addresses(node)
    there = own in report.facts.addresses
    told = [own if there else f"{own} is not there", *(f"{one} of {case.planned[one]}" for one in foreign)]
    return result(there and not foreign, ", ".join(told))


def _ready(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Compare what the API says of the node and of its agent; a list that could not be read is no `not ready`."""
    seen = node.seen
    agent = f"agent {seen.agent} {'Ready' if seen.agent_ready else 'not Ready'}" if seen.agent else "no agent"
    good = seen.ready and seen.agent_ready
    known = good or (node.name in case.evidence.survey.nodes and not case.evidence.survey.errors)
    return result(good if known else None, f"node {'Ready' if seen.ready else 'not Ready'}, {agent}")


def _address(node: NodeView, report: NodeReport, case: Case) -> Judged:
    cidrs, pod = node.seen.pod_cidrs, node.seen.probe
    if pod is None or not cidrs:
        return result(None, f"pod networks {', '.join(cidrs) or 'none'}, probe pod {pod or 'none'}")
    networks = [found for cidr in cidrs if (found := network(cidr))]
    others = case.shared_with.get(node.name, [])
    planned = all(mine.prefixlen == case.expected.mask and mine.subnet_of(case.expected.pool) for mine in networks)
    own = network(pod)
    inside = own is not None and any(own.subnet_of(mine) for mine in networks)
    shared = f", shared with {', '.join(others)}" if others else ""
    return result(planned and inside and not others, f"{', '.join(cidrs)}, probe pod {pod}{shared}")


def _programs(node: NodeView, report: NodeReport, case: Case) -> Judged:
    programs = report.facts.programs
    if programs is None or report.facts.links is None:
        return result(None, "programs or links could not be read")
    pods = sorted(name for name in programs if name.startswith(POD_LINKS))
    wanted = dict.fromkeys(sorted(node.uplinks), NIC_PROGRAM) | dict.fromkeys(pods, POD_PROGRAM)
    bare = [name for name, program in wanted.items() if not _has(programs.get(name, ()), program)]
    if any(case.expected.options.get(name) == ON for name in LEAVING):
        bare += [name for name in sorted(node.uplinks) if not _has(programs.get(name, ()), OUT_PROGRAM, "egress")]
    seen = [f"{name}: {_list(programs.get(name, ()))}" for name in wanted]
    return result(not bare and bool(pods), "; ".join(seen) if pods else "no pod link lxc*; " + "; ".join(seen))


def _has(programs: tuple[Program, ...], name: str, hook: str = "ingress") -> bool:
    return any(program.hook == hook and program.name.startswith(name) for program in programs)


def _list(programs: tuple[Program, ...]) -> str:
    return ", ".join(f"{item.name}#{item.id} {item.kind}/{item.hook}" for item in programs) or "no program"


def _constants(node: NodeView, report: NodeReport, name: str, *, everywhere: bool = False) -> dict[str, object]:
    """Return what the host program of each uplink, or of each device with one, has compiled in."""
    host = (report.facts.cilium.host or {}) if report.facts.cilium else {}
    devices = {*node.uplinks, *host} - {EVERY} if everywhere else node.uplinks
    return {device: host.get(device, host.get(EVERY, {})).get(name) for device in sorted(devices)}


def _no_tunnel(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """One sign of a tunnel is enough to be red; to be green, every place has to have been read."""
    cilium = report.facts.cilium
    if report.facts.links is None or cilium is None or cilium.marks is None:
        return result(None, "links or Cilium's node_config.h could not be read")
    protocols = _constants(node, report, "TunnelProtocol", everywhere=True)
    signs = [f"device {link.name} ({link.kind})" for link in tunnels(node)]
    signs += [f"{mark} in node_config.h" for mark in cilium.marks]
    signs += [f"TunnelProtocol {value} on {device}" for device, value in protocols.items() if value]
    signs += [f"map {name}" for name in cilium.overlay_maps or ()]
    unread = [f"TunnelProtocol of {name} in bpf_host.json" for name in sorted(node.uplinks) if protocols[name] is None]
    unread += ["pinned maps"] if cilium.overlay_maps is None else []
    if signs or unread:
        return result(False if signs else None, "; ".join(signs) or f"could not be read: {', '.join(unread)}")
    return result(True, f"{len(node.links)} devices, no tunnel; node_config.h: none of its marks")


def _host_routing(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Compare the part of the kernel that forwards, as compiled into the NIC's program, with the declared one."""
    values = _constants(node, report, "EnableBPFHostRouting")
    if None in values.values():
        return result(None, "the agent's bpf_host.json could not be read")
    wanted = case.expected.host_routing is HostRouting.BPF
    text = ", ".join(f"{name} EnableBPFHostRouting={value}" for name, value in values.items())
    return result(all(bool(value) is wanted for value in values.values()), text)


def _options(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Compare what the running agent was started with; a ConfigMap that was changed since then changes nothing."""
    wanted, cilium = case.expected.options, report.facts.cilium
    if not wanted:
        return Status.SKIPPED, "the input names no options"
    if cilium is None or cilium.options is None:
        return result(None, "no running agent whose options could be read")
    found = {name: cilium.options.get(name, OFF) for name in wanted}
    wrong = [f"{name} {found[name]!r}, declared {value!r}" for name, value in wanted.items() if found[name] != value]
    return result(not wrong, "; ".join(wrong) or f"{len(wanted)} options of the running agent as declared")


def _forwarding(node: NodeView, report: NodeReport, case: Case) -> Judged:
    keys = ["ip_forward", *(f"{name}/forwarding" for name in sorted(node.uplinks))]
    values = {key: node.sysctl(key) for key in keys}
    known = None not in values.values()
    return result(all(values.values()) if known else None, ", ".join(f"{key}={value}" for key, value in values.items()))


def _mtu(node: NodeView, report: NodeReport, case: Case) -> Judged:
    if report.pod is None or report.facts.links is None:
        return result(None, "the pod's link or the NIC could not be read")
    uplinks = {link.name: link.mtu for link in node.links.values() if link.name in node.uplinks}
    declared = {link.name: link.mtu for link in node.plan.uplinks}
    good = uplinks == declared and report.pod.mtu == case.expected.packet(node.plan)
    return result(good, f"pod {report.pod.mtu}, " + ", ".join(f"{name} {mtu}" for name, mtu in uplinks.items()))


def _session(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Join both ends: Cilium's status may be minutes old, so the kernel's connection and the router decide."""
    if report.facts.bgp is None or (node.seen.sessions is None and case.evidence.survey.errors):
        return result(None, "the node's TCP connections, or its CiliumBGPNodeConfig, could not be read")
    remotes = {connection.remote for connection in report.facts.bgp}
    found = [_with(peer, node, str(peer.address) in remotes, case) for peer in node.plan.peers]
    return result(bool(found) and all(good for good, _ in found), "; ".join(text for _, text in found))


def _with(plan: ExpectedPeer, node: NodeView, connected: bool, case: Case) -> tuple[bool, str]:
    """Return whether the session with one router is up, and what each end says."""
    address, router = str(plan.address), case.routers[plan.router]
    peer = next((item for item in node.seen.sessions or () if item.address == address), None)
    known = router.report is not None and router.report.sessions is not None
    held = any(map(router.established, router.addresses(node.name))) if known else None
    claimed = peer is not None and peer.state == "established"
    text = f"{address} AS {peer.asn}: Cilium says {peer.state}" if peer else f"no peer {address} in CiliumBGPNodeConfig"
    text += f", TCP port 179 {'connected' if connected else 'not connected'}"
    text += "" if held is None else f", {router.name} says {'established' if held else 'down'}"
    right = peer is not None and peer.asn == plan.asn and connected
    return right and (claimed if held is None else held), text


Checker = Callable[[NodeView, NodeReport, Case], Judged]

CHECKS: dict[str, tuple[Checker, str, str]] = {
    "kernel-evidence": (
        _evidence,
        "the self-test's datagram counted rightly",
        "Give the node libbpf1 and this machine clang, or the node bcc and the kernel's headers.",
    ),
    "node-name": (_name, "the node's own host name", "Compare the node's management address with its name."),
    "node-addresses": (_addresses, "the node's own address, and no other machine's", "Look at `ip address` there."),
    "node-ready": (_ready, "node and agent Ready", "Look at the node's conditions and the agent's log."),
    "pod-address": (
        _address,
        "a pod network of the pool for this node alone, and its pods inside",
        "Look at the CiliumNode.",
    ),
    "programs-attached": (
        _programs,
        "Cilium's program at the ingress of each NIC and pod link, and at each NIC's egress where services need it",
        "Look at the agent's log.",
    ),
    "no-tunnel": (
        _no_tunnel,
        "no tunnel device, and none compiled in",
        "Set routingMode to native, remove the device.",
    ),
    "host-routing": (
        _host_routing,
        "as declared in cilium.host_routing",
        "Apply the release again and restart the agents.",
    ),
    "agent-options": (
        _options,
        "as the declaration makes them",
        "Apply the release again and restart the agents; look for a CiliumNodeConfig.",
    ),
    "forwarding": (_forwarding, "1", "Set net.ipv4.ip_forward=1 in sysctl.d and now."),
    "reverse-path": (
        reverse_path,
        "each far pod's packets accepted on each uplink",
        "Set rp_filter to 0, or make the paths symmetric.",
    ),
    "route": (
        route,
        "each far pod by an uplink via the rack's gateway, asked and observed",
        "Look at `ip route get` for the pod.",
    ),
    "wire": (
        wire,
        "packets with each far pod bare on the uplink, both ways, nothing encapsulated",
        "Watch the uplink for the pod pool's addresses.",
    ),
    "mtu": (
        _mtu,
        "the NIC's MTU as declared, and on the pod link the same or cilium.mtu",
        "Set the MTU of the NIC, or declare it as it is.",
    ),
    "session": (
        _session,
        "Established with the rack's router",
        "Compare `cilium-dbg shell -- bgp/peers` with the router.",
    ),
    "probes": (probes, "every exchange answered in full", "Look where the packets were seen last."),
    "source-address": (source, "the pod's own address", "Set ipv4NativeRoutingCIDR to the pod pool."),
    "node-probes": (
        nodes,
        "another node's pod answers the node itself, and another node itself answers the pod",
        "Look where the packets were seen last, and at the packet filters of both nodes.",
    ),
    "service-probes": (
        services,
        "the address of the responders' service answers by TCP, UDP and HTTP, from the pod's own address",
        "Look at the service's endpoints, and at `cilium-dbg service list` on the node.",
    ),
    "dns": (
        dns,
        "the cluster address of the API server's service, by its name",
        "Look at the pods behind kube-system's kube-dns, or declare cluster.dns.",
    ),
}
"""Rule → function, what it expects, next step."""
UNHAPPY = (Status.FAIL, Status.ERROR)


def check_node(node: NodeView, case: Case) -> list[Check]:
    """Return all checks of a node; without a report there is one, and it is an error."""
    if node.report is None:
        reason = case.evidence.errors.get(node.name, "no report")
        return [
            Check("node-report", node.name, Status.ERROR, reason, "a report", "Look at SSH and python3 on the node.")
        ]
    found = []
    for rule, (checker, expected, fix) in CHECKS.items():
        status, text = checker(node, node.report, case)
        found.append(Check(rule, node.name, status, text, expected, fix if status in UNHAPPY else ""))
    more = (*intrusion_checks(node, node.report), *policy_checks(node, node.report, case))
    for rule, (status, text), expected, fix in more:
        found.append(Check(rule, node.name, status, text, expected, fix if status in UNHAPPY else ""))
    return found
