"""Causes between two nodes: routers that filter, do not forward or miss a neighbour; loss that nobody owns up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from underlay.judge.case import Case, names
from underlay.judge.evidence import Filter
from underlay.judge.router_causes import cause
from underlay.judge.verdict import Cause, Pairs
from underlay.judge.views import BGP_PORT, PROTOCOLS, SILENT, Pair, RouterView, network
from underlay.plan.verification import ExpectedSession

PASSING = {"ingress", "prerouting", "forward", "postrouting", "egress", "input", "output"}


def router_forwarding_off(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find a router whose kernel does not forward."""
    if router.report and router.report.forwarding == 0:
        fix = "Set net.ipv4.ip_forward=1 in sysctl.d and now."
        told = "sysctl ip_forward reads 0"
        yield cause("router-forwarding-off", router, "IPv4 forwarding is off", fix, [told], case)


def router_filter(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find a router with a dropping chain, while packets of pairs whose way leads through it vanish between nodes."""
    found = [chain for chain in (router.report.filters or () if router.report else ()) if chain.hook in PASSING]
    gone = [pair for pair in case.through(router.name) if _told_gone(pair)] if found else []
    for chain in found if gone else ():
        if is_about_bgp(chain):
            continue
        where = f"chain {chain.chain} of table {chain.family} {chain.table} (hook {chain.hook})"
        rules = "; ".join(chain.rules) or f"policy {chain.policy}"
        told = [f"{where}: {rules}", f"{_told_gone(gone[0])} ({gone[0].source.name} → {gone[0].target.name})"]
        told.append(f"probe {gone[0].text}")
        fix = "Let the pod pool through, both ways, any protocol and size."
        sentence = f"{router.name}: a packet filter drops pod traffic: {where}"
        yield Cause("router-filter", router.name, sentence, tuple(told), fix, names(gone))


def _told_gone(pair: Pair) -> str:
    """Return how a pair's packets vanish; where the far node does not report, that they left the near one."""
    kinds = [kind for kind in pair.failed if pair.source.on_uplinks("sent", pair.flow, PROTOCOLS[kind])]
    if pair.target.full or not pair.source.full or not kinds:
        return vanished(pair)
    return f"packets for {', '.join(kinds)} sent on {pair.source.name}'s uplink, and {pair.target.name} does not report"


def is_about_bgp(chain: Filter) -> bool:
    """Say whether each dropping rule of a chain is about BGP's port alone."""
    return chain.policy != "drop" and all(BGP_PORT in rule.split() for rule in chain.rules)


def port_down(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find a port without carrier on which the router should hold a session."""
    for port in router.report.ports or () if router.report else ():
        networks = [found for text in port.networks if (found := network(text))]
        peers = [peer for peer in router.plan.sessions if any(peer.address in inside for inside in networks)]
        if not port.up and peers:
            down = [f"the session with {peer.peer} ({peer.address}) is down" for peer in peers[:1]]
            told = [f"port {port.name} ({', '.join(port.networks)}) is not up", *down]
            who = ", ".join(peer.peer for peer in peers)
            fix = "Look at the cable and at the port's far end."
            sentence = f"the port {port.name} towards {who} is down"
            yield cause("router-port-down", router, sentence, fix, told, case, *(peer.peer for peer in peers))


def neighbour_silent(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find a node or router that does not answer the router's ARP requests."""
    wanted = {str(peer.address): peer.peer for peer in router.plan.sessions}
    for entry in router.report.neighbours or () if router.report else ():
        if entry.state in SILENT and entry.address in wanted:
            peer = wanted[entry.address]
            down = [] if router.established(entry.address) else [f"the session with {peer} is down"]
            sentence = f"the neighbour {entry.address} ({peer}) does not answer ARP on {entry.device}"
            told = [f"neighbour {entry.address} on {entry.device} is {entry.state}", *down]
            fix = "Look at the cable, the card's address and the port."
            yield cause("router-neighbour-silent", router, sentence, fix, told, case, peer)


def password(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find sessions that are down while the router's kernel refuses BGP segments by their signature."""
    counted = {name: count for name, count in (router.report.md5 or {} if router.report else {}).items() if count > 0}
    down = [peer for peer in router.plan.sessions if _configured_and_down(router, peer)]
    if counted and down:
        who = ", ".join(f"{peer.peer} ({peer.address})" for peer in down)
        told = [f"{count} segments refused, counter {name}" for name, count in counted.items()]
        told += [f"the session with {peer.peer} is down" for peer in down[:1]]
        wrong = [one.sentence for peer in down for one in case.differing(router.name, str(peer.address), "password")]
        sentence = f"BGP password differs between {router.name} and {who}{f': {wrong[0]}' if wrong else ''}"
        fix = "Compare the Secret named by authSecretRef with the router's password."
        for peer in down:
            yield cause("bgp-password", router, sentence, fix, told, case, peer.peer)


def _configured_and_down(router: RouterView, peer: ExpectedSession) -> bool:
    """Say whether the router knows the neighbour as planned: one that it does not know has no password either."""
    own = router.sessions.get(str(peer.address))
    return own is not None and own.asn == peer.asn and own.state != "established"


def lost_on_the_way(case: Case, explained: Pairs) -> Iterator[Cause]:
    """Find loss outside the nodes, shown by absence, where all such pairs have one router in common."""
    gone = [pair for pair in case.broken if pair.names not in explained and vanished(pair)]
    common = set.intersection(*(set(case.way(pair)) for pair in gone)) if gone else set()
    passed = {name for pair in case.pairs if not pair.failed for name in case.way(pair)}
    suspects = sorted(common - passed) or sorted(common)
    if len(suspects) == 1:
        router, first = suspects[0], gone[0]
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        way = f"{first.source.name} → {first.target.name}{more}"
        sentence = f"{router}: packets {way} vanish at this router or on its cables, without any kernel's word"
        told = (vanished(first), f"probe {first.text}", f"the only router that all {len(gone)} pairs share")
        fix = "Look for port security, address checks and security groups there."
        yield Cause("lost-on-the-way", router, sentence, told, fix, names(gone))


def vanished(pair: Pair) -> str:
    """Return in words that packets of a failed exchange left one node and did not all reach the other; else nothing."""
    if not (pair.source.full and pair.target.full):
        return ""
    for kind in pair.failed:
        for flow, here, there in (
            (pair.flow, pair.source, pair.target),
            (pair.flow[::-1], pair.target, pair.source),
        ):
            sent = here.on_uplinks("sent", flow, PROTOCOLS[kind])
            received = there.on_uplinks("received", flow, PROTOCOLS[kind])
            if received < sent:
                return f"{sent} packets for {kind} sent on {here.name}'s uplink, {received} received on {there.name}'s"
    return ""


RULES: tuple[Callable[[RouterView, Case], Iterator[Cause]], ...] = (
    router_forwarding_off,
    router_filter,
    port_down,
    neighbour_silent,
    password,
)
"""Rules that are asked of every router."""
