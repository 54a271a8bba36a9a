"""Hostile and merely wrong values, and ways to put them into a site that was right."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, date, datetime
from ipaddress import IPv4Address
from typing import Any

import yaml

Data = dict[str, Any]
Place = tuple[Any, Any]
"""A container and the key or index of one of its values."""

LONG = 10**6

SHELL = (
    "$(reboot)",
    "`id`",
    "${HOME}",
    "; rm -rf /",
    "| sh",
    "&& true",
    "-oProxyCommand=x",
    "--help",
    "{{ 7*7 }}",
    "*",
)
QUOTES = (
    "it's",
    'say "hi"',
    "\\",
    "a\nb",
    "a\r\nb",
    "tor-a\n neighbor 10.0.0.1 remote-as 1",
    "\n",
    "\t",
    "x\n",
    "#",
    "%n%s",
)
PATHS = ("../x", "../../etc/passwd", "/dev/null", "a/b", ".", "..", "~", "", " ", "a b", "\x00", "a\x00b", "\x7f")
SCREENS = ("\x9b31m", "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\u202eabc", "\u2028", "\ufeffx", "\ud800", "a\udfffb")
LETTERS = ("\u0661\u0662", "\u0967\u0966", "\u00fc", "\u212a", "\ufb01", "\U0010ffff", "\u00e9" * 70, "-a", "a-", "A")
WORDS = (
    "a" * 63,
    "a" * 64,
    "null",
    "true",
    "no",
    "0x1f",
    "0",
    "1e3",
    "1_000",
    "NaN",
    "9" * 20,
    "2027-03-31",
    "all",
    "lo",
)
NETWORKS = (
    *("010.244.0.0/16", "10.244.0.0/16 ", "10.244.0.1/16", "10.244.0.0/33", "10.244.0.0/-1", "10.244.0.0/255.255.0.0"),
    *(
        "0.0.0.0/0",
        "255.255.255.255/32",
        "::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "1",
        "1.1",
        "256.1.1.1",
        "1.2.3.4/0",
    ),
    *("\u0661\u0660.\u0662\u0664\u0664.0.0/16", "10.244.0.0/\uff11\uff16"),
)
TEXTS = (*SHELL, *QUOTES, *PATHS, *SCREENS, *LETTERS, *WORDS, *NETWORKS)

NUMBERS = (0, -1, 1, 2, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**32, 2**63, 2**64, -(2**63), 10**400, 10**5000, 1.5)
ODD: tuple[Any, ...] = (
    float("nan"),
    float("inf"),
    -0.0,
    1e308,
    True,
    False,
    None,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [{}],
    ("a", "b"),
)


def nested(depth: int, kind: type) -> object:
    """Return lists or mappings inside each other."""
    found: Any = kind()
    for _ in range(depth):
        found = [found] if kind is list else {"a": found}
    return found


def around() -> object:
    """Return a list that holds itself, as `&a [*a]` is in YAML."""
    return yaml.safe_load("&a [*a]")


def bomb(width: int = 9, depth: int = 9) -> object:
    """Return a list of anchors of anchors: a thousand characters of YAML that stand for a thousand million texts."""
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, depth + 1)]
    return yaml.safe_load("\n".join(lines))


STRANGE: tuple[Callable[[], object], ...] = (
    lambda: date(2027, 3, 31),
    lambda: datetime(2027, 3, 31, tzinfo=UTC),
    lambda: b"\xff\x00bytes",
    lambda: {"a", "b"},
    lambda: {2: "two", None: 2, True: 3, 1.5: 4},
    lambda: {("a", "b"): 1},
    lambda: {"\x1b[31m": 1, "a\nb": 2, "\ud800": 3},
    lambda: {"k" * LONG: 1},
    lambda: "x" * LONG,
    lambda: "1" * LONG,
    lambda: "\x1b" * LONG,
    lambda: "10.0.0.0/8" + " " * LONG,
    lambda: [0] * LONG,
    lambda: nested(100_000, list),
    lambda: nested(100_000, dict),
    lambda: nested(300, list),
    around,
    bomb,
    object,
    lambda: 1j,
)


def places(data: object) -> Iterator[Place]:
    """Yield every place inside a declaration."""
    for key, value in _items(data):
        yield data, key
        yield from places(value)


def _items(data: object) -> list[tuple[Any, Any]]:
    if isinstance(data, dict):
        return list(data.items())
    return list(enumerate(data)) if isinstance(data, list) else []


Mutation = Callable[[random.Random, Data], object]


def hostile(pick: random.Random) -> object:
    """Return a value that nobody should declare."""
    kind = pick.random()
    if kind < 0.6:
        return pick.choice(TEXTS)
    if kind < 0.9:
        return deepcopy(pick.choice((*NUMBERS, *ODD)))
    return pick.choice(STRANGE)()


def _place(pick: random.Random, data: Data) -> Place:
    return pick.choice(list(places(data)))


def replaced(pick: random.Random, spots: list[Place]) -> None:
    """Put a hostile value in place of some value."""
    holder, key = pick.choice(spots)
    holder[key] = hostile(pick)


def added(pick: random.Random, spots: list[Place]) -> None:
    """Add a key that nobody knows, or an item."""
    holder, key = pick.choice(spots)
    if isinstance(holder, list):
        holder.append(hostile(pick))
    else:
        holder[pick.choice((*TEXTS, 1, None, 1.5, ("a",)))] = holder.get(key)


def removed(pick: random.Random, data: Data) -> None:
    """Take a key or an item away."""
    holder, key = _place(pick, data)
    del holder[key]


def doubled(pick: random.Random, data: Data) -> None:
    """Repeat an item of a list, or the whole list."""
    lists = [holder for holder, _ in places(data) if isinstance(holder, list)]
    found = pick.choice(lists) if lists else data["racks"]
    found.insert(pick.randrange(len(found) + 1), deepcopy(pick.choice(found)))


def swapped(pick: random.Random, data: Data) -> None:
    """Let two values of one kind change places."""
    one = _place(pick, data)
    kind = type(one[0][one[1]])
    other = pick.choice([place for place in places(data) if type(place[0][place[1]]) is kind])
    one[0][one[1]], other[0][other[1]] = other[0][other[1]], one[0][one[1]]


def copied(pick: random.Random, data: Data) -> None:
    """Write one value over another of the same kind."""
    holder, key = _place(pick, data)
    kind = type(holder[key])
    source, name = pick.choice([place for place in places(data) if type(place[0][place[1]]) is kind])
    holder[key] = deepcopy(source[name])


def nudged(pick: random.Random, data: Data) -> None:
    """Move a number, an address or a length by a little: such sites are often right."""
    found = [(holder, key) for holder, key in places(data) if _can_move(holder[key])]
    if not found:
        return
    holder, key = pick.choice(found)
    value, step = holder[key], pick.choice((-1, 1, 1, 2, 256))
    if isinstance(value, int):
        holder[key] = not value if isinstance(value, bool) else value + step
        return
    address, slash, length = value.partition("/")
    moved = str(IPv4Address((int(IPv4Address(address)) + step * (1 << (32 - int(length or 32)))) % 2**32))
    holder[key] = f"{moved}/{length}" if slash else moved


def _can_move(value: object) -> bool:
    if isinstance(value, int):
        return True
    address, _, length = value.partition("/") if isinstance(value, str) else ("", "", "")
    try:
        IPv4Address(address)
    except ValueError:
        return False
    return not length or (length.isdecimal() and int(length) <= 32)


def renamed(pick: random.Random, data: Data) -> None:
    """Give a name another spelling everywhere it stands: the site stays right."""
    texts = [str(holder[key]) for holder, key in places(data) if key == "name"]
    old, new = pick.choice(texts), pick.choice(("x", "all", "nodes", "n" * 63, "0", "pods", "a--b", "self", "any"))
    for holder, key in list(places(data)):
        if holder[key] == old:
            holder[key] = new


def grown(pick: random.Random, data: Data) -> None:
    """Add a node beside another one: with its own addresses the site stays right."""
    nodes = data.get("nodes")
    if not nodes:
        return
    new = deepcopy(pick.choice(nodes))
    new["name"], new["role"] = f"new-{len(nodes)}", "worker"
    for holder, key in places(new):
        if key == "address":
            holder[key] = str(IPv4Address(int(IPv4Address(holder[key])) + 30))
    nodes.append(new)
    for group in data.get("security_groups", []):
        group["nodes"].append(new["name"])


MILD: tuple[Mutation, ...] = (removed, doubled, swapped, copied, *(nudged,) * 6, *(renamed,) * 2, *(grown,) * 3)


def mutated(pick: random.Random, site: Data) -> Data:
    """Return a copy of a site that is changed in one to four places, last those where nothing is sane any more."""
    data = deepcopy(site)
    count = pick.choice((1, 1, 1, 2, 4))
    hostile = sum(pick.random() < 0.4 for _ in range(count))
    for _ in range(count - hostile):
        with suppress(LookupError, TypeError, ValueError):  # an earlier change left nothing that this one could change
            pick.choice(MILD)(pick, data)
    spots = list(places(data))
    for _ in range(hostile):
        pick.choice((replaced, replaced, added))(pick, spots)
    return data
