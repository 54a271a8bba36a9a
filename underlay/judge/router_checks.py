"""What is checked at each router: daemons, sessions, and the table that has to hold exactly the pod networks."""

# ruff: noqa: ARG001 - all checkers are called alike

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address

from underlay.judge.case import Case
from underlay.judge.evidence import ECHOES, RouterReport
from underlay.judge.flaps import flaps
from underlay.judge.verdict import Check, Judged, Status, result
from underlay.judge.views import RouterView, network, within
from underlay.model import Platform
from underlay.plan.ends.end import is_address

DAEMONS = {Platform.FRR: ("zebra", "bgpd"), Platform.BIRD: ("bird",)}
"""Processes that a router needs."""
UNMANAGED = "not managed by this program"
HALTED = {"T": "stopped by a signal", "t": "stopped by a debugger", "Z": "ended", "X": "ended"}
"""The kernel's letters for a process that does not run."""


def halted(router: RouterView) -> list[str]:
    """Return each daemon that does not run, in words; nothing where the processes could not be read."""
    if router.report is None or router.report.processes is None:
        return []
    states = {process.name: process.state for process in router.report.processes}
    found = {
        name: HALTED.get(states[name], "") if name in states else "not running"
        for name in DAEMONS[router.plan.platform]
    }
    return [f"{name} is {state}" for name, state in found.items() if state]


def kernel_hops(router: RouterView, prefix: str) -> list[str]:
    """Return the next hops, or the kind, of a prefix's routes in the router's kernel."""
    return router.held.get(prefix, [])


def _processes(router: RouterView, report: RouterReport, case: Case) -> Judged:
    if report.processes is None:
        return result(None, "; ".join(report.errors))
    stopped = halted(router)
    running = ", ".join(f"{process.name} ({process.state})" for process in report.processes)
    return result(not stopped, "; ".join(stopped) or running)


def _forwarding(router: RouterView, report: RouterReport, case: Case) -> Judged:
    """Ask the sysctl itself: of a router that only stands by no probe tells that it would drop everything."""
    if report.forwarding is None:
        return result(None, "; ".join(report.errors) or "ip_forward was not read")
    return result(report.forwarding == 1, f"ip_forward={report.forwarding}")


def fits(router: RouterView, held: Iterable[str], wanted: Iterable[str]) -> bool:
    """Say whether next hops are as planned: of several ways one is enough, unless FRR balances and leaves one out."""
    found, plan = set(held), set(wanted)
    if not found or not found <= plan:
        return found == plan
    return found == plan or router.plan.platform is Platform.BIRD or len(found) == 1


def _sessions(router: RouterView, report: RouterReport, case: Case) -> Judged:
    if report.sessions is None:
        return result(False if halted(router) else None, "; ".join(report.errors))
    peers = {str(peer.address): peer for peer in router.plan.sessions}
    states = {address: session.state for address, session in router.sessions.items()}
    wrong = [
        f"{peer.peer} {address}: {states.get(address, 'no such neighbour')}"
        for address, peer in peers.items()
        if not router.established(address)
    ]
    up = len(peers) - len(wrong)
    known = {address: session for address, session in router.sessions.items() if address in peers}
    wrong += [
        f"{peers[address].peer} {address}: AS {session.asn} instead of {peers[address].asn}"
        for address, session in known.items()
        if session.asn not in (None, peers[address].asn)
    ]
    wrong += [
        f"{address} (AS {session.asn}) is Established and not declared"
        for address, session in router.sessions.items()
        if address not in peers and is_address(address) and router.established(address)
    ]
    wrong += [
        f"{peers[address].peer} {address}: hold time {session.hold or 0:g} s instead of {case.expected.hold} s"
        for address, session in known.items()
        if router.established(address) and not _agreed(session.hold, peers[address].peer, case)
    ]
    wrong += _mistaken(router)
    wrong += [
        f"{peer.peer} {address}: went down again {session.resets} times while looked at for {session.watched:g} s"
        for address, peer in peers.items()
        if (session := flaps(router, peer))
    ]
    silent = [f"{address}: AS number not said" for address, session in known.items() if session.asn is None]
    told = "; ".join([f"{up} of {len(peers)} Established", *wrong, *silent])
    return result(False if wrong else None if silent else True, told)


