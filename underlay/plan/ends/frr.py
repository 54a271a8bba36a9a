"""A router's ends, read from FRR's configuration: what we render, or what `show running-config` says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from underlay.plan.ends.end import EVERYTHING, UNICAST, End, Entries, Secret, entry, is_address, network_in
from underlay.plan.ends.planned import NO_PASSWORD

LIST = re.compile(r"ip prefix-list (\S+)(?: seq (\d+))? (permit|deny) (\S+)(?: ge (\d+))?(?: le (\d+))?")
MAP = re.compile(r"route-map (\S+) (permit|deny) (\d+)")
TIMERS = {"traditional": (60, 180), "datacenter": (3, 9)}
"""Keepalive and hold time by the profile that `frr defaults` names."""
Words = tuple[str, ...]


class Clause(NamedTuple):
    """One entry of a route map."""

    number: int
    permits: bool
    matches: tuple[str, ...]


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
        self._read(text.splitlines())

    def _read(self, lines: Iterable[str]) -> None:
        inside = ""
        for line in lines:
            if line[:1] not in {" ", "!", ""}:
                inside = line.split()[0]
                self._top(line)
            elif inside == "router":
                self._within(tuple(line.split()))
            elif inside == "route-map" and line.startswith(" "):
                self._match(line.strip())

    def _top(self, line: str) -> None:
        if found := LIST.match(line):
            name, number, action, network, least, most = found.groups()
            length = int(network.rpartition("/")[2])
            shortest = int(least or length)
            text = entry(network, shortest, int(most or (32 if least else length)))
            self.lists.setdefault(name, []).append((int(number or 0), text if action == "permit" else f"!{text}"))
        elif found := MAP.match(line):
            self.last = found[1]
            self.maps.setdefault(found[1], []).append(Clause(int(found[3]), found[2] == "permit", ()))
        elif line.startswith("router bgp "):
            self.asn = int(line.split()[2])
        elif line.startswith("frr defaults "):
            self.profile = line.split()[2]

    def _match(self, line: str) -> None:
        *before, last = self.maps[self.last]
        known = line.removeprefix("match ip address prefix-list ")
        self.maps[self.last] = [*before, last._replace(matches=(*last.matches, known if known != line else "?"))]

    def _within(self, words: Words) -> None:
        if words[:1] == ("neighbor",) and len(words) > 2:
            self.peers.setdefault(words[1], []).append(words[2:])
        elif words[:2] == ("no", "neighbor"):
            self.peers.setdefault(words[2], []).append(("no", *words[3:]))
        elif words and words[0] != "!":
            self.globals.append(words)


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
    keepalive, hold = TIMERS.get(text.profile, (None, None))
    told = [words for words in lines if words[0] == "timers" and words[1] != "connect"]
    number = _value(lines, "remote-as")
    local = _value(lines, "local-as")
    return End(
        asn=int(local) if local.isdigit() else text.asn,
        peer_asn=int(number) if number.isdigit() else text.asn if number == "internal" else None,
        address=source if is_address(source := _value(lines, "update-source")) else None,
        password=secret(password) if (password := _rest(lines, "password")) else NO_PASSWORD,
        keepalive=int(told[0][1]) if told else keepalive,
        hold=int(told[0][2]) if told else hold,
        hops=_hops(lines),
        shut=("shutdown",) in lines,
        graceful=not _off(text, lines),
        families=() if ("no", "activate") in lines else UNICAST,
        takes=_filter(text, lines, "in"),
        tells=_filter(text, lines, "out"),
        limit=int(_value(lines, "maximum-prefix") or 0),
    )


def _value(lines: Iterable[Words], name: str) -> str:
    """Return the first value of a setting: a neighbour's own stands before its group's."""
    return next((words[1] for words in lines if words[0] == name and len(words) > 1), "")


def _rest(lines: Iterable[Words], name: str) -> str:
    """Return all that follows a setting, quotes and semicolons included: FRR takes them as they stand."""
    return next((" ".join(words[1:]) for words in lines if words[0] == name and len(words) > 1), "")


def _hops(lines: Sequence[Words]) -> int:
    secured = next((words for words in lines if words[:2] == ("ttl-security", "hops")), ())
    told = secured[2] if len(secured) > 2 else _value(lines, "ebgp-multihop")
    plain = any(words == ("ebgp-multihop",) for words in lines)
    return int(told) if told else 255 if plain else 1


def _off(text: Text, lines: Sequence[Words]) -> bool:
    return ("graceful-restart-disable",) in lines or ("bgp", "graceful-restart-disable") in text.globals


def _filter(text: Text, lines: Sequence[Words], way: str) -> Entries | None:
    """Return what a filter lets pass; without one, eBGP passes nothing unless that rule is switched off."""
    others = [words for words in lines if words[0] in {"prefix-list", "distribute-list", "filter-list"}]
    if any(words[-1] == way for words in others):
        return None
    named = next((words[1] for words in lines if words[0] == "route-map" and words[2] == way), "")
    if not named:
        inner = _value(lines, "remote-as") in {"internal", str(text.asn)}
        return EVERYTHING if inner or ("no", "bgp", "ebgp-requires-policy") in text.globals else ()
    passed: set[str] = set()
    for clause in sorted(text.maps.get(named, [])):
        if "?" in clause.matches:
            return None
        entries = [one for name in clause.matches for _, one in sorted(text.lists.get(name, []))]
        passed.update(entries if clause.permits else _turned(entries))
        if clause.permits and not clause.matches:
            passed.update(EVERYTHING)
    return tuple(sorted(passed))


def _turned(entries: Iterable[str]) -> list[str]:
    """Return what a clause that denies does to the entries that it matches; what it does not match goes on."""
    return [f"!{one}" for one in entries if not one.startswith("!")]
