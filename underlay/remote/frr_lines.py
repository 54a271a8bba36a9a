"""FRR configurations as sets of lines in their contexts, and the commands that lead from one to another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import groupby

Path = tuple[str, ...]
Entry = tuple[Path, str]
"""A line in its context; an empty line stands for the context itself."""

CONTEXT = re.compile(r"(router bgp|route-map) ")
INNER = {
    "router": re.compile(
        r"(?:no )?(?:neighbor|network|address-family|maximum-paths|redistribute|aggregate-address) "
        r"|(?:no )?bgp (?!as-path |\S*community-list )"
    ),
    "route-map": re.compile(r"(?:no )?(?:match|set|on-match|call|continue|description) "),
}
"""Lines that stay in the context that is open, written without indentation too."""
SILENT = re.compile(r"neighbor \S+ activate$")
"""What a running configuration does not show, because it is the default."""
OVERWRITTEN = re.compile(
    r"(neighbor \S+ (?:password|remote-as|description|timers connect|timers|maximum-prefix)\b"
    r"|bgp listen limit\b|bgp graceful-restart stalepath-time\b)"
    r"|(neighbor \S+ route-map) \S+ (in|out)$"
)
"""Lines whose new value replaces the old one without a `no`."""
MEMBER = re.compile(r"neighbor \S+ (?:peer-group|remote-as) \S+$")
"""A line whose `no` takes a neighbour out of FRR with all that was said of it."""
BGP, IPV4 = "router bgp ", "address-family ipv4 unicast"


def entries(text: str) -> dict[Entry, None]:
    """Return every line with its context, in order."""
    return {(path, line): None for _, path, line in located(text) if line is not None}


def located(text: str) -> Iterator[tuple[str, Path, str | None]]:
    """Yield each raw line with its context and what it says: nothing at a context's head, None at ends and comments."""
    path: Path = ()
    for raw in text.splitlines(keepends=True):
        line = raw.strip()
        if not line or line.startswith("!"):
            yield raw, path, None
            continue
        if line in ("exit", "end", "exit-address-family"):
            yield raw, path, None
            path = path[:1] if line == "exit-address-family" else ()
            continue
        if not raw[0].isspace() and not (path and INNER[path[0].split()[0]].match(line)):
            path = ()
        opens = CONTEXT.match(line) if not path else line.startswith("address-family ")
        if opens:
            path = (*path[:1], line)
        yield raw, path, "" if opens else line


def additions(running: Iterable[Entry], new: Iterable[Entry]) -> list[str]:
    """Return the commands that add what is wanted and does not run."""
    have = set(running)
    missing = {entry for entry in new if entry not in have and not SILENT.match(entry[1])}
    touched = {path for path, _ in missing}
    return _commands(entry for entry in new if entry in missing or (entry[0] in touched and SILENT.match(entry[1])))


def removals(
    running: Iterable[Entry], old: Iterable[Entry], new: Iterable[Entry], base: Iterable[Entry] = ()
) -> list[str]:
    """Return the commands that take out what the old part brought, and set again what it had replaced of the base."""
    have, wanted, kept = dict.fromkeys(running), dict.fromkeys(new), dict.fromkeys(base)
    ours = {entry: None for entry in old if entry not in kept}
    overwritten = {_setting(entry) for entry in wanted} - {None}
    gone = [entry for entry in ours if entry in have and entry not in wanted and _setting(entry) not in overwritten]
    alone = neighbors(ours) - neighbors([*wanted, *kept])
    contexts = _owned(gone, [entry for entry in have if entry not in ours and neighbor(entry) not in alone])
    left = [(path, line) for path, line in gone if line and path[:1] not in contexts]
    whole = neighbors(left) & alone
    rest = [entry for entry in left if neighbor(entry) not in alone]
    return [
        *_commands([*_whole(whole), *_undone(rest, kept)]),
        *(f"no {path[0]}" for path in sorted(contexts)),
    ]


def _owned(gone: Iterable[Entry], foreign: Iterable[Entry]) -> AbstractSet[Path]:
    """Return the contexts that go as a whole: a BGP only where FRR runs nothing of anybody else in any BGP."""
    shared = any(path and path[0].startswith(BGP) for path, _ in foreign)
    return {path for path, line in gone if not line and len(path) == 1 and not (shared and path[0].startswith(BGP))}


def _whole(gone: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the removal of each neighbour or group, members before their group."""
    for router, name in sorted(gone, key=lambda one: (not one[1][0].isdigit(), one)):
        yield router, f"no neighbor {name}" + ("" if name[0].isdigit() else " peer-group")


def _undone(gone: Iterable[Entry], base: Iterable[Entry]) -> Iterator[Entry]:
    """Yield what takes single lines out: the base's line of the same setting, or a `no`, and whom that took along."""
    former: dict[Entry | None, Entry] = {setting: entry for entry in base if (setting := _setting(entry))}
    plain = [entry for entry in gone if _setting(entry) not in former]
    yield from (former.get(_setting(entry), (entry[0], f"no {entry[1]}")) for entry in gone)
    lost = neighbors(entry for entry in plain if MEMBER.match(entry[1]))
    yield from (entry for entry in base if neighbor(entry) in lost)


def neighbors(part: Iterable[Entry]) -> set[Entry]:
    """Return the neighbours of which lines speak, each in its BGP."""
    return {found for entry in part if (found := neighbor(entry))}


def neighbor(entry: Entry) -> Entry | None:
    """Return of which neighbour, in which BGP, a line speaks."""
    path, line = entry
    return (path[:1], line.split()[1]) if line.startswith("neighbor ") else None


def _setting(entry: Entry) -> Entry | None:
    """Return what a line sets of whom, where a new value of it replaces the old one."""
    path, line = entry
    found = OVERWRITTEN.match(line)
    place = path[:1] if path[1:] == (IPV4,) else path
    return (place, " ".join(filter(None, found.groups()))) if found else None


def _commands(wanted: Iterable[Entry]) -> list[str]:
    commands: list[str] = []
    for path, group in groupby(wanted, key=lambda entry: entry[0]):
        closing = ["exit-address-family", "exit"][2 - len(path) :]
        commands += [*path, *(line for _, line in group if line), *closing]
    return commands