def _mistaken(router: RouterView) -> list[str]:
    """Return each peer that is up with another router id than the one that is declared."""
    seen = {address: one.identity for address, one in router.sessions.items() if router.established(address)}
    return [
        f"{peer.peer} {peer.address}: router id {found} instead of {peer.router_id}"
        for peer in router.plan.sessions
        if peer.router_id and (found := seen.get(str(peer.address))) and found != str(peer.router_id)
    ]


def _agreed(hold: float | None, peer: str, case: Case) -> bool:
    """Say whether a hold time is ours; a neighbour outside may want a shorter one, which holds then, but not none."""
    ours = case.expected.hold
    return not ours or hold in (None, ours) or (not case.expected.knows(peer) and 0 < (hold or 0) < ours)


def _table(router: RouterView, report: RouterReport, case: Case) -> Judged:
    """Compare BGP's best routes in the pool with the intended set, next hops included."""
    if report.table is None:
        return result(False if halted(router) else None, "; ".join(report.errors))
    held = {
        prefix: tuple(sorted(hops))
        for prefix, hops in report.table.items()
        if (case.in_pool(prefix) or strays_over(router, prefix, case)) and not _aggregate(router, prefix)
    }
    return _compare(router, held, case, "by BGP")


def _aggregate(router: RouterView, prefix: str) -> bool:
    return network(prefix) in router.plan.aggregates


def strays_over(router: RouterView, prefix: str, case: Case) -> bool:
    """Say whether a network covers the pool, and the plan lets the router learn no such one."""
    found = network(prefix)
    covers = found is not None and case.expected.pool.subnet_of(found) and found != case.expected.pool
    return covers and found not in router.plan.accepts


def _kernel(router: RouterView, report: RouterReport, case: Case) -> Judged:
    """Compare the kernel's routes in the pool with the intended set, next hops included."""
    if report.kernel is None:
        return result(None, "; ".join(report.errors))
    found = {route.target for route in report.kernel if case.in_pool(route.target)}
    prefixes = {prefix for prefix in found if not _aggregate(router, prefix)}
    return _compare(router, {prefix: tuple(kernel_hops(router, prefix)) for prefix in prefixes}, case, "in the kernel")


def _services(router: RouterView, report: RouterReport, case: Case) -> Judged:
    """Every route to a service's address has to lead to a node, directly or by a router: any other one swallows it."""
    pools = case.expected.load_balancers
    if not pools:
        older = "the input of an older program asks no router for it"
        return Status.SKIPPED, older if pools is None else "the site has no addresses for services"
    if report.kernel is None:
        return result(None, "; ".join(report.errors))
    ways = (*router.plan.next_hops.values(), *(way.hops for way in router.plan.ways))
    right = {str(hop) for hops in ways for hop in hops}
    held = {(prefix, "in the kernel"): kernel_hops(router, prefix) for prefix in router.held}
    held |= {(prefix, "by BGP"): [*hops] for prefix, hops in (report.table or {}).items()}
    around = [str(pool) for pool in pools]
    served = {
        (prefix, where): hops
        for (prefix, where), hops in held.items()
        if any(within(prefix, pool) for pool in around) and not _aggregate(router, prefix)
    }
    wrong = [f"{prefix} {where}: {', '.join(hops)}" for (prefix, where), hops in served.items() if {*hops} - right]
    count = len({prefix for prefix, _ in served})
    told = f"{count} addresses, each by a node or a router of the site" if count else "no route to a service"
    return result(not wrong, "; ".join(wrong or [told]))


@lru_cache(maxsize=1 << 12)
def sorted_hops(hops: tuple[IPv4Address, ...]) -> tuple[str, ...]:
    """Return planned next hops as a router's answer is written: the same few of them for all nodes of a rack."""
    return tuple(sorted(map(str, hops)))


