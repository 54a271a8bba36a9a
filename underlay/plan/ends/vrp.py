"""A router's ends, read from Huawei VRP's configuration: not tried on a router, only on what we render.

What each line means follows the vendor's command reference; `docs/routers.md` names the page of each. The text is what
`display current-configuration` says: a view's lines are indented below it, so that it has to be kept as it was shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from underlay.plan.ends.clauses import Clause, passed
from underlay.plan.ends.end import (
    EVERYTHING,
    LONGEST,
    NEVER,
    SOON,
    UNICAST,
    UNKNOWN,
    End,
    Entries,
    Secret,
    as_number,
    entry,
    is_address,
    network_in,
    whole,
)
from underlay.plan.ends.planned import NO_PASSWORD

Words = tuple[str, ...]
PREFIX = re.compile(
    r"(?:index ([0-9]{1,10}) )?(permit|deny) ([0-9.]+) ([0-9]{1,2})"
    r"(?: greater-equal ([0-9]{1,2}))?(?: less-equal ([0-9]{1,2}))?"
)
TIMERS = (60, 180)
"""Keepalive and hold time where nothing is said of them."""
RETRY = 32
"""Seconds between attempts to connect where nothing is said of them."""
FARTHEST = 255
"""Hops of a multihop session that names no number."""
DIALS = ("timer", "connect-retry")
FAMILY = {("enable",), ("undo", "enable")}
"""What carries the family, or not; `bfd enable` and the like say nothing of it."""
OTHERS = ("filter-policy", "as-path-filter")
"""Filters beside those that are understood."""


class Text:
    """A configuration, taken apart: lists, policies, and the lines of each peer and group."""

    def __init__(self, text: str) -> None:
        """Read all lines; those that say nothing of BGP are passed over."""
        self.asn: int | None = None
        self.lists: dict[str, list[tuple[int, str]]] = {}
        self.policies: dict[str, list[Clause]] = {}
        self.peers: dict[str, list[Words]] = {}
        self.groups: set[str] = set()
        self.globals: list[Words] = []
        view, family = "", ""
        for line in text.splitlines():
            words, depth = tuple(line.split()), len(line) - len(line.lstrip())
            if not words or words[0] == "#":
                family = family if depth > 1 else ""
            elif not depth:
                view, family = self._top(words), ""
            elif view == "bgp" and depth == 1 and words[0].endswith("-family"):
                family = " ".join(words)
            elif view == "bgp" and family in {"", "ipv4-family unicast"}:
                self._peer(words)
            elif view.startswith("route-policy "):
                self._match(view.partition(" ")[2], words)

    def _top(self, words: Words) -> str:
        """Read a line that stands outside; return the view that it opens, where that matters here."""
        if words[:2] == ("ip", "ip-prefix") and words[2:]:
            self.lists.setdefault(words[2], []).append(_entry(" ".join(words[3:])))
        elif words[0] == "route-policy" and words[1:]:
            number = whole("".join(words[4:5]))
            known = words[2:4] in {("permit", "node"), ("deny", "node")} and number is not None
            clause = Clause(number or 0, words[2:3] == ("permit",), () if known else (UNKNOWN,))
            self.policies.setdefault(words[1], []).append(clause)
            return f"route-policy {words[1]}"
        elif words[0] == "bgp" and words[1:] and words[2:3] != ("instance",):
            self.asn = as_number(words[1])
            return "bgp"
        return ""

    def _match(self, name: str, words: Words) -> None:
        if words[0] in {"if-match", "goto"}:
            *before, last = self.policies[name]
            known = words[2] if words[:2] == ("if-match", "ip-prefix") and len(words) == 3 else UNKNOWN
            self.policies[name] = [*before, last._replace(matches=(*last.matches, known))]

    def _peer(self, words: Words) -> None:
        if words[0] == "group" and words[1:]:
            self.groups.add(words[1])
            self.peers.setdefault(words[1], []).append(words[2:] or ("external",))
        elif words[0] == "peer" and words[2:]:
            self.peers.setdefault(words[1], []).append(words[2:])
        elif words[:2] == ("undo", "peer") and words[3:]:
            self.peers.setdefault(words[2], []).append(("undo", *words[3:]))
        else:
            self.globals.append(words)


def ends(text: str, secret: Secret) -> dict[str, End]:
    """Return by the peer's address what this router's end does."""
    found = Text(text)
    names = [name for name in found.peers if name not in found.groups and is_address(name)]
    return {name: _end(found, found.peers[name], secret) for name in names}


def ranges(_: str, __: Secret) -> dict[str, End]:
    """Return nothing: peers that are taken by their network are not read."""
    return {}


def _end(text: Text, own: Sequence[Words], secret: Secret) -> End:
    group = next((words[1] for words in own if words[0] == "group" and words[1:]), "")
    lines = [*own, *text.peers.get(group, [])]
    told: dict[str, Any] = {aspect: read(text, lines) for aspect, read in ASPECTS.items()}
    password = _line(lines, "password")
    keepalive, hold = _timers(text, lines)
    return End(password=secret(password[-1]) if password else NO_PASSWORD, keepalive=keepalive, hold=hold, **told)


def _line(lines: Iterable[Words], name: str) -> Words:
    """Return what follows a setting where it stands first: a peer's own line stands before its group's."""
    return next((words[1:] for words in lines if words[0] == name and words[1:]), ())


def _own_asn(text: Text, lines: Sequence[Words]) -> int | None:
    """Return the number that a peer is told, which may be another one than the router's own."""
    told = _line(lines, "fake-as")
    return as_number(told[0]) if told else text.asn


