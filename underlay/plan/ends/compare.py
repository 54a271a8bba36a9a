"""How the ends that were read differ from those that are planned: a sentence for each, with the end that is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from underlay.plan.ends.end import End, Entries
from underlay.plan.ends.planned import NO_PASSWORD, Session

SHORTEST = 3
"""Seconds of hold time; a peer that proposes less is refused (RFC 4271, section 4.2)."""
NONE = frozenset({None, NO_PASSWORD})
"""What an end has in place of a password that could be compared."""
Ends = Mapping[str, End]


class Read(NamedTuple):
    """What was read of both sides; a machine that is not there was not read."""

    routers: Mapping[str, Ends]
    """Router → neighbour's address → its end."""
    ranges: Mapping[str, Ends]
    """Router → network of neighbours that it does not name → its end."""
    nodes: Mapping[str, Ends]
    """Node → router's address → its end."""


class Difference(NamedTuple):
    """One way in which an end is not as planned."""

    router: str
    peer: str
    remote: str
    wrong: str
    """The machine whose end it is; empty where the two ends contradict each other, and nothing says which is right."""
    aspect: str
    sentence: str


class _Side(NamedTuple):
    """One end, with its own name and the other's."""

    session: Session
    own: str
    other: str
    read: End
    plan: End


def _graceful(side: _Side) -> str:
    if side.own == side.session.router:
        does = "keeps no routes of" if side.plan.graceful else "keeps the routes of"
        return f"{does} {side.other} while it restarts; planned otherwise"
    does = "asks for no" if side.plan.graceful else "asks for a"
    return f"{does} graceful restart of {side.other}; planned otherwise"


Words = Callable[[_Side], str]
ASPECTS: dict[str, Words] = {
    "shut": lambda side: f"has switched its session with {side.other} off",
    "asn": lambda side: f"speaks as AS {side.read.asn} to {side.other}; planned AS {side.plan.asn}",
    "peer_asn": lambda side: f"expects AS {side.read.peer_asn} of {side.other}, which has AS {side.plan.peer_asn}",
    "address": lambda side: f"speaks from {side.read.address} to {side.other}; planned {side.plan.address}",
    "router_id": lambda side: (
        f"has {_identity(side.read.router_id)} as router id towards {side.other}; "
        f"planned {_identity(side.plan.router_id)}"
    ),
    "hops": lambda side: f"allows {side.read.hops} hops to {side.other}; planned {side.plan.hops}",
    "hold": lambda side: f"proposes {side.read.hold} s of hold time to {side.other}; planned {side.plan.hold} s",
    "keepalive": lambda side: (
        f"sends keepalives every {side.read.keepalive} s to {side.other}; planned {side.plan.keepalive} s"
    ),
    "graceful": _graceful,
    "families": lambda side: (
        f"carries {_list(side.read.families)} with {side.other}; planned {_list(side.plan.families)}"
    ),
    "takes": lambda side: _entries(side, side.read.takes, side.plan.takes, "accepts", "from"),
    "tells": lambda side: _entries(side, side.read.tells, side.plan.tells, "advertises", "to"),
    "limit": lambda side: (
        f"ends its session with {side.other} beyond {side.read.limit or 'no number of'} prefixes; "
        f"planned {side.plan.limit}"
    ),
    "again": lambda side: (
        f"lets its session with {side.other}, once its limit has ended it, come back {side.read.again}; "
        f"planned {side.plan.again}"
    ),
    "further": lambda side: f"has another limit for {side.other}, which is not planned: {_list(side.read.further)}",
    "retry": lambda side: f"dials {side.other} every {side.read.retry} s; planned {side.plan.retry} s",
    "passive": lambda side: f"only waits for {side.other} to dial; planned otherwise",
    "keeps": lambda side: (
        f"keeps the routes of {side.other} for {side.read.keeps} s while it restarts; planned {side.plan.keeps} s"
    ),
    "stays": lambda side: f"leaves its session with {side.other} down once an error has ended it; planned otherwise",
}
"""Field of an end → what is said where it is not as planned."""
AT_LEAST = ("keeps",)
"""Fields of which more than planned is as good."""
UNREAD = {
    "shut": "whether it has switched off its session with",
    "asn": "its own number towards",
    "peer_asn": "the number that it expects of",
    "address": "the address that it speaks from to",
    "router_id": "its router id towards",
    "hops": "how many hops it allows to",
    "hold": "its hold time towards",
    "keepalive": "its keepalives towards",
    "graceful": "whether it keeps routes of a restarting",
    "families": "what it carries with",
    "takes": "what it takes from",
    "tells": "what it tells",
    "limit": "how many prefixes it takes from",
    "again": "when it lets a session come back that its limit has ended with",
    "further": "which limits it has for",
    "retry": "how often it dials",
    "passive": "whether it dials",
    "keeps": "how long it keeps routes of a restarting",
    "stays": "whether an error leaves it without",
    "password": "its password for",
}
"""Field of a router's end → what is said where its configuration does not say it in a way that is understood."""


def differences(sessions: Iterable[Session], read: Read) -> list[Difference]:
    """Return everything that is not as planned at any end that was read, each once."""
    known = [*sessions]
    usual = _usual(known, read)
    found = dict.fromkeys(one for session in known for one in _of_session(session, read, usual))
    return [*found, *_strangers(known, read)]


