"""A router's ends, read from BIRD's configuration: what we render, or the file that a router holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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
    entry,
    is_address,
    network_in,
    whole,
)
from underlay.plan.ends.planned import NO_PASSWORD
from underlay.plan.ends.statements import BIRD, CHANNEL, doubts

TOKEN = re.compile(r'"[^"]*"|[{};]|[^\s{};"]+')
COMMENT = re.compile(r'("[^"]*")|#[^\n]*|/\*.*?\*/', re.DOTALL)
DEFINE = re.compile(r"define\s+(\w+)\s*=\s*\[(.*?)\]\s*;", re.DOTALL)
TEXT = re.compile(r'define\s+(\w+)\s*=\s*("[^"]*")\s*;')
PREFIX = re.compile(r"([\d.]+/\d+)(?:\{\s*(\d+)\s*,\s*(\d+)\s*\}|([+-]))?")
TERM = re.compile(r"(!?)\(?\s*net ~ (\w+)\)?")
HOLD, RETRY = 240, 120
"""BIRD's own hold time, of which keepalives are a third, and the seconds between its attempts to connect."""
YES, NO = ("on", "yes", "1", "aware"), ("off", "no", "0")
SAID: dict[Words, bool] = {(): True, **{(word,): True for word in YES}, **{(word,): False for word in NO}}
"""What a switch's statement says; silence is yes, an expression is not understood."""
AGAIN = {"disable": NEVER, "restart": SOON, "warn": SOON, "block": SOON}
"""What is done beyond a limit → when a session comes back."""
NO_FILTER = ("limit", "keep", "table")
"""Words after `import` and `export` that name no filter."""
Words = tuple[str, ...]


@dataclass
class Block:
    """A block: its title, its statements, and the blocks in it."""

    title: Words
    lines: list[Words] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


class Known(NamedTuple):
    """What statements may name, and what is kept of a password."""

    sets: dict[str, Entries]
    texts: dict[str, str]
    """In their quotes."""
    secret: Secret


def ends(text: str, secret: Secret) -> dict[str, End]:
    """Return by the neighbour's address what this router's end does."""
    return {name: end for name, end in _ends(text, secret) if is_address(name)}


def ranges(text: str, secret: Secret) -> dict[str, End]:
    """Return by network what this router's end does for neighbours that it takes from there without naming them."""
    return {inside: end for name, end in _ends(text, secret) if (inside := network_in(name))}


def _ends(text: str, secret: Secret) -> Iterator[tuple[str, End]]:
    plain = COMMENT.sub(lambda match: match[1] or "", text)
    known = Known({name: _entries(told) for name, told in DEFINE.findall(plain)}, dict(TEXT.findall(plain)), secret)
    blocks = [block for block in _parsed(DEFINE.sub("", plain)).blocks if block.title[1:2] == ("bgp",)]
    templates = {block.title[2]: block for block in blocks if block.title[0] == "template" and block.title[2:]}
    for block in blocks:
        if block.title[0] == "protocol":
            full = _with_template(block, templates)
            if neighbor := _after(full.lines, "neighbor"):
                yield neighbor[1 if neighbor[0] == "range" and neighbor[1:] else 0], _end(full, neighbor, known)


def _parsed(text: str) -> Block:
    top = Block(())
    open_blocks = [top]
    words: list[str] = []
    for part in TOKEN.findall(text):
        if part == "{":
            open_blocks[-1].blocks.append(block := Block(tuple(words)))
            open_blocks.append(block)
            words = []
        elif part in {";", "}"}:
            if words:
                open_blocks[-1].lines.append(tuple(words))
            words = []
            if part == "}" and len(open_blocks) > 1:
                open_blocks.pop()
        else:
            words.append(part)
    return top


def _with_template(block: Block, templates: dict[str, Block]) -> Block:
    """Return a protocol with what it takes from its template; what counts stands first: its own, and the last of it."""
    base = templates.get(block.title[-1]) if "from" in block.title else None
    return _joined(block.title, [block, base] if base else [block])


def _joined(title: Words, parts: Sequence[Block]) -> Block:
    lines = [words for part in parts for words in reversed(part.lines)]
    return Block(title, lines, [inner for part in parts for inner in reversed(part.blocks)])


