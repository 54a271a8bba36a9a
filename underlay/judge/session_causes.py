"""Causes of sessions that are down: the end that is wrong, as configurations, daemons and Cilium's objects say it."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.judge.case import Case
from underlay.judge.evidence import RouterSession
from underlay.judge.flaps import flaps, reason
from underlay.judge.router_causes import cause, far_end
from underlay.judge.router_checks import halted
from underlay.judge.verdict import Cause
from underlay.judge.views import BGP_PORT, RouterView, network
from underlay.plan.verification import ExpectedSession

DOWN = (
    "missing",
    "shut",
    "asn",
    "peer_asn",
    "address",
    "password",
    "hops",
    "refused",
    "limit",
    "families",
    "further",
    "stays",
    "router_id",
)
"""Aspects of an end that keep its session down, those first that nothing else could follow from."""
UP, RECENT = "established", 60
"""The state of a session that is up; and seconds before a watch within which it has come up, as its other end says."""
OVER_LIMIT = ("Maximum Number of Prefixes", "Route limit exceeded")
"""What FRR and BIRD say of a session that they have ended because of its number of prefixes."""


def session_down(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find sessions that are down, and name the end whose configuration contradicts the plan."""
    if router.report is None or router.report.sessions is None or halted(router):
        return
    for peer in router.plan.sessions:
        if not router.established(str(peer.address)) and not _halted_peer(peer, case) and not flaps(router, peer):
            found = _at_an_end(router, peer, case) or _too_many(router, peer, case)
            sentence, told = found or _wrong_end(router, peer, case)
            states = [text for text in (_router_state(router, peer), _node_state(router, peer, case)) if text]
            fix = "Compare both ends: address, AS number, password, TCP port 179."
            yield cause(
                "session-down",
                router,
                f"session with {peer.peer} ({peer.address}) is down: {sentence}",
                fix,
                [*told, *states, *_blocked(router)],
                case,
                peer.peer,
            )


def session_flaps(router: RouterView, case: Case) -> Iterator[Cause]:
    """Find sessions that came up and went down again while they were looked at, and say which end ends them."""
    for peer in router.plan.sessions if not halted(router) else ():
        own = flaps(router, peer)
        if own and not _halted_peer(peer, case):
            found, why = _at_an_end(router, peer, case), reason(own.detail, router.name, peer.peer)
            sentence, told = found or (why, [])
            count = f"; {own.drops} times since {router.name} knows it" if own.drops else ""
            watched = f"{router.name} saw it go down {own.resets} times within {own.watched:g} s{count}: {own.detail}"
            fix = "Look at the end that is named: its daemon's log, its load, and whether full packets reach the other."
            yield cause(
                "session-flaps",
                router,
                f"session with {peer.peer} ({peer.address}) comes up and goes down again: {sentence}",
                fix,
                [watched, *told, *_seen_at_the_far_end(router, peer, own, case)],
                case,
                peer.peer if peer.peer in case.nodes else "",
            )


def _seen_at_the_far_end(router: RouterView, peer: ExpectedSession, own: RouterSession, case: Case) -> Iterator[str]:
    """Yield what the other end says of the same flapping: when it came up last, or that it is down."""
    if node := case.nodes.get(peer.peer):
        far = far_end(node, router)
        fresh = far is not None and (far.state != UP or (far.age is not None and far.age < own.watched + RECENT))
        if far and fresh:
            yield f"{node.name} says {far.state}{'' if far.age is None else f' since {far.age:.0f} s'}"
    elif other := case.routers.get(peer.peer):
        ends = (one for one in other.sessions.values() if case.machines.get(one.address) == router.name and one.resets)
        yield from (f"{other.name} saw it go down {one.resets} times, too: {one.detail}" for one in ends)


def _at_an_end(router: RouterView, peer: ExpectedSession, case: Case) -> tuple[str, list[str]] | None:
    """Return what the configuration of either end has otherwise than planned; None where they are as planned."""
    for one in case.differing(router.name, str(peer.address), *DOWN):
        return one.sentence, [f"read back from {one.wrong or 'both'}: {one.sentence}"]
    return None


def _too_many(router: RouterView, peer: ExpectedSession, case: Case) -> tuple[str, list[str]] | None:
    """Return that a peer tells more prefixes than the router takes, as the router's daemon says."""
    own = router.sessions.get(str(peer.address))
    limits = [one.near.limit for one in case.sessions if (one.router, one.remote) == (router.name, str(peer.address))]
    if own is None or not limits or not any(words in own.detail for words in OVER_LIMIT):
        return None
    return f"{peer.peer} tells more prefixes than the {limits[0]} that {router.name} takes", [own.detail]


def _wrong_end(router: RouterView, peer: ExpectedSession, case: Case) -> tuple[str, list[str]]:
    """Return which end contradicts the plan, and the fact that says so."""
    own = router.sessions.get(str(peer.address))
    listens = own is None and _listens(router, peer, case)
    if own is None and not listens:
        return f"{router.name} has no such neighbour", [
            f"{router.name} lists {len(router.sessions)} neighbours, none is {peer.address}"
        ]
    if own and own.asn != peer.asn:
        return f"{router.name} expects AS {own.asn}, {peer.peer} speaks AS {peer.asn}", [
            f"{router.name}: neighbour {peer.address} has AS {own.asn}"
        ]
    node = case.nodes.get(peer.peer)
    if node is None:
        return "neither configuration read contradicts the plan", []
    far, plan = far_end(node, router), node.plan.peer(router.name)
    if far is None:
        return f"{node.name} has no such peer", [
            f"the CiliumBGPNodeConfig of {node.name} has no peer {plan.address if plan else router.name}"
        ]
    if far.asn != router.plan.asn:
        return f"{node.name} expects AS {far.asn}, {router.name} is AS {router.plan.asn}", [
            f"{node.name}: peer {far.address} has AS {far.asn}"
        ]
    return "neither end's configuration contradicts the plan (password, TCP port 179, path?)", []


def _listens(router: RouterView, peer: ExpectedSession, case: Case) -> bool:
    """Say whether a router takes a peer from a range: it lists no such neighbour until there is a session."""
    return any(peer.address in found for text in case.ends.ranges.get(router.name, {}) if (found := network(text)))


def _blocked(router: RouterView) -> list[str]:
    """Return the router's own filters that may stop BGP."""
    chains = (router.report.filters or ()) if router.report else ()
    return [
        f"{router.name}: chain {chain.chain} of table {chain.family} {chain.table}: {'; '.join(chain.rules)}"
        for chain in chains
        if any(BGP_PORT in rule.split() for rule in chain.rules)
    ]


def _router_state(router: RouterView, peer: ExpectedSession) -> str:
    own = router.sessions.get(str(peer.address))
    return f"{router.name} says {own.state}{f', {own.detail}' if own.detail else ''}" if own else ""


def _node_state(router: RouterView, peer: ExpectedSession, case: Case) -> str:
    """Return what the other end says of the session."""
    if peer.peer in case.nodes:
        far = far_end(case.nodes[peer.peer], router)
        return f"{peer.peer} says {far.state}" if far else ""
    other = case.routers.get(peer.peer)
    states = (
        [session.state for session in other.sessions.values() if case.machines.get(session.address) == router.name]
        if other
        else []
    )
    return f"{peer.peer} says {states[0]}" if states else ""


def _halted_peer(peer: ExpectedSession, case: Case) -> bool:
    return peer.peer in case.routers and bool(halted(case.routers[peer.peer]))


RULES = (session_down, session_flaps)
"""Rules that are asked of every router."""