def _peer_asn(text: Text, lines: Sequence[Words]) -> int | None:
    told = _line(lines, "as-number")
    return as_number(told[0]) if told else text.asn if ("internal",) in lines else None


def _address(_: Text, lines: Sequence[Words]) -> str | None:
    told = _line(lines, "connect-interface")
    return told[-1] if told and is_address(told[-1]) else None


def _hops(_: Text, lines: Sequence[Words]) -> int | None:
    """Return how far away a peer may be, by whichever of the two ways of saying it."""
    told = _line(lines, "valid-ttl-hops") or _line(lines, "ebgp-max-hop")
    far = any(words == ("ebgp-max-hop",) for words in lines)
    return whole(told[0]) if told else FARTHEST if far else 1


def _timers(text: Text, lines: Sequence[Words]) -> tuple[int | None, int | None]:
    """Return keepalive and hold time: the peer's or its group's, or else those of all."""
    told = (words[1:] for words in (*lines, *text.globals) if words[:2] == ("timer", "keepalive"))
    found = next(told, ("keepalive", str(TIMERS[0]), "hold", str(TIMERS[1])))
    known = len(found) >= 4 and found[2] == "hold"
    return (whole(found[1]), whole(found[3])) if known else (None, None)


def _families(text: Text, lines: Sequence[Words]) -> Entries:
    """Return whether the family is carried: as the peer says, or its group, or else as all do."""
    told = (words[0] != "undo" for words in lines if words in FAMILY)
    return UNICAST if next(told, ("undo", "default", "ipv4-unicast") not in text.globals) else ()


def _limit(_: Text, lines: Sequence[Words]) -> int | None:
    """Return after how many prefixes the session ends; one that only raises an alarm ends none."""
    told = _line(lines, "route-limit")
    return 0 if not told or "alert-only" in told else whole(told[0])


def _again(_: Text, lines: Sequence[Words]) -> str | None:
    """Return when a session comes back that its limit has ended; without a word of that it tries at once."""
    told = _line(lines, "route-limit")
    if "idle-forever" in told:
        return NEVER
    minutes = whole("".join(told[told.index("idle-timeout") + 1 :][:1])) if "idle-timeout" in told else 0
    return None if minutes is None else SOON if minutes <= 1 else f"after {minutes} min"


def _retry(text: Text, lines: Sequence[Words]) -> int | None:
    told = next((words[2] for words in (*lines, *text.globals) if words[:2] == DIALS and words[2:]), "")
    return whole(told) if told else RETRY


def _filter(way: str) -> Callable[[Text, Sequence[Words]], Entries | None]:
    """Return a reader of what a filter lets pass; without one, everything passes."""

    def read(text: Text, lines: Sequence[Words]) -> Entries | None:
        mine = [words for words in lines if words[-1] == way and words[0] != "undo"]
        named = next((words for words in mine if words[0] in {"route-policy", "ip-prefix"} and len(words) == 3), ())
        if any(words[0] in OTHERS for words in mine) or (mine and not named):
            return None
        if not named:
            return EVERYTHING
        clauses = text.policies.get(named[1], []) if named[0] == "route-policy" else [Clause(0, True, (named[1],))]
        return passed(clauses, text.lists)

    return read


ASPECTS: dict[str, Callable[[Text, Sequence[Words]], Any]] = {
    "asn": _own_asn,
    "peer_asn": _peer_asn,
    "address": _address,
    "hops": _hops,
    "shut": lambda _, lines: ("ignore",) in lines,
    "graceful": lambda text, _: ("graceful-restart",) in text.globals,
    "families": _families,
    "takes": _filter("import"),
    "tells": _filter("export"),
    "limit": _limit,
    "again": _again,
    "further": lambda _, __: (),
    "retry": _retry,
    "passive": lambda _, lines: ("listen-only",) in lines,
    "keeps": lambda _, __: LONGEST,
    "stays": lambda _, __: False,
}
"""Aspect of an end → how it is read of a peer's lines, its own before its group's."""


def _entry(text: str) -> tuple[int, str]:
    """Return an entry of a prefix list with its place."""
    found = PREFIX.fullmatch(text)
    network = network_in(f"{found[3]}/{found[4]}") if found else ""
    if not found or not network:
        return 0, UNKNOWN
    length, least = int(found[4]), found[5] or found[4]
    told = entry(network, int(least), int(found[6] or (32 if found[5] else length)))
    return int(found[1] or 0), told if found[2] == "permit" else f"!{told}"
