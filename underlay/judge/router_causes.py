"""Causes that lie at a router: daemons, and routes missing, refusing, stray or stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from underlay.judge.case import Case, cause_at
from underlay.judge.evidence import NodeSession
from underlay.judge.router_checks import fits, halted, kernel_hops, sorted_hops
from underlay.judge.verdict import Cause
from underlay.judge.views import REFUSING, NodeView, RouterView, network, within

ICMP_ERRORS = {3, 11}
"""Types: destination unreachable, time exceeded."""
UNTOLD = ("families", "tells", "takes", "limit", "asn", "peer_asn")
"""Aspects that keep a prefix from crossing a session that is up; a number may stand in its path already."""
ASKED = ("control:", "sessions:", "table:")
"""How an error begins of what a daemon itself is asked for; the kernel is asked for the rest."""


def cause(
    rule: str, router: RouterView, sentence: str, fix: str, witnesses: list[str], case: Case, *peers: str
) -> Cause:
    """Return a cause at a router; it explains the broken pairs that pass there, of a node where it is towards one."""
    node = next((name for name in peers if name in case.nodes), "") if len(peers) == 1 else ""
    return cause_at(rule, router.name, sentence, fix, witnesses, case.through(router.name, node), *peers)


def process_halted(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find daemons of the router that do not run."""
    for text in halted(router):
        down = [
            f"{node.name} has its session with {router.name} {session.state}"
            for node in case.nodes.values()
            for session in [far_end(node, router)]
            if session and session.state != "established"
        ]
        errors = router.report.errors if router.report else ()
        dumb = [f"its control socket does not answer: {error}" for error in errors if error.startswith(ASKED)]
        name = text.split()[0]
        yield cause(
            "router-process",
            router,
            text,
            f"Start {name} and read its log.",
            [f"process list: {text}", *down[:1], *dumb[:1]],
            case,
        )


def far_end(node: NodeView, router: RouterView) -> NodeSession | None:
    """Return the node's own session with a router, as Cilium's status has it."""
    plan = node.plan.peer(router.name)
    return next((item for item in node.seen.sessions or () if plan and item.address == str(plan.address)), None)


def prefix_wrong(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find pod networks that the router misses, refuses, or sends to the wrong next hop."""
    if router.report is None or router.report.kernel is None or halted(router):
        return
    for cidr, node in case.intended.items():
        wanted = sorted_hops(case.expected.next_hops(router.name, node))
        held = kernel_hops(router, cidr)
        learned = None if router.report.table is None else sorted(router.report.table.get(cidr, ()))
        if fits(router, held, wanted):
            continue
        told = [f"`ip route` there: {', '.join(held) or 'no route'} for {cidr}"]
        told += [] if learned is None else [f"BGP there: {', '.join(learned) or 'no route'} for {cidr}"]
        rule, sentence, fix = _route_fault(cidr, node, held, learned, wanted)
        others = [case.machines[hop] for hop in {*(learned or ())} - {*wanted} if case.machines.get(hop) in case.nodes]
        sentence += f": {', '.join(sorted(others))} advertises {cidr}, which is {node}'s" if others else ""
        different = _at_the_ends(router, wanted, case) if not held and not learned else []
        sentence += f": {different[0]}" if different else ""
        told += [f"read back: {different[0]}"] if different else []
        if learned or held or not _upstream_silent(router, cidr, node, case):
            yield cause(rule, router, sentence, fix, [*told, *_refusals(router, node, case)], case, node)


def _route_fault(
    cidr: str, node: str, held: list[str], learned: list[str] | None, wanted: tuple[str, ...]
) -> tuple[str, str, str]:
    """Return rule, sentence and next step for a wrong route; `learned` is None where BGP was not read."""
    if REFUSING & set(held):
        sentence = f"{', '.join(held)} route for {cidr} ({node}) swallows pod traffic"
        return "router-refusing-route", sentence, "Remove it."
    if not held and learned is None:
        sentence = f"no route to {cidr} ({node}) in the kernel; BGP was not read"
        return "route-missing", sentence, "Look why BGP's table could not be read."
    if not held and learned:
        fix = "Restart the routing daemon, find who removed it."
        return "route-missing", f"no route to {cidr} ({node}) in the kernel, though BGP has learned it", fix
    if not held:
        fix = "Look at the advertisement's labels at the node and the filter at the router."
        return "route-missing", f"no route to {cidr}: {node}'s session is up but the network is not learned", fix
    fix = "Find out who advertises or configured the other next hop."
    return "router-wrong-next-hop", f"{cidr} ({node}) goes to {', '.join(held)}; expected {', '.join(wanted)}", fix


def _at_the_ends(router: RouterView, wanted: Iterable[str], case: Case) -> list[str]:
    """Return what differs at the ends of the sessions by which a router should learn a network."""
    own = [one for hop in wanted for one in case.differing(router.name, hop, *UNTOLD)]
    tellers = {case.machines.get(hop) for hop in wanted}
    far = [
        one for one in case.differences if one.router in tellers and one.peer == router.name and one.aspect in UNTOLD
    ]
    inward = (one for one in (*own, *far) if one.aspect != ("tells" if one.wrong == router.name else "takes"))
    return [one.sentence for one in inward]


def _upstream_silent(router: RouterView, cidr: str, node: str, case: Case) -> bool:
    """Say whether the fault lies where the router learns from: a session down, a halted daemon, or the same gap."""
    hops = [str(hop) for hop in case.expected.next_hops(router.name, node)]
    if not any(router.established(hop) for hop in hops):
        return True
    sources = [case.routers[name] for hop in hops if (name := case.machines.get(hop, "")) in case.routers]
    return bool(sources) and all(
        halted(source) or not source.report or (source.report.table is not None and cidr not in source.report.table)
        for source in sources
    )


def _refusals(router: RouterView, node: str, case: Case) -> list[str]:
    """Return the router's own ICMP errors to the pods at either end, as the nodes' kernels counted them."""
    ends = {name for pair in case.through(router.name, node) for name in pair.names}
    return [
        f"{row.source} answers {case.machines[row.target]} with ICMP {row.icmp[0]}/{row.icmp[1]} ({row.count} times)"
        for name in sorted(ends)
        for row in case.nodes[name].counters("received")
        if row.icmp
        and row.icmp[0] in ICMP_ERRORS
        and case.machines.get(row.source) == router.name
        and row.target == case.nodes[name].seen.probe
    ][:2]


def stray_prefix(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find networks of the pool that the router holds and no node owns as such."""
    if router.report is None or router.report.kernel is None or not case.intended:
        return
    held = {route.target for route in router.report.kernel if case.in_pool(route.target)}
    for cidr in sorted(held - case.intended.keys()):
        hops = kernel_hops(router, cidr)
        if network(cidr) in router.plan.aggregates and set(hops) <= REFUSING:
            continue
        via = ", ".join(case.machines.get(hop, hop) for hop in hops)
        inside = next((own for own in case.intended if within(cidr, own)), "")
        fault = (
            f"overrides {inside} of {case.intended[inside]}"
            if inside
            else "belongs to no node: stale or wrongly advertised"
        )
        told = [f"`ip route` there: {cidr} via {', '.join(hops)}", "no CiliumNode holds it"]
        node = case.intended.get(inside, "")
        yield cause(
            "stray-prefix", router, f"{cidr} (via {via}) {fault}", "Withdraw it at its origin.", told, case, node
        )


RULES: tuple[Callable[[RouterView, Case], Iterator[Cause]], ...] = (
    process_halted,
    prefix_wrong,
    stray_prefix,
)
"""Rules that are asked of every router."""
