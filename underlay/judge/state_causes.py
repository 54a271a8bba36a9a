"""Causes in the state of a node's devices, rules and pod, where no route to a far pod is wrong by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from underlay.judge.case import Case, names
from underlay.judge.cilium_reasons import DENIED, REASONS
from underlay.judge.evidence import Counter
from underlay.judge.node_causes import cause, drop_text, drops, lookups
from underlay.judge.traffic_checks import STRICT, returning
from underlay.judge.verdict import Cause
from underlay.judge.views import NodeView, Pair, within
from underlay.plan.verification import ExpectedPeer

REFUSALS = {13, 22, 101, 113}
"""What a rule of kind prohibit, blackhole or unreachable answers: EACCES, EINVAL, ENETUNREACH, EHOSTUNREACH."""
NO_WAY = {"ENETUNREACH", "EHOSTUNREACH"}
OWN_KERNEL = {0, 1}
"""Origins of an error: the system call itself, the own kernel."""
BPF_DROPS = ("TC_INGRESS", "TC_EGRESS")
"""What the kernel calls a drop by one of Cilium's programs."""


def uplink_down(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find an uplink without carrier, or switched off."""
    for link in node.links.values():
        if link.name in node.uplinks and not link.up:
            refused = [f"look-up of {look.target}: {look.out.message}" for look in lookups(node) if look.out.error]
            quiet = "" if any(True for _ in node.counters("received")) else "nothing was received from any far pod"
            fix = "Look at the cable, the switch port and `ip link`."
            lost = _silent_behind(node, link.name, case)
            told = [f"{peer.router} has no session with {node.name}, and lies behind {link.name}" for peer in lost[:1]]
            witnesses = [f"link {link.name} (ifindex {link.ifindex}) is not up", *refused[:1], *told, quiet]
            yield cause("uplink-down", node, f"{link.name} is down", fix, witnesses, case)


def _silent_behind(node: NodeView, device: str, case: Case) -> list[ExpectedPeer]:
    """Return the routers on a device's own segment that have no session with the node, as they say themselves."""
    routes = (node.report.facts.routes or ()) if node.report else ()
    segments = [route.target for route in routes if route.device == device and not route.gateway]
    near = [peer for peer in node.plan.peers if any(within(str(peer.address), one) for one in segments)]
    views = {peer.router: case.routers[peer.router] for peer in near if peer.router in case.routers}
    known = {name for name, view in views.items() if view.report and view.report.sessions is not None}
    held = {name for name in known if any(map(views[name].established, views[name].addresses(node.name)))}
    return [peer for peer in near if peer.router in known - held]


def pod_link_down(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find the probe pod's link switched off at the node's end."""
    pod = node.report.pod if node.report else None
    link = node.links.get(pod.host_ifindex) if pod and pod.host_ifindex else None
    if link and not link.up and case.touching(node.name):
        fix = f"Set it up: ip link set {link.name} up; look who switched it off."
        told = f"link {link.name} (ifindex {link.ifindex}) is not up"
        yield cause("pod-link-down", node, f"the pod's link {link.name} is down", fix, [told], case)


def pod_without_route(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a pod whose own kernel knows no way to any far pod, while the node has one."""
    mine = [pair for pair in case.touching(node.name) if pair.source is node and not pair.from_host]
    refused = [pair for pair in mine if _refused_at_home(pair)]
    if refused and len(refused) == len(mine) and all(not look.out.error for look in lookups(node)):
        link = next((item for item in node.links.values() if _is_pod_link(node, item.ifindex)), None)
        if link and not link.up:
            return
        error = refused[0].item("udp").error
        sentence = f"the probe pod {node.seen.probe} has no route out of its own namespace"
        sent = [row for row in node.counters("sent") if row.source == node.seen.probe and node.on_uplink(row)]
        told = [f"UDP from the pod: {error} by its own kernel", "" if sent else "no packet of the pod left the node"]
        yield cause("pod-without-route", node, sentence, "Restart the pod, and look at the CNI's log.", told, case)


def _refused_at_home(pair: Pair) -> bool:
    """Say whether the pod's own kernel refused everything at once, without a router's or the node's message."""
    items = pair.probe.exchanges().values()
    return all(item.error in NO_WAY and item.origin in OWN_KERNEL and not item.sender for item in items)


def own_network_unrouted(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a node that sends packets for its own pods back to the router."""
    back = returning(node)
    if back:
        sentence = f"packets for its own pods go back out of {back.device}: the route to its pod network is missing"
        told = [f"the way to {node.seen.probe} is {back.device} via {back.gateway}"]
        told += [drop_text(node, drops(node, reason)) for reason in ("IP_INHDR", "IP_RPFILTER")]
        fix = "Restart the node's Cilium agent; keep network managers from flushing foreign routes."
        yield cause("own-network-unrouted", node, sentence, fix, told, case)


def refusing_rule(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a routing rule that refuses the pod's packets, while the node's own packets have a way."""
    for look in lookups(node):
        forwarded = look.forwarded
        refused = forwarded is not None and forwarded.error in REFUSALS and not look.out.error
        if forwarded and refused and _would_forward(node):
            rules = (node.report.facts.rules or ()) if node.report else ()
            mine = [rule for rule in rules if rule.source]
            named = [f"rule {rule.priority} is for packets from {rule.source}" for rule in mine[:1]]
            sentence = f"a routing rule refuses what its pod sends to {look.target}"
            told = [f"the kernel refuses to forward to {look.target}: {forwarded.message}", *named]
            yield cause("refusing-rule", node, sentence, "Look at `ip rule` and remove it.", told, case)
            return


def denied(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find probes that Cilium itself drops, by its own counters and the kernel's events for the same flow."""
    counted = [row for row in (node.report.cilium_drops or () if node.report else ()) if row.reason in REASONS]
    for pair in case.touching(node.name):
        rows = [row for row in _seen_here(node, pair) if row.reason in BPF_DROPS]
        for row in counted if rows else ():
            name = REASONS[row.reason]
            told = [f"Cilium counted {row.count} drops, reason {row.reason} ({name}), {row.direction}"]
            rule, fix = ("policy-denied", POLICY) if row.reason in DENIED else ("cilium-drop", MONITOR)
            sentence = f"{node.name}: Cilium drops what the probe pod receives or sends: {name}"
            flow = names([pair]) | {pair.names[::-1]}
            yield Cause(rule, node.name, sentence, (*told, drop_text(node, rows), f"probe {pair.text}"), fix, flow)


def _seen_here(node: NodeView, pair: Pair) -> Iterator[Counter]:
    """Yield the drops of a pair's packets on this node, in either direction."""
    yield from (*node.of_flow("dropped", pair.flow), *node.of_flow("dropped", pair.flow[::-1]))


def _is_pod_link(node: NodeView, ifindex: int) -> bool:
    return bool(node.report and node.report.pod and node.report.pod.host_ifindex == ifindex)


def _would_forward(node: NodeView) -> bool:
    """Say whether no sysctl refuses the same look-up: forwarding, and strict filtering of the pod's link."""
    pod = node.report.pod if node.report else None
    link = node.links.get(pod.host_ifindex or 0) if pod else None
    keys = ("ip_forward", f"{link.name}/forwarding") if link else ()
    return link is not None and all(map(node.sysctl, keys)) and node.reverse_path(link.name) != STRICT


POLICY = "Look at the network policies that select the pods of the probe's namespace."
MONITOR = "Ask `cilium-dbg monitor -t drop` there."

RULES: tuple[Callable[[NodeView, Case], Iterator[Cause]], ...] = (
    uplink_down,
    pod_link_down,
    pod_without_route,
    own_network_unrouted,
    refusing_rule,
    denied,
)
"""Rules that are asked of every node with a report."""
