"""A router's ends, read from FRR's configuration: what we render, or what `show running-config` says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from underlay.plan.ends.clauses import Clause, passed
from underlay.plan.ends.end import (
    EVERYTHING,
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
from underlay.plan.ends.statements import FRR, doubts
from underlay.plan.routers import STALE

ENTRY = re.compile(r"(?:seq ([0-9]{1,10}) )?(permit|deny) (\S+)(?: ge ([0-9]{1,2}))?(?: le ([0-9]{1,2}))?")
ANY, MATCH = "0.0.0.0/0", ("match", "ip", "address", "prefix-list")
TIMERS = {"traditional": (60, 180), "datacenter": (3, 9)}
"""Keepalive and hold time by the profile that `frr defaults` names."""
RETRY = {"traditional": 120, "datacenter": 10}
"""Seconds between attempts to connect, by the same."""
KEPT_FOR = ("bgp", "graceful-restart", "stalepath-time")
KEEPS = {"graceful-restart": True, "graceful-restart-helper": True, "graceful-restart-disable": False}
"""Words of a neighbour, of a group or of all; without any of them FRR keeps routes."""
Words = tuple[str, ...]


class Text:
    """A configuration, taken apart."""

    def __init__(self, text: str) -> None:
        """Read all lines; those that say nothing of BGP are passed over."""
        self.asn: int | None = None
        self.profile = "traditional"
        self.lists: dict[str, list[tuple[int, str]]] = {}
        self.maps: dict[str, list[Clause]] = {}
        self.peers: dict[str, list[Words]] = {}
        self.globals: list[Words] = []
        self._last = self._family = ""
        self._read(text.splitlines())

    def _read(self, lines: Iterable[str]) -> None:
        inside = ""
        for line in lines:
            words = tuple(line.split())
            if not words or words[0].startswith("!"):
                continue
            if not line[0].isspace():
                inside, self._family = self._top(words), ""
            elif inside == "bgp":
                self._within(words)
            elif inside == "route-map":
                self._match(words)

    def _top(self, words: Words) -> str:
        """Read a line that stands outside; return what the lines below it belong to, where they matter here."""
        if words[:2] == ("ip", "prefix-list") and words[2:] and words[3:4] != ("description",):
            self.lists.setdefault(words[2], []).append(_entry(" ".join(words[3:])))
        elif words[0] == "route-map" and words[1:]:
            self._last = words[1]
            self.maps.setdefault(words[1], []).append(_clause(words[2:]))
            return "route-map"
        elif words[:2] == ("router", "bgp") and not {"vrf", "view"}.intersection(words[3:]):
            self.asn = as_number("".join(words[2:3]))
            return "bgp"
        elif words[:2] == ("frr", "defaults"):
            self.profile = "".join(words[2:3])
        return ""

    def _match(self, words: Words) -> None:
        if words[0] != "description":
            *before, last = self.maps[self._last]
            known = words[4] if words[:4] == MATCH and len(words) == 5 else UNKNOWN
            self.maps[self._last] = [*before, last._replace(matches=(*last.matches, known))]

    def _within(self, words: Words) -> None:
        """Read a line about BGP: what holds for every family, and for the only one that matters."""
        if words[0] in {"address-family", "exit-address-family"}:
            self._family = " ".join(words[1:])
        elif self._family not in {"", "ipv4", "ipv4 unicast"}:
            return
        elif words[0] == "neighbor" and words[2:]:
            self.peers.setdefault(words[1], []).append(words[2:])
        elif words[:2] == ("no", "neighbor") and words[2:]:
            self.peers.setdefault(words[2], []).append(("no", *words[3:]))
        else:
            self.globals.append(words)


def _entry(text: str) -> tuple[int, str]:
    """Return an entry of a prefix list with its place."""
    found = ENTRY.fullmatch(text)
    network = network_in(ANY if found[3] == "any" else found[3]) if found else ""
    if not found or not network:
        return 0, UNKNOWN
    length, open_end = int(network.rpartition("/")[2]), found[4] or found[3] == "any"
    told = entry(network, int(found[4] or length), int(found[5] or (32 if open_end else length)))
    return int(found[1] or 0), told if found[2] == "permit" else f"!{told}"


def _clause(words: Words) -> Clause:
    number = whole("".join(words[1:]))
    known = words[:1] in {("permit",), ("deny",)} and number is not None
    return Clause(number or 0, words[:1] == ("permit",), () if known else (UNKNOWN,))


def ends(text: str, secret: Secret) -> dict[str, End]:
    """Return by the neighbour's address what this router's end does."""
    found = Text(text)
    groups = {words[1] for lines in found.peers.values() for words in lines if words[0] == "peer-group" and words[1:]}
    names = [name for name in found.peers if name not in groups and is_address(name)]
    return {name: _end(found, found.peers[name], secret) for name in names}


def ranges(text: str, secret: Secret) -> dict[str, End]:
    """Return by network what this router's end does for neighbours that it takes from there without naming them."""
    found = Text(text)
    told = [words for words in found.globals if words[:3] == ("bgp", "listen", "range") and words[5:]]
    return {
        inside: _end(found, [("peer-group", words[5])], secret) for words in told if (inside := network_in(words[3]))
    }


