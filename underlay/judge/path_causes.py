"""Causes that show on the way between two nodes: packet size, masquerade, pod networks given out twice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from underlay.judge.case import Case, Pair, names, network
from underlay.judge.node_causes import drop_text, drops
from underlay.judge.verdict import Cause


def path_mtu(case: Case) -> Iterator[Cause]:
    """Find pairs where full-size packets are lost and small ones pass."""
    for pair in case.broken:
        full = pair.probe.full
        if full.passed or not pair.probe.ping.passed:
            continue
        told = [f"{full.sender or 'the own kernel'} says {full.error}, MTU {full.mtu}"] if full.mtu else []
        told += [text for node in (pair.source, pair.target) if (text := drop_text(node, drops(node, "PKT_TOO_BIG")))]
        told += [
            f"{node.name}: {link.name} has MTU {link.mtu}"
            for node in (pair.source, pair.target)
            for link in node.links.values()
            if link.name in node.uplinks and link.mtu < full.bytes
        ]
        passed = f"{pair.probe.ping.bytes} bytes pass, {full.bytes} with DF do not ({full.received} of {full.sent})"
        where = f"{full.mtu}" if full.mtu else f"less than {full.bytes}"
        sentence = f"path MTU {pair.source.name} → {pair.target.name} is {where}, pods use {full.bytes}"
        fix = "Give every NIC and router port on the way the declared MTU, or declare the smaller one."
        yield Cause("path-mtu", pair.source.name, sentence, (passed, *told), fix, frozenset({pair.names}))


def masqueraded(case: Case) -> Iterator[Cause]:
    """Find far ends that saw another source address than the pod's."""
    for node in case.nodes.values():
        pairs = [pair for pair in case.pairs if pair.source is node]
        wrong = {
            (pair.target.name, kind, seen) for pair in pairs for kind, seen in _sources(pair) if seen != pair.flow[0]
        }
        if wrong:
            target, kind, seen = min(wrong)
            owner = case.machines.get(seen, "nobody in the plan")
            sentence = (
                f"{node.name}: pod traffic is masqueraded: far ends see {seen} ({owner}) instead of {node.seen.probe}"
            )
            rows = [row for row in node.counters("sent") if row.source == seen and node.on_uplink(row)]
            told = [
                f"the pod on {target} saw {kind} from {seen}",
                *(f"the pod on {a} saw {b} from {c}" for a, b, c in sorted(wrong)[1:2]),
            ]
            told += (
                [f"{sum(row.count for row in rows)} packets {seen} → {rows[0].target} sent on {node.device(rows[0])}"]
                if rows
                else []
            )
            yield Cause(
                "masqueraded",
                node.name,
                sentence,
                tuple(told),
                "Set ipv4NativeRoutingCIDR to the pod pool; look for MASQUERADE rules.",
            )


def responder_closed(case: Case) -> Iterator[Cause]:
    """Find far pods that are reached and refuse: the path is well, the responder is not."""
    for pair in case.broken:
        refused = [kind for kind, item in pair.failed.items() if item.error == "ECONNREFUSED"]
        if refused and pair.probe.ping.passed:
            told = [f"{kind} to {pair.probe.address} port {case.expected.port} is refused" for kind in refused]
            told.append(f"echo requests to {pair.probe.address} are answered")
            sentence = f"{pair.target.name}: the responder in its probe pod does not listen; the path to it works"
            fix = f"Look at the pod's log in namespace {case.expected.namespace}."
            yield Cause("responder-closed", pair.target.name, sentence, tuple(told), fix, frozenset({pair.names}))


def _sources(pair: Pair) -> list[tuple[str, str]]:
    found = [("TCP", pair.probe.tcp.source), ("UDP", pair.probe.udp.source)]
    return [(kind, source) for kind, source in found if source]


def pod_network_twice(case: Case) -> Iterator[Cause]:
    """Find two nodes that were given overlapping pod networks."""
    given = [(node, found) for node in case.nodes.values() for cidr in node.seen.pod_cidrs if (found := network(cidr))]
    for (one, first), (other, second) in combinations(given, 2):
        if one is not other and first.overlaps(second):
            sentence = f"pod network {first} is assigned to {one.name} and {second} to {other.name}"
            told = tuple(f"CiliumNode {node.name} holds {cidr}" for node, cidr in ((one, first), (other, second)))
            pairs = names(case.touching(one.name, other.name))
            yield Cause(
                "pod-network-twice",
                one.name,
                sentence,
                told,
                "Delete the younger CiliumNode, restart its agent and pods.",
                pairs,
            )


RULES = (path_mtu, masqueraded, responder_closed, pod_network_twice)
"""Rules that are asked once."""
