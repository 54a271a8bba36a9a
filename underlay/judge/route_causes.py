"""Causes that lie in a node's routes: tunnels, refusals, wrong devices, and next hops that do not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from underlay.judge.case import Case, cause_at
from underlay.judge.evidence import Neighbour, Route
from underlay.judge.node_causes import cause, drop_text, drops, lookups
from underlay.judge.node_checks import tunnels
from underlay.judge.verdict import Cause
from underlay.judge.views import REFUSING, SILENT, NodeView, Pair, within

NO_ROUTE = 101
"""ENETUNREACH."""
PINNED = "permanent"
ECHO_REPLY = (0, 0)
CILIUM_DEVICE = "cilium_host"
"""Routes for far pods lead to this device only in tunnel mode."""


def encapsulated(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find pod traffic in a tunnel although it was declared to go bare."""
    rows = [row for row in node.counters("sent") if row.form != "bare"]
    devices = {link.name: link for link in tunnels(node)}
    routed = [look for look in lookups(node) if look.out.device in devices or _is_cilium_host(look.out)]
    facts = node.report.facts.cilium if node.report else None
    marks = [f"node_config.h defines {mark}" for mark in (facts.marks if facts and facts.marks else ())]
    signs = [f"tunnel device {link.name} (kind {link.kind}, ifindex {link.ifindex})" for link in devices.values()]
    ways = [f"the kernel routes {look.target} by {look.out.device}" for look in routed[:1]]
    count = sum(row.count for row in rows)
    wire = f"{count} packets in {rows[0].form} (UDP port {rows[0].port}) on {node.device(rows[0])}" if rows else ""
    if rows or routed or (signs and marks):
        by = f" by {rows[0].form} (UDP port {rows[0].port})" if rows else f" by {next(iter(devices), 'cilium_host')}"
        sentence = f"pod traffic is encapsulated{by} although native routing is declared"
        fix = "Set routingMode to native; remove the tunnel device and its routes."
        yield cause("encapsulated", node, sentence, fix, [wire, *signs, *ways, *marks[:1]], case)