def _end(block: Block, neighbor: Words, known: Known) -> End:
    local, hold = _after(block.lines, "local"), _number(block.lines, HOLD, "hold", "time")
    parts = [one for one in block.blocks if one.title == UNICAST]
    channel = _joined(UNICAST, parts) if parts else None
    lines = channel.lines if channel else []
    limit, beyond = _limit(lines, "import")
    hops = next((words for words in block.lines if words[0] in {"multihop", "direct"}), ("direct",))
    strange = doubts([*block.lines, *(one.title for one in block.blocks)], BIRD)
    return End(
        asn=_asn(local),
        peer_asn=_asn(neighbor),
        address=local[0] if local and is_address(local[0]) else None,
        password=_password(block, known),
        hold=hold,
        keepalive=_number(block.lines, hold // 3 if hold is not None else None, "keepalive", "time"),
        hops=1 if hops[0] == "direct" else whole(hops[1]) if hops[1:] else 64,
        shut=_flag(block.lines, "disabled"),
        graceful=_flag(block.lines, "graceful", "restart", usual="aware"),
        families=UNICAST if channel else (),
        takes=_filter(channel, "import", known.sets, "all"),
        tells=_filter(channel, "export", known.sets, "none"),
        limit=0 if beyond in {"warn", "block"} else limit,
        again=AGAIN.get(beyond) if limit else SOON,
        further=_further(lines),
        retry=_number(block.lines, RETRY, "connect", "retry", "time"),
        passive=_flag(block.lines, "passive"),
        keeps=LONGEST,
        stays=_stays(block),
        doubts=tuple(sorted({*strange, *doubts(lines, CHANNEL)})),
    )


def _flag(lines: Sequence[Words], *name: str, usual: str = "off") -> bool | None:
    """Return what a switch is set to, the usual where nothing is said of it; None for an expression."""
    told = (words[len(name) :] for words in lines if words[: len(name)] == name)
    return SAID.get(next((words for words in told if words[:1] != ("time",)), (usual,)))


def _stays(block: Block) -> bool | None:
    """Tell whether an error ends the session for good; of some errors it is said in a block."""
    if any(inner.title == ("disable", "after", "cease") for inner in block.blocks):
        return True
    known = [_flag(block.lines, "disable", "after", what) for what in ("error", "cease")]
    return True if True in known else None if None in known else False


def _limit(lines: Sequence[Words], way: str) -> tuple[int | None, str]:
    """Return a limit, 0 where there is none, and what is done beyond it."""
    told = next((words[2:] for words in lines if words[:2] == (way, "limit") and words[2:]), ("off",))
    number = 0 if told[0] == "off" else whole(told[0])
    return number, told[2] if told[1:2] == ("action",) and told[2:] else "disable"


def _further(lines: Sequence[Words]) -> Entries:
    """Return limits of what is told, and of what is heard before the filter."""
    found = {way: _limit(lines, way) for way in ("export", "receive")}
    return tuple(f"{way} limit {number}" for way, (number, _) in found.items() if number != 0)


def _password(block: Block, known: Known) -> str | None:
    """Return what is kept of a password; None where it is a constant that stands elsewhere."""
    told = _after([*block.lines, *(inner.title for inner in block.blocks)], "password")
    if not told:
        return NO_PASSWORD
    text = known.texts.get(told[0], told[0])
    return known.secret(text[1:-1]) if text.startswith('"') else None


def _after(lines: Sequence[Words], *name: str) -> Words:
    """Return what follows a keyword in the first statement that begins with it."""
    found = (words[len(name) :] for words in lines if words[: len(name)] == name)
    return next((words for words in found if words), ())


def _number(lines: Sequence[Words], usual: int | None, *name: str) -> int | None:
    """Return the number that a statement sets, or the usual one where there is none; None for an expression."""
    told = next((words[len(name) :] for words in lines if words[: len(name)] == name), None)
    return usual if told is None else whole(" ".join(told))


def _asn(words: Words) -> int | None:
    return whole(words[words.index("as") + 1]) if "as" in words[:-1] else None


def _filter(channel: Block | None, way: str, sets: dict[str, Entries], default: str) -> Entries | None:
    """Return what a filter lets pass; None for an expression that is not one of ours."""
    if channel is None or any(block.title[:1] == (way,) for block in channel.blocks):
        return None if channel else ()
    told = [words for words in channel.lines if words[1:2] not in {(word,) for word in NO_FILTER}]
    text = " ".join(_after(told, way)) or default
    if text in {"all", "none"}:
        return EVERYTHING if text == "all" else ()
    terms = TERM.findall(text.removeprefix("where "))
    left = re.sub(r"[()\s]|&&|\|\|", "", TERM.sub("", text.removeprefix("where ")))
    if not text.startswith("where ") or left or any(name not in sets for _, name in terms):
        return None
    if any(UNKNOWN in sets[name] for _, name in terms):
        return None
    passed = {f"{'!' if refused else ''}{one}" for refused, name in terms for one in sets[name]}
    return tuple(sorted(passed))


def _entries(text: str) -> Entries:
    found = [UNKNOWN] if re.sub(r"[\s,]", "", PREFIX.sub("", text)) else []
    for network, shortest, longest, open_end in PREFIX.findall(text):
        if not network_in(network) or open_end == "-":
            found.append(UNKNOWN)
            continue
        length = int(network.rpartition("/")[2])
        lengths = (int(shortest), int(longest)) if shortest else (length, 32 if open_end == "+" else length)
        found.append(entry(network, *lengths))
    return tuple(found)
