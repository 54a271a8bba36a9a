"""Causes that show on the way between two nodes: packet size, masquerade, pod networks given out twice."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.judge.case import Case, names
from underlay.judge.node_causes import drop_text, drops
from underlay.judge.object_checks import NODE_CONFIG, POOL
from underlay.judge.verdict import KUBERNETES, Cause
from underlay.judge.views import NodeView, Pair
from underlay.plan.bgp import cluster_config

CLUSTER_CONFIG = "CiliumBGPClusterConfig"
APART = (NODE_CONFIG, POOL)
"""Kinds that say nothing of other nodes' sessions, or of any."""

SAYING = ("tcp", "udp")
"""Kinds of exchanges of two protocols whose answer says which source address was seen."""


def path_mtu(case: Case) -> Iterator[Cause]:
    """Find pairs where full-size packets are lost and small ones pass, joined by the machine that has the small MTU."""
    found: dict[tuple[str, int], list[Pair]] = {}
    for pair in case.broken:
        if not pair.item("full").passed and pair.item("ping").passed:
            found.setdefault(_narrowest(pair, case), []).append(pair)
    for (where, mtu), pairs in found.items():
        yield _narrow(where, mtu, pairs)


def _narrowest(pair: Pair, case: Case) -> tuple[str, int]:
    """Return the machine with the small MTU and that MTU: a node's own NIC or pod before whoever says so."""
    back = case.by_names.get(pair.names[::-1])
    told = pair if pair.item("full").mtu or back is None else back  # answers are as large as requests
    full = told.item("full")
    own = [(node.name, mtu) for node in (pair.source, pair.target) for _, mtu in _mtus(node) if mtu < full.bytes]
    return own[0] if own else (case.machines.get(full.sender or "", pair.source.name), full.mtu)


def _mtus(node: NodeView) -> Iterator[tuple[str, int]]:
    """Yield the MTU of each uplink and of the probe pod's link."""
    yield from ((link.name, link.mtu) for link in node.links.values() if link.name in node.uplinks)
    if node.report and node.report.pod:
        yield f"the pod's {node.report.pod.device}", node.report.pod.mtu


def _narrow(where: str, mtu: int, pairs: list[Pair]) -> Cause:
    pair = next((pair for pair in pairs if pair.item("full").mtu), pairs[0])
    full = pair.item("full")
    told = [f"{full.sender or 'the own kernel'} says {full.error}, MTU {full.mtu}"] if full.mtu else []
    told += [text for node in (pair.source, pair.target) if (text := drop_text(node, drops(node, "PKT_TOO_BIG")))]
    told += [
        f"{node.name}: {device} has MTU {size}"
        for node in (pair.source, pair.target)
        for device, size in _mtus(node)
        if size < full.bytes
    ]
    passed = f"{pair.item('ping').bytes} bytes pass, {full.bytes} with DF do not ({full.received} of {full.sent})"
    size = str(mtu) if mtu else f"less than {full.bytes}"
    more = f" (and {len(pairs) - 1} more)" if len(pairs) > 1 else ""
    sentence = f"path MTU {pair.source.name} → {pair.target.name} is {size}, pods use {full.bytes}{more}"
    fix = f"Give every NIC and port of {where} the declared MTU, or declare the smaller one."
    return Cause("path-mtu", where, sentence, (passed, *told), fix, names(pairs))


def masqueraded(case: Case) -> Iterator[Cause]:
    """Find far ends that saw another source address than the pod's."""
    for node in case.nodes.values():
        pairs = case.sent_by.get(node.name, [])
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
        if refused and pair.item("ping").passed and not pair.to_host:
            told = [f"{kind} to {pair.probe.address} port {case.expected.port} is refused" for kind in refused]
            told.append(f"echo requests to {pair.probe.address} are answered")
            sentence = f"{pair.target.name}: the responder in its probe pod does not listen; the path to it works"
            fix = f"Look at the pod's log in namespace {case.expected.namespace}."
            yield Cause("responder-closed", pair.target.name, sentence, tuple(told), fix, frozenset({pair.names}))


def responder_silent(case: Case) -> Iterator[Cause]:
    """Find far pods that answer echo requests in full size, take what is sent, and say nothing."""
    for node in case.nodes.values():
        mine = case.sent_to.get(node.name, [])
        silent = [pair for pair in mine if _takes_and_is_silent(pair)]
        if silent and len(silent) == len(mine):
            sentence = f"{node.name}: the responder in its probe pod does not answer; the path to it works"
            told = [f"echo requests of all sizes to {node.seen.probe} are answered", f"probe {silent[0].text}"]
            told.append(f"{len(silent)} of {len(mine)} nodes find it so, and their packets arrive")
            fix = f"Look at the pod's log in namespace {case.expected.namespace}."
            yield Cause("responder-silent", node.name, sentence, tuple(told), fix, names(silent))


def _takes_and_is_silent(pair: Pair) -> bool:
    items = pair.probe.exchanges()
    quiet = all(items[kind].error == "ETIMEDOUT" for kind in ("tcp", "udp"))
    arrived = {row.protocol for row in pair.target.counters("received", [pair.flow])}
    return quiet and items["ping"].passed and items["full"].passed and {6, 17} <= arrived


def objects(case: Case) -> Iterator[Cause]:
    """Find Cilium's objects that complain by a condition."""
    down = [
        (peer.peer, f"{router.name} has its session with {peer.peer} down")
        for router in case.routers.values()
        if router.report and router.report.sessions is not None
        for peer in router.plan.sessions
        if not router.established(str(peer.address))
    ]
    planned = {cluster_config(node.rack) for node in case.expected.nodes}
    for trouble in case.evidence.survey.troubles:
        own = (NODE_CONFIG, trouble.name)
        sentence = f"{trouble.kind} {trouble.name}: {trouble.condition}: {trouble.message}"
        stray = trouble.kind == CLUSTER_CONFIG and trouble.name not in planned
        foreign = [f"no {trouble.kind} of that name is planned"] if stray else []
        about = [text for peer, text in down if trouble.kind not in APART or (trouble.kind, peer) == own]
        told = (f"its condition {trouble.condition} is True", *about[:1], *foreign)
        fix = f"Look at `kubectl describe {trouble.kind.lower()} {trouble.name}`."
        yield Cause("bgp-object", KUBERNETES, sentence, told, fix)


def _sources(pair: Pair) -> list[tuple[str, str]]:
    found = [(kind.upper(), pair.item(kind).source) for kind in SAYING]
    return [(kind, source) for kind, source in found if source]


def pod_network_twice(case: Case) -> Iterator[Cause]:
    """Find two nodes that were given overlapping pod networks."""
    for (one, first), (other, second) in case.overlaps:
        sentence = f"pod network {first} is assigned to {one} and {second} to {other}"
        told = tuple(f"CiliumNode {name} holds {cidr}" for name, cidr in ((one, first), (other, second)))
        fix = "Delete the younger CiliumNode, restart its agent and pods."
        everywhere = frozenset({one, other, *case.routers})
        yield Cause("pod-network-twice", one, sentence, told, fix, names(case.touching(one, other)), everywhere)


RULES = (path_mtu, masqueraded, responder_closed, responder_silent, pod_network_twice, objects)
"""Rules that are asked once."""