def _end(text: Text, own: Sequence[Words], secret: Secret) -> End:
    group = next((words[1] for words in own if words[0] == "peer-group" and words[1:]), "")
    lines = [*own, *text.peers.get(group, [])]
    keepalive, hold = _timers(text, lines)
    local = _value(lines, "local-as")
    return End(
        asn=as_number(local) if local else text.asn,
        peer_asn=_peer_asn(text, lines),
        address=source if is_address(source := _value(lines, "update-source")) else None,
        password=secret(password) if (password := _rest(lines, "password")) else NO_PASSWORD,
        keepalive=keepalive,
        hold=hold,
        hops=_hops(lines),
        shut=_shut(text, lines),
        graceful=_graceful(text, lines),
        families=UNICAST if _active(text, lines) else (),
        takes=_filter(text, lines, "in"),
        tells=_filter(text, lines, "out"),
        limit=_limit(lines),
        again=_again(lines),
        further=(f"maximum-prefix-out {told}",) if (told := _value(lines, "maximum-prefix-out")) else (),
        retry=_retry(text, lines),
        passive=("passive",) in lines,
        keeps=_keeps(text),
        stays=False,
        doubts=doubts((words[1:] if words[0] == "no" else words for words in lines), FRR),
    )


def _value(lines: Iterable[Words], name: str) -> str:
    """Return the first value of a setting: a neighbour's own stands before its group's."""
    return next((words[1] for words in lines if words[0] == name and len(words) > 1), "")


def _rest(lines: Iterable[Words], name: str) -> str:
    """Return all that follows a setting, quotes and semicolons included: FRR takes them as they stand."""
    return next((" ".join(words[1:]) for words in lines if words[0] == name and len(words) > 1), "")


def _peer_asn(text: Text, lines: Sequence[Words]) -> int | None:
    told = _value(lines, "remote-as")
    return text.asn if told == "internal" else as_number(told)


def _timers(text: Text, lines: Sequence[Words]) -> tuple[int | None, int | None]:
    """Return keepalive and hold time in seconds: the neighbour's or its group's, or else those of all."""
    every = (words[1:] for words in text.globals if words[:2] == ("timers", "bgp"))
    told = (words for words in (*lines, *every) if words[0] in {"timers", "bgp"} and words[1:2] != ("connect",))
    found = next(([whole(word) for word in words[1:3]] for words in told), [*TIMERS.get(text.profile, ())])
    return (found[0], found[1]) if len(found) == 2 else (None, None)


def _limit(lines: Sequence[Words]) -> int | None:
    """Return after how many prefixes the session ends; a limit that only warns ends none."""
    told = _most(lines)
    return 0 if "warning-only" in told else whole(told[1])


def _most(lines: Sequence[Words]) -> Words:
    return next((words for words in lines if words[0] == "maximum-prefix" and words[1:]), ("", "0"))


def _again(lines: Sequence[Words]) -> str | None:
    """Return when a session comes back that its limit has ended: minutes, or by hand only."""
    told = _most(lines)
    if "restart" not in told:
        return NEVER if _limit(lines) else SOON
    minutes = whole("".join(told[told.index("restart") + 1 :][:1]))
    return None if minutes is None else SOON if minutes <= 1 else f"after {minutes} min"


def _retry(text: Text, lines: Sequence[Words]) -> int | None:
    told = next((words[2] for words in lines if words[:2] == ("timers", "connect") and words[2:]), "")
    return whole(told) if told else RETRY.get(text.profile)


def _keeps(text: Text) -> int | None:
    """Return for how long stale routes are kept at most."""
    told = next((words[3] for words in text.globals if words[:3] == KEPT_FOR and words[3:]), "")
    return whole(told) if told else STALE


def _shut(text: Text, lines: Sequence[Words]) -> bool:
    """Tell whether the session is switched off: by itself, by its group, or with all of them; words may say why."""
    alone = any(words[0] == "shutdown" and words[1:2] != ("rtt",) for words in lines)
    return alone or any(words[:2] == ("bgp", "shutdown") for words in text.globals)


def _active(text: Text, lines: Sequence[Words]) -> bool:
    """Tell whether the family is carried: as the neighbour says, or its group, or else as all do."""
    told = (words[0] != "no" for words in lines if words[-1] == "activate")
    return next(told, ("no", "bgp", "default", "ipv4-unicast") not in text.globals)


def _hops(lines: Sequence[Words]) -> int | None:
    secured = next((words for words in lines if words[:2] == ("ttl-security", "hops")), ())
    told = secured[2] if len(secured) > 2 else _value(lines, "ebgp-multihop")
    plain = any(words == ("ebgp-multihop",) for words in lines)
    return whole(told) if told else 255 if plain else 1


def _graceful(text: Text, lines: Sequence[Words]) -> bool:
    """Tell whether routes of a restarting neighbour are kept: as it says itself, its group, or all of them."""
    every = (words[1:] for words in text.globals if words[:1] == ("bgp",))
    told = (words[0] for words in (*lines, *every) if len(words) == 1 and words[0] in KEEPS)
    return KEEPS[next(told, "graceful-restart-helper")]


def _filter(text: Text, lines: Sequence[Words], way: str) -> Entries | None:
    """Return what a filter lets pass; without one, eBGP passes nothing unless that rule is switched off."""
    others = [words for words in lines if words[0] in {"prefix-list", "distribute-list", "filter-list"}]
    if any(words[-1] == way for words in others):
        return None
    named = next((words[1] for words in lines if words[0] == "route-map" and words[2:3] == (way,)), "")
    if not named:
        inner = text.asn is not None and _peer_asn(text, lines) == text.asn
        return EVERYTHING if inner or ("no", "bgp", "ebgp-requires-policy") in text.globals else ()
    return passed(text.maps.get(named, []), text.lists)
