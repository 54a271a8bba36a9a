"""What is left without a cause: where the packets were seen last, and who refused them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from underlay.judge.case import Case, names
from underlay.judge.evidence import Counter, Point
from underlay.judge.noise import is_noise
from underlay.judge.verdict import Cause, Lost, Pairs
from underlay.judge.views import PROTOCOLS, NodeView, Pair

ICMP = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 3): "port unreachable",
    (3, 4): "packet too big",
    (3, 9): "network prohibited",
    (3, 10): "host prohibited",
    (3, 13): "prohibited by a filter",
    (11, 0): "time to live exceeded: a routing loop",
}
"""ICMP errors by type and code."""


def refused(case: Case, explained: Pairs) -> Iterator[Cause]:
    """Yield a cause for each machine that refuses packets with an ICMP error, for pairs without another cause."""
    pairs = [pair for pair in case.broken if pair.names not in explained]
    for sender in sorted(
        {item.sender for pair in pairs for item in pair.failed.values() if item.sender and item.origin == 2}
    ):
        mine = [pair for pair in pairs if any(item.sender == sender for item in pair.failed.values())]
        item = next(item for item in mine[0].failed.values() if item.sender == sender)
        meaning = ICMP.get(item.icmp or (0, 0), f"ICMP {item.icmp}")
        owner = case.machines.get(sender, "a machine outside the plan")
        sentence = f"{owner} ({sender}) refuses {mine[0].source.name} → {mine[0].target.name}: {meaning}"
        kinds = ", ".join(kind for kind, other in mine[0].failed.items() if other.sender == sender)
        told = (f"ICMP {item.icmp} from {sender} for {kinds}", f"probe {mine[0].text}")
        yield Cause(
            "refused-on-the-way",
            owner,
            sentence,
            told,
            f"Look at the route to {mine[0].probe.address} at {owner}.",
            names(mine),
        )


def dropped(case: Case, explained: Pairs) -> Iterator[Cause]:
    """Yield a cause for each place in a kernel that drops packets of pairs without another cause."""
    places: dict[tuple[str, str, str], list[tuple[Pair, list[Counter]]]] = {}
    for pair in case.broken:
        node, rows = _dropping(pair) if pair.names not in explained else (None, [])
        if node and rows:
            places.setdefault((node.name, rows[0].reason, rows[0].function), []).append((pair, rows))
    for (name, reason, function), found in places.items():
        pair, rows = found[0]
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        count = sum(row.count for _, counted in found for row in counted)
        place = case.nodes[name].device(rows[0])
        bpf = "Ask `cilium-dbg monitor -t drop` there." if reason.startswith("TC_") else ""
        yield Cause(
            "kernel-drop",
            name,
            f"{name}: the kernel drops {' → '.join(pair.names)}{more} ({reason} at {function})",
            (f"{count} drops {reason} at {function} on {place}", f"probe {pair.text}"),
            bpf or "Look up the reason in the kernel.",
            names(pair for pair, _ in found),
        )


def _dropping(pair: Pair) -> tuple[NodeView | None, list[Counter]]:
    """Return the node that drops a pair's packets, and its counters: on the way there before the way back."""
    for flow in (pair.flow, pair.flow[::-1]):
        for node in (pair.target, pair.source):
            rows = [row for row in _of_both(node, pair, "dropped") if (row.source, row.target) == flow]
            if rows := [row for row in rows if not is_noise(row)]:
                return node, rows
    return None, []


def lost(case: Case, explained: Pairs) -> Iterator[Lost]:
    """Yield each pair that no cause explains, with the place where its packets were seen last."""
    for pair in case.broken:
        if pair.names not in explained:
            yield Lost(*pair.names, pair.text, last_seen(pair))


def last_seen(pair: Pair) -> str:
    """Return how far the packets of the first failed exchange came, and where they did not arrive."""
    kind = next(iter(pair.failed))
    before = ""
    for place, node, count in _journey(pair, PROTOCOLS[kind]):
        if not node.full:
            return f"{before or 'nothing seen'}; no kernel evidence on {node.name}"
        if not count:
            return f"cause not seen; last seen {before}; not {place}" if before else f"cause not seen; not even {place}"
        before = f"{place} ({count} packets)"
    return f"cause not seen; last seen {before}"


def _journey(pair: Pair, protocol: int) -> Iterator[tuple[str, NodeView, int]]:
    """Yield the places that a packet and its answer pass, in order, with the packets counted there."""
    source, target = pair.source, pair.target
    there, back = pair.flow, pair.flow[::-1]
    steps: list[tuple[str, NodeView, Point, tuple[str, str]]] = [
        (f"sent on {source.name}'s uplink", source, "sent", there),
        (f"received on {target.name}'s uplink", target, "received", there),
        (f"answered on {target.name}'s uplink", target, "sent", back),
        (f"received on {source.name}'s uplink as an answer", source, "received", back),
    ]
    for place, node, point, flow in steps:
        yield place, node, node.on_uplinks(point, flow, protocol)


def _of_both(node: NodeView, pair: Pair, point: Point) -> Iterable[Counter]:
    """Yield a node's counters for both directions of a pair, its pod's namespace included."""
    flows = {pair.flow, pair.flow[::-1]}
    spaces = (
        {node.report.namespace, node.report.pod.namespace if node.report.pod else 0} - {0} if node.report else set()
    )
    for row in node.rows:
        if row.point == point and row.netns in spaces and (row.source, row.target) in flows:
            yield row


def notes(case: Case) -> Iterator[str]:
    """Yield what is worth knowing and not red: drops that no list knows while all probes pass."""
    for node in case.nodes.values():
        if not case.touching(node.name):
            for row in node.counters("dropped"):
                if not is_noise(row):
                    place = f"{row.reason} at {row.function} on {node.device(row)}"
                    yield f"{node.name}: {row.count} drops {place}; probes pass"