def unread(sessions: Iterable[Session], read: Read) -> list[str]:
    """Return a sentence for each planned value that a router's text does not say in a way that is understood."""
    found = []
    for session in sessions:
        if end := near_end(session, read):
            missing = [words for name, words in UNREAD.items() if getattr(end, name) is None and _told(session, name)]
            missing += [f"what `{keyword}` does to its session with" for keyword in end.doubts]
            found += [f"{session.router}: {words} {session.peer} is not understood" for words in missing]
    return list(dict.fromkeys(found))


def _told(session: Session, aspect: str) -> bool:
    """Tell whether the plan says something of an aspect: of nodes' passwords it says that there is one."""
    return getattr(session.near, aspect) is not None or (aspect == "password" and session.is_node)


def near_end(session: Session, read: Read) -> End | None:
    """Return the router's end: for the neighbour by name, or for the narrowest network that holds it."""
    named = read.routers.get(session.router, {}).get(session.remote)
    if named is not None:
        return named
    ranges = read.ranges.get(session.router, {})
    fitting = [one for one in ranges if IPv4Address(session.remote) in IPv4Network(one)]
    return ranges[max(fitting, key=lambda one: int(one.rpartition("/")[2]))] if fitting else None


def _of_session(session: Session, read: Read, usual: str) -> Iterator[Difference]:
    near = near_end(session, read)
    if session.router in read.routers:
        yield from _end(session, session.router, session.peer, near, session.near)
    if session.is_node:
        far = read.nodes.get(session.peer, {}).get(session.address) if session.peer in read.nodes else None
        if session.peer in read.nodes:
            yield from _end(session, session.peer, session.router, far, session.far)
        yield from _passwords(session, near, far, usual)


def _end(session: Session, own: str, other: str, end: End | None, plan: End) -> Iterator[Difference]:
    where = session.remote if own == session.router else session.address
    if end is None:
        yield _difference(session, own, "missing", f"{own} has no neighbour {where} ({other})")
        return
    side = _Side(session, own, other, end, plan)
    for aspect, words in ASPECTS.items():
        found, wanted = getattr(end, aspect), getattr(plan, aspect)
        if found is not None and wanted is not None and _differs(aspect, found, wanted):
            name = "refused" if aspect == "hold" and 0 < found < SHORTEST else aspect
            yield _difference(session, own, name, f"{own} {words(side)}")
    if plan.password == NO_PASSWORD and end.password not in {None, NO_PASSWORD}:
        yield _difference(session, own, "password", f"{own} has a password for {other}; planned none")


def _differs(aspect: str, found: Any, wanted: Any) -> bool:  # noqa: ANN401 - a field of any type
    return bool(found < wanted if aspect in AT_LEAST else found != wanted)


def _difference(session: Session, wrong: str, aspect: str, sentence: str) -> Difference:
    return Difference(session.router, session.peer, session.remote, wrong, aspect, sentence)


def _usual(sessions: Sequence[Session], read: Read) -> str:
    """Return the password that more than half of all ends with one have; nothing where none has so many."""
    told: Counter[str] = Counter()
    for session in sessions:
        ends = (near_end(session, read), read.nodes.get(session.peer, {}).get(session.address))
        known = (end.password for end in ends if session.is_node and end)
        told.update(password for password in known if password and password != NO_PASSWORD)
    return next((one for one, count in told.most_common(1) if 2 * count > told.total()), "")


def _passwords(session: Session, near: End | None, far: End | None, usual: str) -> Iterator[Difference]:
    """Name each end without a password or with another than the usual one; without a usual one, what both have."""
    for own, other, end in ((session.router, session.peer, near), (session.peer, session.router, far)):
        if end and end.password == NO_PASSWORD:
            yield _difference(session, own, "password", f"{own} has no password for {other}")
        elif usual and end and end.password not in {None, usual}:
            yield _difference(session, own, "password", f"{own} has another password than planned for {other}")
    known = {end.password for end in (near, far) if end} - NONE
    if not usual and len(known) > 1:
        yield _difference(session, "", "password", f"{session.router} and {session.peer} have different passwords")


def _strangers(sessions: Sequence[Session], read: Read) -> Iterator[Difference]:
    """Name neighbours that no session is planned with."""
    for router, ends in read.routers.items():
        wanted = {session.remote for session in sessions if session.router == router}
        for address in sorted(set(ends) - wanted):
            sentence = f"{router} has a neighbour {address} that is not planned"
            yield Difference(router, address, address, router, "extra", sentence)
    for node, ends in read.nodes.items():
        wanted = {session.address for session in sessions if session.peer == node}
        for address in sorted(set(ends) - wanted):
            sentence = f"{node} has a peer {address} that is not planned"
            yield Difference(address, node, address, node, "extra", sentence)


def _entries(side: _Side, read: Entries | None, plan: Entries | None, does: str, way: str) -> str:
    missing, extra = sorted({*(plan or ())} - {*(read or ())}), sorted({*(read or ())} - {*(plan or ())})
    refused = [one.removeprefix("!") for one in extra if one.startswith("!")]
    extra = [one for one in extra if not one.startswith("!")]
    parts = [f"does not {does.removesuffix('s')} {_list(missing)} {way} {side.other}"] if missing else []
    parts += [f"refuses {_list(refused)} {way} {side.other}"] if refused else []
    parts += [f"{does} {_list(extra)} {way} {side.other}, which is not planned"] if extra else []
    return ", and ".join(parts)


def _identity(router_id: str | None) -> str:
    return router_id or "its own address"


def _list(entries: Sequence[str] | None) -> str:
    return ", ".join(entries or ()) or "nothing"
