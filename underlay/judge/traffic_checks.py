"""What is checked of a node's traffic with every far pod; a far pod that was not looked at is never a pass."""

# ruff: noqa: ARG001 - all checkers are called alike

from __future__ import annotations

from collections.abc import Iterable

from underlay.judge.case import Case
from underlay.judge.evidence import Counter, Lookup, NodeReport, Point, Route
from underlay.judge.next_hops import lost_redundancy
from underlay.judge.verdict import Judged, Status, result
from underlay.judge.views import NodeView

WIRE: tuple[Point, ...] = ("sent", "received")
STRICT = 1
"""rp_filter: a packet must come in where its sender's route goes out."""
ALONE: Judged = (Status.SKIPPED, "the only node of the site: there is no far pod")


def _unseen(found: Iterable[str], far: dict[str, str]) -> list[str]:
    """Return the nodes whose pods are missing among some addresses, or in the survey itself."""
    addresses = set(found)
    return [name for name, address in far.items() if not address or address not in addresses]


def reverse_path(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Strict filtering is red only where the kernel itself refuses a far pod's packets, or drops them."""
    values = {name: node.reverse_path(name) for name in sorted(node.uplinks)}
    far, asked = case.far(node), report.facts.lookups
    if not far:
        return ALONE
    if None in values.values() or asked is None:
        return result(None, "rp_filter or the look-ups could not be read")
    refused = [
        f"{look.target} refused on {name}: {back.message}"
        for look in asked
        for name, back in look.back.items()
        if back.error and values.get(name) == STRICT
    ]
    dropped = sum(row.count for row in node.counters("dropped") if row.reason == "IP_RPFILTER")
    text = ", ".join(f"rp_filter of {name} is {value}" for name, value in values.items())
    unseen = _unseen((look.target for look in asked if _answered_back(look, node)), far)
    missing = [f"no answer for {', '.join(unseen)}"] if unseen else []
    missing += [] if _reasons(node) else ["reasons of drops could not be observed"]
    bad = refused or dropped
    return result(
        False if bad else None if missing else True, "; ".join([text, *refused, f"{dropped} dropped", *missing])
    )


def _reasons(node: NodeView) -> bool:
    """Say whether drops were observed with the kernel's reason."""
    evidence = node.report.evidence if node.report else None
    return evidence is not None and (evidence.level == "full" or (node.sees("dropped") and evidence.reasons))


def _answered_back(look: Lookup, node: NodeView) -> bool:
    """Say whether the kernel answered for every uplink, be it by a route or by a refusal."""
    answers = [look.back.get(name, Route()) for name in node.uplinks]
    return all(answer.error or answer.device or answer.type for answer in answers)


def route(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Compare the kernel's answer for each far pod, and its look-ups for the probes themselves, with the plan."""
    far, asked = case.far(node), report.facts.lookups
    if not far:
        return ALONE
    if asked is None or not node.sees("routed"):
        return result(None, "look-ups could not be read or observed")
    wrong = [
        f"{look.target}: {look.out.message or f'{look.out.type} by {look.out.device} via {look.out.gateway}'}"
        for look in asked
        if look.out.error or not _planned(node, case, look.target, look.out.device, look.out.gateway)
    ]
    flows = [(node.seen.probe or "", address) for address in far.values() if address]
    rows = [row for row in node.counters("routed", flows) if not row.error]
    ways = {f"{node.device(row)} (ifindex {row.ifindex}) via {row.gateway}" for row in rows}
    unasked = _unseen((look.target for look in asked), far)
    idle = _unseen((row.target for row in rows), far)
    text = f"{sum(row.count for row in rows)} FIB look-ups for {len(flows)} far pods: "
    told = [text + (", ".join(sorted(ways)) or "none seen"), *wrong]
    told += [f"the kernel was not asked for {', '.join(unasked)}"] if unasked else []
    told += [f"no look-up seen for {', '.join(idle)}"] if idle else []
    home = returning(node)
    told += [f"the way to its own pods leads back out of {home.device}"] if home else []
    lost = lost_redundancy(node, case, far.values())
    told += lost
    bad = (
        wrong
        or home
        or lost
        or not all(_planned(node, case, row.target, node.device(row), row.gateway) for row in rows)
    )
    return result(False if bad or (idle and not unasked) else None if unasked else True, "; ".join(told))


def returning(node: NodeView) -> Route | None:
    """Return the kernel's answer where it sends packets for the node's own pods back out of an uplink."""
    looks = (node.report.facts.lookups or ()) if node.report else ()
    return next((back for look in looks for back in look.back.values() if back.device in node.uplinks), None)


def _planned(node: NodeView, case: Case, pod: str, device: str | None, gateway: str | None) -> bool:
    return device in node.uplinks and gateway in case.hops(node, pod)


def wire(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Packets with bare pod addresses have to leave and arrive by the uplinks, and none inside another packet."""
    own, far = node.seen.probe, case.far(node)
    if not far:
        return ALONE
    if not node.sees(*WIRE) or own is None:
        return result(None, "packets could not be observed")
    rows = [row for point in WIRE for row in node.counters(point) if node.on_uplink(row)]
    pods = set(far.values())
    bare = [row for row in rows if row.form == "bare"]
    sent = [row for row in bare if row.point == "sent" and row.source == own and row.target in pods]
    received = [row for row in bare if row.point == "received" and row.target == own and row.source in pods]
    wrapped = _sum(row for row in rows if row.form != "bare")
    places = ", ".join(sorted({f"{node.device(row)} (ifindex {row.ifindex})" for row in rows})) or "no uplink"
    told = [f"{places}: {_sum(sent)} sent, {_sum(received)} received bare, {wrapped} encapsulated"]
    silent = {
        "nothing sent to": _unseen((row.target for row in sent), far),
        "nothing received from": _unseen((row.source for row in received), far),
    }
    told += [f"{words} {', '.join(names)}" for words, names in silent.items() if names]
    unknown = not all(far.values()) and not any(far[name] for names in silent.values() for name in names)
    return result(False if wrapped else None if unknown else not any(silent.values()), "; ".join(told))


def _sum(rows: Iterable[Counter]) -> int:
    return sum(row.count for row in rows)


def probes(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Every far pod has to have been probed once, and the full packet to have had the declared length."""
    far = case.far(node)
    if not far:
        return ALONE
    pairs = case.sent_by.get(node.name, [])
    failed = sum(len(pair.failed) for pair in pairs)
    probed = [(probe.node, probe.address) for probe in report.probes]
    if len(probed) != len(set(probed)) or set(probed) != set(far.items()):
        known = len(set(probed) & set(far.items()))
        text = f"{known} of {len(far)} far pods probed, {len(probed)} answers"
        return result(False if failed else None, "; ".join([text, *(pair.text for pair in pairs if pair.failed)]))
    exchanges = sum(len(pair.probe.exchanges()) for pair in pairs)
    slowest = max((pair.item("ping").ms or 0.0 for pair in pairs), default=0.0)
    text = f"{exchanges - failed} of {exchanges} exchanges with {len(pairs)} far pods, slowest echo {slowest} ms"
    size = case.expected.packet(node.plan)
    short = [
        f"the full packet to {pair.target.name} had {full.bytes} bytes instead of {size}"
        for pair in pairs
        if (full := pair.item("full")).passed and full.bytes != size
    ]
    told = "; ".join([text, *(pair.text for pair in pairs if pair.failed), *short])
    return result(False if failed else None if short else True, told)


def source(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Every far end that answered has to have said whom it saw."""
    if not case.far(node):
        return ALONE
    items = [item for probe in report.probes for item in (probe.tcp, probe.udp, probe.http) if item]
    answers, seen = [item for item in items if item.passed], {item.source for item in items if item.source}
    if node.seen.probe is None or not seen:
        return result(None, "no far end said which address it saw")
    text = f"far ends saw {', '.join(sorted(seen))}"
    silent = [item for item in answers if not item.source]
    told = f"{text}; {len(silent)} answers do not say it" if silent else text
    return result(False if seen != {node.seen.probe} else None if silent else True, told)
