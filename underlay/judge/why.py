"""Why a pod is or is not reached: the chain from the declaration to the packets, and its first broken link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from underlay.judge.case import Case
from underlay.judge.evidence import Evidence
from underlay.judge.judge import verdict
from underlay.judge.router_checks import UNMANAGED, fits, kernel_hops
from underlay.judge.verdict import Check, Judged, Status, result
from underlay.judge.views import NodeView, RouterView, network
from underlay.plan.ends import Session
from underlay.plan.verification import Expected

UNREAD = "could not be read"


@dataclass(frozen=True)
class Link:
    """One link of the chain: what has to hold, and what was seen."""

    what: str
    status: Status
    seen: str


@dataclass(frozen=True)
class Chain:
    """All links in the order in which a packet's way comes about, and what the verdict says of them."""

    subject: str
    links: tuple[Link, ...]
    causes: tuple[str, ...]

    @property
    def broken(self) -> Link | None:
        """Return the first link that does not hold, or, where all that could be read holds, the first unread one."""
        for status in (Status.FAIL, Status.ERROR):
            for link in self.links:
                if link.status is status:
                    return link
        return None


def chain(expected: Expected, evidence: Evidence, address: IPv4Address, sessions: Sequence[Session] = ()) -> Chain:
    """Return the chain for a pod's address."""
    case = Case(expected, evidence, sessions)
    if address not in expected.pool:
        return Chain(str(address), (Link("address in the pod pool", Status.FAIL, f"not in {expected.pool}"),), ())
    pool = Link("address in the pod pool", Status.PASS, f"in {expected.pool}")
    owned = next(((cidr, name) for cidr, name in case.intended.items() if _within(address, cidr)), None)
    if owned is None:
        seen = "; ".join(evidence.survey.errors) or f"no CiliumNode holds a network with {address}"
        status = Status.ERROR if evidence.survey.errors else Status.FAIL
        return Chain(str(address), (pool, Link("network given to a node", status, seen)), ())
    cidr, name = owned
    found = verdict(case)
    links = (
        pool,
        Link("network given to a node", Status.PASS, f"{cidr} to {name}"),
        *_links(case, cidr, name, found.checks),
    )
    places = {name, *(peer.router for peer in case.nodes[name].plan.peers)}
    causes = [cause for cause in found.causes if cause.where in places or any(name in pair for pair in cause.pairs)]
    return Chain(str(address), links, tuple(f"{cause.sentence} {cause.fix}".strip() for cause in causes))


def _links(case: Case, cidr: str, name: str, checks: Sequence[Check]) -> Iterator[Link]:
    node = case.nodes[name]
    near = [peer.router for peer in node.plan.peers]
    yield from (_session(case, node, router) for router in near)
    far = [router for router in case.routers if router not in near]
    for router in (*near, *far):
        view = case.routers[router]
        yield Link(f"{router}: BGP table has {cidr}", *_table(case, view, cidr, name))
        yield Link(f"{router}: kernel forwards {cidr}", *_kernel(case, view, cidr, name))
    yield from (_as_link(check, "leads far pods to its gateway") for check in checks if check.rule == "route")
    yield from (_as_link(check, "probes pass") for check in checks if check.rule == "probes" and check.where == name)


def _session(case: Case, node: NodeView, router: str) -> Link:
    """Join both ends of a session: the router's word counts, the node's where there is none."""
    peer = next(peer for peer in node.plan.peers if peer.router == router)
    own = next((one for one in case.routers[router].plan.sessions if one.peer == node.name), None)
    report = case.routers[router].report
    if own and report and report.sessions is not None:
        up = case.routers[router].established(str(own.address))
        return Link(
            f"session of {node.name} with {router}", *result(up, "Established" if up else "not Established there")
        )
    seen = {one.address: one.state for one in node.seen.sessions or ()}.get(str(peer.address))
    good = None if seen is None else seen == "established"
    return Link(f"session of {node.name} with {router}", *result(good, f"{seen or UNREAD} at {node.name}"))


def _table(case: Case, router: RouterView, cidr: str, name: str) -> Judged:
    if router.report is None or router.report.table is None:
        return _unread(case, router)
    return _hops(case, router, list(router.report.table.get(cidr, ())), name)


def _kernel(case: Case, router: RouterView, cidr: str, name: str) -> Judged:
    if router.report is None or router.report.kernel is None:
        return _unread(case, router)
    return _hops(case, router, kernel_hops(router, cidr), name)


def _hops(case: Case, router: RouterView, held: list[str], name: str) -> Judged:
    wanted = [str(hop) for hop in case.expected.next_hops(router.name, name)]
    if not held:
        return result(False, f"nothing; expected via {' or '.join(wanted) or 'nobody'}")
    via = ", ".join(f"{hop} ({case.machines[hop]})" if hop in case.machines else hop for hop in held)
    good = fits(router, sorted(held), sorted(wanted))
    return result(good, f"via {via}" + ("" if good else f"; expected {' or '.join(wanted) or 'nobody'}"))


def _unread(case: Case, router: RouterView) -> Judged:
    """Return why nothing was read; a router that is not ours says nothing and breaks no chain."""
    if not router.plan.managed:
        return Status.SKIPPED, UNMANAGED
    reason = "; ".join(router.report.errors) if router.report else case.evidence.errors.get(router.name)
    return result(None, reason or UNREAD)


def _as_link(check: Check, what: str) -> Link:
    return Link(f"{check.where}: {what}", check.status, check.found)


def _within(address: IPv4Address, cidr: str) -> bool:
    found = network(cidr)
    return found is not None and address in found