def no_route(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a far pod to which the node has no route, or one that refuses."""
    for look in lookups(node):
        refusing = next(
            (route for route in _routes(node) if route.type in REFUSING and within(look.target, route.target)), None
        )
        if refusing:
            sentence = f"a {refusing.type} route for {refusing.target} swallows traffic to {look.target}"
            witnesses = [
                f"route {refusing.type} {refusing.target} in table {refusing.table}",
                f"look-up of {look.target}: {look.out.message}" if look.out.error else "",
            ]
            yield cause(
                "refusing-route",
                node,
                sentence,
                f"Remove it: ip route del {refusing.type} {refusing.target}.",
                witnesses,
                case,
            )
            return
        if look.out.error == NO_ROUTE:
            sentence = f"no route to {look.target}; BGP does not install one on nodes"
            yield cause(
                "no-route",
                node,
                sentence,
                f"Add a default route via {_gateways(node)}.",
                [f"look-up of {look.target}: {look.out.message}"],
                case,
            )
            return


def wrong_device(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find traffic for far pods that leaves by a device that is no uplink."""
    known = {link.name for link in tunnels(node)}
    for look in lookups(node):
        device = look.out.device
        foreign = device and device not in node.uplinks | known and look.out.type != "local"
        if foreign and not _is_cilium_host(look.out):
            rows = [row for row in node.counters("routed") if row.target == look.target and node.device(row) == device]
            seen = f"{sum(row.count for row in rows)} look-ups of probe packets answered {device}" if rows else ""
            sentence = f"traffic to {look.target} leaves by {device}, which is no uplink"
            witnesses = [f"ip route get {look.target}: {device} via {look.out.gateway}", seen]
            yield cause(
                "wrong-device",
                node,
                sentence,
                f"Remove the route by {device}; it goes via {_hops(node, look.target, case)}.",
                witnesses,
                case,
            )
            return


def silent_neighbour(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a next hop that does not answer ARP."""
    hops = {look.out.gateway for look in lookups(node)}
    dead = [entry for entry in _dead(node) if entry.address in hops]
    rows = [row for row in drops(node, "NEIGH_FAILED") if node.on_uplink(row)]
    if dead or rows:
        hop = dead[0].address if dead else next((hop for hop in sorted(filter(None, hops))), _gateways(node))
        told = [f"neighbour {entry.address} on {entry.device} is {entry.state}" for entry in dead]
        planned = dict.fromkeys(address for look in lookups(node) for address in case.hops(node, look.target))
        fix = f"Look at the cable and the switch's port; the plan's next hop is {' or '.join(planned)}."
        sentence = f"the next hop {hop} does not answer ARP"
        pairs = _through(node, {entry.address for entry in dead}, case) or case.touching(node.name)
        told = [drop_text(node, rows), *told]
        yield cause_at("next-hop-silent", node.name, sentence, fix, told, pairs, case.machines.get(hop, ""))


def _through(node: NodeView, hops: set[str], case: Case) -> list[Pair]:
    """Return the broken pairs of a node whose packets it sends to one of these hops."""
    ends = ((pair, pair.probe.address if pair.source is node else pair.flow[0]) for pair in case.touching(node.name))
    return [pair for pair, far in ends if hops & {*case.hops(node, far)}]


def wrong_next_hop(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find traffic for far pods that leaves by an uplink, to a machine that the plan does not send it to."""
    dead = {entry.address for entry in _dead(node)}
    for look in lookups(node):
        hop, usable = look.out.gateway, {*case.hops(node, look.target)} | dead
        if hop and look.out.device in node.uplinks and hop not in usable and not drops(node, "NEIGH_FAILED"):
            rows = [row for row in node.counters("routed") if row.target == look.target and row.gateway == hop]
            seen = f"{sum(row.count for row in rows)} look-ups of probe packets answered {hop}" if rows else ""
            sentence = f"traffic to {look.target} goes to {hop} ({case.machines.get(hop, 'nobody in the plan')})"
            yield cause(
                "wrong-next-hop",
                node,
                f"{sentence} instead of {_hops(node, look.target, case)}",
                f"Remove the route via {hop}; it goes via {_hops(node, look.target, case)}.",
                [f"ip route get {look.target}: {look.out.device} via {hop}", seen],
                case,
            )
            return


def pinned_neighbour(node: NodeView, case: Case) -> Iterator[Cause]:
    """Find a next hop whose card's address was set by hand, while nothing that the node sends arrives."""
    entries = (node.report.facts.neighbours or ()) if node.report else ()
    mine = case.sent_by.get(node.name, [])
    planned = {hop for pair in mine for hop in case.hops(node, pair.probe.address)}
    pinned = [entry for entry in entries if entry.state == PINNED and entry.address in planned]
    sent = sum(row.count for row in node.counters("sent") if row.source == node.seen.probe and node.on_uplink(row))
    # A switch floods what has an unknown address, and Cilium takes it there: so not every far pod is without it.
    without = [pair.target.name for pair in mine if not _answers(pair)]
    if pinned and sent and without and all(pair.failed for pair in mine):
        entry = pinned[0]
        sentence = f"the next hop {entry.address} was set by hand on {entry.device}, and nothing arrives"
        witnesses = [
            f"neighbour {entry.address} is {entry.state}",
            f"{sent} packets sent, none answered by the pods on {', '.join(without)}",
        ]
        fix = f"Remove it: ip neigh del {entry.address} dev {entry.device}."
        yield cause("next-hop-pinned", node, sentence, fix, witnesses, case)


def _answers(pair: Pair) -> bool:
    """Say whether the far node sent echo replies, as its kernel counted them."""
    return any(row.icmp == ECHO_REPLY for row in pair.target.of_flow("sent", pair.flow[::-1]))


def _gateways(node: NodeView) -> str:
    return ", ".join(map(str, node.plan.gateways))


def _hops(node: NodeView, pod: str, case: Case) -> str:
    return ", ".join(case.hops(node, pod))


def _dead(node: NodeView) -> list[Neighbour]:
    entries = (node.report.facts.neighbours or ()) if node.report else ()
    return [entry for entry in entries if entry.state in SILENT]


def _routes(node: NodeView) -> tuple[Route, ...]:
    return (node.report.facts.routes or ()) if node.report else ()


def _is_cilium_host(route: Route) -> bool:
    return route.device == CILIUM_DEVICE


RULES: tuple[Callable[[NodeView, Case], Iterator[Cause]], ...] = (
    encapsulated,
    no_route,
    wrong_device,
    wrong_next_hop,
    silent_neighbour,
    pinned_neighbour,
)
"""Rules that are asked of every node with a report."""
