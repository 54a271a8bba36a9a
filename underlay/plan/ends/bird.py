"""A router's ends, read from BIRD's configuration: what we render, or the file that a router holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from underlay.plan.ends.end import (
    EVERYTHING,
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

TOKEN = re.compile(r'"[^"]*"|[{};]|[^\s{};"]+')
COMMENT = re.compile(r'("[^"]*")|#[^\n]*|/\*.*?\*/', re.DOTALL)
DEFINE = re.compile(r"define\s+(\w+)\s*=\s*\[(.*?)\]\s*;", re.DOTALL)
TEXT = re.compile(r'define\s+(\w+)\s*=\s*("[^"]*")\s*;')
PREFIX = re.compile(r"([\d.]+/\d+)(?:\{\s*(\d+)\s*,\s*(\d+)\s*\}|([+-]))?")
TERM = re.compile(r"(!?)\(?\s*net ~ (\w+)\)?")
HOLD = 240
"""BIRD's own hold time; keepalives are a third of it."""
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
    """Return a protocol with what it takes from its template; its own statements stand first."""
    base = templates.get(block.title[-1]) if "from" in block.title else None
    if base is None:
        return block
    return Block(block.title, [*block.lines, *base.lines], [*block.blocks, *base.blocks])


def _end(block: Block, neighbor: Words, known: Known) -> End:
    local, hold = _after(block.lines, "local"), _number(block.lines, "hold", "time") or HOLD
    channel = next((one for one in block.blocks if one.title == UNICAST), None)
    lines = channel.lines if channel else []
    restart = _after(block.lines, "graceful", "restart")
    hops = next((words for words in block.lines if words[0] == "multihop"), ())
    return End(
        asn=_asn(local),
        peer_asn=_asn(neighbor),
        address=local[0] if local and is_address(local[0]) else None,
        password=_password(block, known),
        hold=hold,
        keepalive=_number(block.lines, "keepalive", "time") or hold // 3,
        hops=(whole(hops[1]) if hops[1:] else 64) if hops else 1,
        shut=any(words[0] == "disabled" and words[1:2] != ("off",) for words in block.lines),
        graceful=restart != ("off",),
        families=UNICAST if channel else (),
        takes=_filter(channel, "import", known.sets, "all"),
        tells=_filter(channel, "export", known.sets, "none"),
        limit=_number(lines, "import", "limit") or 0,
    )


def _password(block: Block, known: Known) -> str | None:
    """Return what is kept of a password; None where it is a constant that stands elsewhere."""
    told = _after([*block.lines, *(inner.title for inner in block.blocks)], "password")
    if not told:
        return NO_PASSWORD
    text = known.texts.get(told[0], told[0])
    return known.secret(text[1:-1]) if text.startswith('"') else None


def _after(lines: Sequence[Words], *name: str) -> Words:
    """Return what follows a keyword in the first statement that begins with it; limits are no filters."""
    found = (words[len(name) :] for words in lines if words[: len(name)] == name and words[1:2] != ("limit",))
    return next((words for words in found if words), ())


def _number(lines: Sequence[Words], *name: str) -> int | None:
    found = (words[len(name)] for words in lines if words[: len(name)] == name and len(words) > len(name))
    return next((number for word in found if (number := whole(word)) is not None), None)


def _asn(words: Words) -> int | None:
    return whole(words[words.index("as") + 1]) if "as" in words[:-1] else None


def _filter(channel: Block | None, way: str, sets: dict[str, Entries], default: str) -> Entries | None:
    """Return what a filter lets pass; None for an expression that is not one of ours."""
    if channel is None or any(block.title[:1] == (way,) for block in channel.blocks):
        return None if channel else ()
    text = " ".join(_after(channel.lines, way)) or default
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
