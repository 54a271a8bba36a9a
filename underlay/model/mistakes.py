"""Every mistake in the shape of a declaration: named, explained, and with what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from underlay.finding import Finding, shown
from underlay.model.absent import instead
from underlay.model.reading import ascii_of, foreign

KEY_UNKNOWN, KEY_MISSING, KIND, CHOICE = (
    "site-key-unknown",
    "site-key-missing",
    "site-kind-wrong",
    "site-choice-unknown",
)
NUMBER, TEXT, SHORT = "site-number-out-of-range", "site-text-malformed", "site-list-too-short"
FOREIGN, OTHER, UNREADABLE = "site-character-not-ascii", "site-malformed", "site-unreadable"
NO_ADDRESS, NO_NETWORK, HOST_BITS = "site-address-malformed", "site-network-malformed", "site-network-has-host-bits"

RULES = {
    "extra_forbidden": KEY_UNKNOWN,
    "missing": KEY_MISSING,
    "enum": CHOICE,
    "literal_error": CHOICE,
    "greater_than_equal": NUMBER,
    "less_than_equal": NUMBER,
    "int_parsing_size": NUMBER,
    "string_pattern_mismatch": TEXT,
    "string_too_long": TEXT,
    "value_error": TEXT,
    "too_short": SHORT,
    "address_malformed": NO_ADDRESS,
    "network_malformed": NO_NETWORK,
    "network_has_host_bits": HOST_BITS,
}
"""The rule of each kind of error that the model tells; other kinds are of KIND or OTHER."""

KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "model_type": "a mapping of keys to values",
    "ip_v4_address": "an IPv4 address as a text",
    "ip_v4_network": "an IPv4 network as a text",
}
"""What a value should have been."""

WORDS = {
    "missing": "a value: nothing else in the declaration tells it",
    "enum": "{expected}",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "string_pattern_mismatch": "{pattern}",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} item",
    "int_parsing_size": "a number that a machine counts with",
    "network_has_host_bits": "a network whose bits beyond the prefix are zero",
}
"""What other errors expected; the names in braces are the model's limits."""

PATTERNS = {
    r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$": "1 to 63 lower-case letters, digits and hyphens, no hyphen at either end",
    r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$": (
        "lower-case letters, digits and hyphens, 63 characters at most, points between parts, no hyphen at a part's end"
    ),
    r"^[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}$": "three numbers with points between them, as in 1.20.2",
    r"^[a-z_][a-z0-9_-]{0,31}$": "the name of a user, as in root",
    r"^[a-zA-Z0-9_.-]{1,15}$": "the name of an interface, 1 to 15 letters, digits, points, hyphens and underscores",
    r"^[0-9]{1,3}\.[0-9]{1,3}$": "two numbers with a point between them, as in 1.20",
    r"^[0-9a-f]{64}$": "a SHA-256 digest in 64 hexadecimal digits",
    r"^[a-z0-9][a-z0-9.:/_-]*[a-z0-9]$": "a registry and a path, in lower case and without a scheme",
    r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": "a name of lower-case letters, digits, hyphens and points",
    r"^[A-Za-z0-9+/]{16}$": "twelve bytes in base64: 16 letters, digits, + and /",
    r"^(0|[1-9][0-9]{0,4}):(0|[1-9][0-9]{0,4})$": "two numbers from 0 to 65535, as in 65010:100",
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$": "a label's key",
    r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$": "a label's value: up to 63 letters, digits, -, _ and points",
    r"^([-a-zA-Z0-9_*]{1,63}\.)*[-a-zA-Z0-9_*]{1,63}$": "a DNS name, * for any letters, as in *.example.com",
    r"^/[!-~]{0,1023}$": "a path that begins with / as a regular expression without spaces",
    r"^[A-Z]{1,32}$": "an HTTP method in capital letters, as in GET",
    r"^[!-~]+$": "printable ASCII without spaces",
    r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$": "a text in one line, not empty",
}
"""What a text has to look like, in words."""

LONGEST = 120
"""Characters of a value that a message shows."""


class Part(NamedTuple):
    """A part of a declaration as messages speak of it."""

    place: str
    rule: str = ""
    """The id of every mistake in it; empty: each kind of mistake has one of its own."""
    fix: str = ""
    words: Mapping[str, str] = {}
    """What was expected, by kind of error, where this part says it in other words."""


SITE = Part("site")


