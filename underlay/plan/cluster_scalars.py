"""Values of a cluster file: understood as its reader (YAML 1.1) does, written so that every reader agrees."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

Scalar = str | bool | int | None
"""What a value of the flat file can be; None is an empty one."""

WORDS = {"true": True, "yes": True, "on": True, "y": True, "false": False, "no": False, "off": False, "n": False}
"""YAML 1.1 has more words for truth than YAML 1.2; a file of the vendor's uses `yes`."""
RESERVED = frozenset({*WORDS, "null", "~", ".inf", ".nan", "=", "<<"})
PLAIN = re.compile(r"[A-Za-z0-9/][A-Za-z0-9_./@+-]*")
"""Texts without any character that YAML gives a meaning."""
NUMBER = re.compile(r"[-+]?(0[box]?[0-9a-fA-F_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9_]+)")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,17}")
"""Numbers that every reader takes for the same."""
DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*")
ESCAPED = re.compile(r'["\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]')

_RESOLVER: Any = yaml.SafeLoader("")
TYPES: dict[str, Callable[[str], Scalar | object]] = {
    "tag:yaml.org,2002:str": lambda text: text,
    "tag:yaml.org,2002:bool": lambda text: WORDS[text.lower()],
    "tag:yaml.org,2002:int": lambda text: int(text) if DECIMAL.fullmatch(text) else text.encode(),
    "tag:yaml.org,2002:null": lambda _: None,
}


def understood(event: yaml.ScalarEvent) -> Scalar | object:
    """Return a scalar's value; an object that equals nothing where it is no text, truth or nothing."""
    tag = event.tag if event.tag and event.tag != "!" else None
    tag = tag or _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
    try:
        return TYPES[tag](event.value)
    except KeyError:
        return object()


def written(value: Scalar, style: str | None = None) -> str:
    """Return a value as text, in the quotes that it had where they can hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if style == "'" and not ESCAPED.search(value.replace('"', "").replace("\\", "")):
        return "'" + value.replace("'", "''") + "'"
    return value if style != '"' and is_plain(value) else _quoted(value)


def is_plain(text: str) -> bool:
    """Tell whether a text without quotes is the same text to readers of YAML 1.1 and 1.2."""
    return bool(PLAIN.fullmatch(text)) and not (
        text.lower() in RESERVED or NUMBER.fullmatch(text) or DATE.fullmatch(text)
    )


def _quoted(text: str) -> str:
    return '"' + ESCAPED.sub(lambda found: _escape(found[0]), text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