def _compare(router: RouterView, held: dict[str, tuple[str, ...]], case: Case, where: str) -> Judged:
    if not case.intended:
        return result(None, "the intended pod networks are not known")
    wanted = {cidr: sorted_hops(case.expected.next_hops(router.name, node)) for cidr, node in case.intended.items()}
    both = sorted(wanted.keys() & held.keys())
    wrong = [f"missing {cidr} ({case.intended[cidr]})" for cidr in sorted(wanted.keys() - held.keys())]
    wrong += [
        f"{'extra' if case.in_pool(cidr) else 'covering the pool:'} {cidr} via {', '.join(held[cidr])}"
        for cidr in sorted(held.keys() - wanted.keys())
    ]
    wrong += [
        f"{cidr} via {', '.join(held[cidr]) or 'nothing'} instead of {', '.join(wanted[cidr]) or 'nothing'}"
        for cidr in both
        if not fits(router, held[cidr], wanted[cidr])
    ]
    right = [f"{cidr} via {', '.join(held[cidr])}" for cidr in both]
    return result(not wrong, "; ".join(wrong or [f"{len(held)} pod networks {where}: {'; '.join(right)}"]))


def _echoes(router: RouterView, report: RouterReport, case: Case) -> Judged:
    """Every pod that the router has to reach from outside the cluster has to answer its echo request."""
    if case.expected.service is None:
        return Status.SKIPPED, "the input of an older program asks no router for it"
    heard = report.echoes
    if heard is None:
        told = [error for error in report.errors if error.startswith(ECHOES)]
        return result(None, told[0]) if told else (Status.SKIPPED, "not proven from outside: the router has no `ping`")
    if not (asked := case.expected.echoing(router.name)):
        return Status.SKIPPED, "no node has a session with this router, so it asks no pod"
    pods = {name: case.nodes[name].seen.probe for name in asked if name in case.nodes}
    silent = [f"{name} ({pod}) does not answer" for name, pod in pods.items() if pod and heard.get(pod) is False]
    unasked = [f"{name}'s pod was not asked" for name, pod in pods.items() if not pod or pod not in heard]
    text = f"{sum(heard.values())} of {len(pods)} pods answer"
    return result(False if silent else None if unasked else True, "; ".join([text, *silent, *unasked]))


Checker = Callable[[RouterView, RouterReport, Case], Judged]

CHECKS: dict[str, tuple[Checker, str, str]] = {
    "router-process": (_processes, "every daemon runs", "Start the daemon."),
    "router-forwarding": (_forwarding, "1", "Set net.ipv4.ip_forward=1 there, in sysctl.d and now."),
    "router-sessions": (
        _sessions,
        "every declared session Established, with the declared AS and router id, and no other",
        "Compare address, AS number, router id and password at both ends.",
    ),
    "router-prefixes": (
        _table,
        "exactly the nodes' pod networks, each via its node, and none that covers the pool",
        "Look at the node's advertisement and the router's filter.",
    ),
    "router-routes": (
        _kernel,
        "the same routes in the kernel",
        "Look at the node's advertisement and the router's filter.",
    ),
    "router-services": (
        _services,
        "routes to services' addresses lead to nodes, directly or by a router of the site",
        "Find who put the route there: `vtysh -c 'show ip route'` or `birdc show route`.",
    ),
    "router-echoes": (
        _echoes,
        "the pods of its own nodes answer it",
        "Look at packet filters and policies for what comes from outside the cluster.",
    ),
}
"""Rule → function, what it expects, next step."""


def check_router(router: RouterView, case: Case) -> list[Check]:
    """Return all checks of a router; one that is not ours is skipped, one without a report is an error."""
    if not router.plan.managed:
        return [Check("router-report", router.name, Status.SKIPPED, UNMANAGED, "")]
    if router.report is None:
        reason = case.evidence.errors.get(router.name, "no report")
        return [Check("router-report", router.name, Status.ERROR, reason, "a report", "Look at SSH on the router.")]
    found = []
    for rule, (checker, expected, fix) in CHECKS.items():
        status, text = checker(router, router.report, case)
        found.append(Check(rule, router.name, status, text, expected, "" if status is Status.PASS else fix))
    return found
