"""Reading single values: addresses, networks, and characters that only look right."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import LiteralString

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

LOOKALIKES = str.maketrans(
    {
        **dict(zip("\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0455\u0501", "aeopcxyisd", strict=True)),
        **dict(zip("\u03b1\u03bf\u03bd\u03c1", "aovp", strict=True)),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u2024\u3002\uff61", "."),
        **dict.fromkeys("\u2044\u2215", "/"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),
    }
)
"""Cyrillic and Greek letters, dashes, dots, strokes and invisible characters, each with the ASCII it looks like."""


def address(value: object, take: Callable[[object], object]) -> object:
    """Return an IPv4 address; say what is wrong with a text that is none."""
    try:
        return take(value)
    except ValidationError:
        if not isinstance(value, str):
            raise
    bare, _, length = value.partition("/")
    hint = bare if length.isdigit() and _is_address(bare) else ""
    raise PydanticCustomError("address_malformed", "an IPv4 address, as in 172.30.1.11", {"hint": hint})


def network(value: object, take: Callable[[object], object]) -> object:
    """Return an IPv4 network in canonical form; say what is wrong with a text that is none."""
    try:
        taken = take(value)
        if not isinstance(value, str) or str(taken) == value:
            return taken
    except ValidationError:
        if not isinstance(value, str):
            raise
    kind, hint = _mistaken(value)
    raise PydanticCustomError(kind, "an address, a stroke and a prefix length, as in 10.244.0.0/16", {"hint": hint})


def _mistaken(text: str) -> tuple[LiteralString, str]:
    """Return what is wrong with a network, and the network that was probably meant."""
    try:
        meant = IPv4Network(text, strict=False)
    except ValueError:
        return "network_malformed", ""
    bare, _, length = text.partition("/")
    whole = bare == str(meant.network_address) or not length.isdecimal()
    return "network_malformed" if whole else "network_has_host_bits", str(meant)


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def ascii_of(text: str) -> str:
    """Return a text with every character replaced by the ASCII that it looks like or stands for, where there is one."""
    return "".join(_ascii(character) for character in text)


def _ascii(character: str) -> str:
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    return unicodedata.normalize("NFKC", character).translate(LOOKALIKES)


def foreign(text: str) -> Iterator[str]:
    """Yield each character beyond ASCII once, by number and name, with the ASCII that it looks like."""
    for character in dict.fromkeys(text):
        if not character.isascii():
            like = ascii_of(character)
            name = f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"
            yield f"{name} (looks like {like})" if like.isascii() and like else name