def mistakes(root: type[BaseModel], errors: Sequence[ErrorDetails], part: Part = SITE) -> list[Finding]:
    """Return a finding for each mistake; what follows from another one is left out."""
    return [_finding(root, item, part) for item in causes(root, errors)]


def causes(root: type[BaseModel], errors: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out lists that are too short because their items are refused, and keys that are there with a typo."""
    above = {item["loc"][:depth] for item in errors for depth in range(len(item["loc"]))}
    misspelt = {(*item["loc"][:-1], meant(root, item)) for item in errors if item["type"] == "extra_forbidden"}
    follows = {"too_short": above, "missing": misspelt}
    return [item for item in errors if item["loc"] not in follows.get(item["type"], ())]


def _finding(root: type[BaseModel], item: ErrorDetails, part: Part) -> Finding:
    where, value = ".".join(map(str, (part.place, *item["loc"]))), item["input"]
    kind = item["type"]
    rule = RULES.get(kind, KIND if kind in KINDS else OTHER)
    text = str(item["loc"][-1]) if rule == KEY_UNKNOWN else value
    if isinstance(text, str) and not text.isascii():
        return _foreign(part.rule or FOREIGN, where, text)
    found = "nothing" if rule == KEY_MISSING else shown(value) if rule == KIND or part.rule else _shown(value)
    expected = part.words.get(kind) or _expected(root, item)
    return Finding(part.rule or rule, where, found, expected, part.fix or _fix(root, item))


def _foreign(rule: str, where: str, text: str) -> Finding:
    likely = ascii_of(text)
    fix = f"Did you mean {likely}?" if likely.isascii() and likely else ""
    return Finding(rule, ascii(where)[1:-1], _cut(ascii(text)), f"ASCII only, not {', '.join(foreign(text))}", fix)


def _expected(root: type[BaseModel], item: ErrorDetails) -> str:
    if item["type"] == "extra_forbidden":
        return f"one of {', '.join(sorted(_keys(root, item['loc'][:-1])))}"
    words = {**WORDS, **KINDS}.get(item["type"], item["msg"].removeprefix("Value error, "))
    context = item.get("ctx", {})
    pattern = context.get("pattern", "")
    expected = str(context.get("expected", "")).replace("'", "")
    return words.format(**{**context, "expected": expected, "pattern": PATTERNS.get(pattern, pattern)})


def _fix(root: type[BaseModel], item: ErrorDetails) -> str:
    value, kind = item["input"], item["type"]
    if kind == "string_type" and isinstance(value, bool | int | float):
        return "Write it in quotes."
    if kind in {"int_type", "bool_type"} and isinstance(value, str):
        return "Write it without quotes." if re.fullmatch(r"[0-9]+|true|false", value) else ""
    if kind == "tuple_type":
        return "Write it as [a, b]."
    likely = meant(root, item)
    if likely:
        return f"Did you mean {likely}?"
    return instead(str(item["loc"][-1])) if kind == "extra_forbidden" else ""


def meant(root: type[BaseModel], item: ErrorDetails) -> str:
    """Return what was probably meant by a key or a value; nothing where nothing is near."""
    context = item.get("ctx", {})
    if item["type"] == "extra_forbidden":
        return _near(str(item["loc"][-1]), sorted(_keys(root, item["loc"][:-1])))
    if item["type"] in {"enum", "literal_error"} and isinstance(item["input"], str):
        return _near(item["input"], re.findall(r"'([^']*)'", str(context["expected"])))
    return str(context.get("hint", ""))


def _near(word: str, known: Sequence[str]) -> str:
    """Return the known word that is nearest to one in another case, with hyphens, or with a typo."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", ascii_of(word)).lower()
    plain = {one.replace("-", "_"): one for one in known}
    found = get_close_matches(snake.replace("-", "_"), list(plain), n=1, cutoff=0.7)
    return plain[found[0]] if found else ""


def _keys(root: type[BaseModel], way: tuple[int | str, ...]) -> set[str]:
    """Return the keys that are known at a place."""
    at: Any = root
    for part in way:
        at = _model(at.model_fields[part].annotation) if isinstance(part, str) else at
    return set(at.model_fields)


def _model(annotation: Any) -> Any:  # noqa: ANN401 - whatever a field is annotated with
    """Return the class that an annotation holds, as in `tuple[Rack, ...]` or `Management | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model(part))), None)


def _shown(value: object) -> str:
    plain = isinstance(value, int | str) and str(value) and str(value).isprintable()
    return _cut(str(value)) if plain else shown(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"
