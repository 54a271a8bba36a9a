"""The grammar that rules of Suricata and Snort 3 share: `action protocol source port -> target port (options;)`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from underlay.model.intrusion import Engine
from underlay.plan.intrusion.words import ACTIONS, BLOCKING, NETS, PORTS, PROTOCOLS, WITHOUT_ENDS

MALFORMED, SID, VARIABLE, BLOCKS = "malformed", "sid", "variable", "blocks"
"""Kinds of complaint."""
HEADER = ("action", "protocol", "source", "source port", "direction", "target", "target port")
DIRECTIONS = ("->", "<>")
OPTION = re.compile(r"\s*([A-Za-z0-9_.\-]+)\s*(?::(.*))?", re.DOTALL)
HEX = re.compile(r"\s*([0-9A-Fa-f]{2}\s*)*")


@dataclass(frozen=True)
class Complaint:
    """What is wrong with one rule."""

    index: int
    kind: str
    found: str
    expected: str


def complaints(rules: Iterable[str], engine: Engine) -> Iterator[Complaint]:
    """Yield what is wrong with each rule; lines that begin with # are comments."""
    first: dict[str, int] = {}
    for index, text in enumerate(rules):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        for kind, found, expected in _rule(text.strip(), engine):
            yield Complaint(index, kind, found, expected)
        sid = dict(_options(_split(text.strip())[1] or "")).get("sid", "")
        if sid and first.setdefault(sid, index) != index:
            yield Complaint(index, SID, f"sid {sid}", f"a number of its own: rule {first[sid]} has this one")


Wrong = tuple[str, str, str]
"""Kind of complaint, found, expected."""


def _rule(text: str, engine: Engine) -> Iterator[Wrong]:
    header, options = _split(text)
    if options is None:
        yield MALFORMED, "no options in parentheses at the end", "action protocol source port -> target port (options;)"
        return
    words = _words(header)
    yield from _header(words, engine)
    yield from _option_list(options, engine)


def _split(text: str) -> tuple[str, str | None]:
    header, opened, rest = text.partition("(")
    if not opened or not rest.endswith(")"):
        return header, None
    return header, rest[:-1]


def _words(header: str) -> list[str]:
    """Return the header's words; a list in brackets is one word, whatever blanks are in it."""
    found, depth = [""], 0
    for letter in header:
        depth += (letter == "[") - (letter == "]")
        if letter.isspace() and depth <= 0:
            found.append("")
        else:
            found[-1] += letter
    return [word for word in found if word]


def _header(words: list[str], engine: Engine) -> Iterator[Wrong]:
    action, protocol = (*words, "", "")[:2]
    if action not in ACTIONS[engine]:
        yield MALFORMED, f"action {action or 'missing'}", f"one of {', '.join(sorted(ACTIONS[engine]))}"
    elif action in BLOCKING:
        yield BLOCKS, f"action {action}", "alert: an engine that reads copies stops no packet"
    if protocol not in PROTOCOLS[engine]:
        yield MALFORMED, f"protocol {protocol or 'missing'}", f"a protocol that {engine.value} knows, as tcp or http"
    if len(words) == WITHOUT_ENDS and engine is Engine.SNORT3:
        return
    if len(words) != len(HEADER):
        yield MALFORMED, f"{len(words)} words before the options", f"{len(HEADER)}: {', '.join(HEADER)}"
        return
    if words[4] not in DIRECTIONS:
        yield MALFORMED, f"direction {words[4]}", " or ".join(DIRECTIONS)
    for name, word in zip(HEADER[2:], words[2:], strict=True):
        if name != "direction":
            yield from _ends(name, word, ports=name.endswith("port"))


def _ends(name: str, word: str, *, ports: bool) -> Iterator[Wrong]:
    if word.count("[") != word.count("]"):
        yield MALFORMED, f"{name} {word}", "as many [ as ]"
        return
    for part in re.sub(r"[\[\]\s]", "", word).split(","):
        leaf = part.removeprefix("!")
        if leaf.startswith("$"):
            known = PORTS if ports else NETS
            if leaf[1:] not in known:
                yield VARIABLE, f"{name} {leaf}", f"one of {', '.join(f'${one}' for one in known)}"
        elif leaf != "any" and not (_is_port(leaf) if ports else _is_net(leaf)):
            kind = "any, a port, a range as 1:1024" if ports else "any, an address, a network"
            yield MALFORMED, f"{name} {part or 'nothing'}", f"{kind}, $VARIABLE, or a list [a,b] of them"


def _is_port(text: str) -> bool:
    first, _, last = text.partition(":")
    ends = [end for end in (first, last) if end]
    numbers = [int(end) for end in ends if re.fullmatch(r"[0-9]{1,5}", end)]
    return len(numbers) == len(ends) > 0 and all(0 <= one <= 65535 for one in numbers) and numbers == sorted(numbers)


def _is_net(text: str) -> bool:
    first, dash, last = text.partition("-")
    try:
        if dash:
            return _order(ip_address(first)) <= _order(ip_address(last))
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _order(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    return address.version, int(address)


def _option_list(text: str, engine: Engine) -> Iterator[Wrong]:
    if problem := _unbalanced(text, engine):
        yield MALFORMED, problem, 'each option ended by ;, each quote closed, quotes and ; inside a text as \\" and \\;'
        return
    options = _options(text)
    names = [name for name, _ in options]
    if "" in names:
        yield MALFORMED, "an option without a name", "name; or name:value;"
    for name, wanted in (("sid", r"[1-9][0-9]{0,9}"), ("rev", r"[0-9]{1,9}")):
        for value in (value for key, value in options if key == name):
            if not re.fullmatch(wanted, value):
                yield MALFORMED, f"{name}:{value[:40]}", f"{name}: and a whole number"
    yield from ((SID, f"no {name}", f"{name}:…; in each rule") for name in ("sid", "msg") if name not in names)
    for name, value in options:
        if name in {"msg", "content"}:
            yield from _quoted(name, value)


def _quoted(name: str, value: str) -> Iterator[Wrong]:
    body = re.match(r'!?\s*"((?:[^"\\]|\\.)*)"', value)
    if not body:
        yield MALFORMED, f"{name}:{value[:40]}", f'{name}:"text" in quotes'
    elif name == "content":
        parts = body[1].replace("\\|", "").split("|")
        if len(parts) % 2 == 0 or not all(HEX.fullmatch(part) for part in parts[1::2]):
            yield MALFORMED, f"content:{value[:40]}", "bytes between bars as pairs of hexadecimal digits, |0d 0a|"


def _unbalanced(text: str, engine: Engine) -> str:
    """Return what is wrong with quotes and semicolons; Suricata ends an option at a bare one even inside a text."""
    quoted, last = False, ""
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            next(letters, None)
            last = letter
            continue
        quoted ^= letter == '"'
        if quoted and letter == ";" and engine is Engine.SURICATA:
            return "a ; inside a text without \\ before it, or a quote that is not closed"
        last = last if letter.isspace() else letter
    if quoted:
        return "a quote that is not closed"
    return "" if last == ";" else "options that do not end with ;"


def _options(text: str) -> list[tuple[str, str]]:
    """Return the options by name; a semicolon inside quotes ends none."""
    parts = re.findall(r'(?:[^;"\\]|\\.|"(?:[^"\\]|\\.)*")+', text)
    matches = (OPTION.fullmatch(part) for part in parts if part.strip())
    return [(match[1], (match[2] or "").strip()) if match else ("", "") for match in matches]
