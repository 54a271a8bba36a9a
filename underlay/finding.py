"""A finding: one mistake, named by its rule, with place, value found, value expected and next step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from reprlib import Repr
from typing import Literal

LONGEST = 1000
"""Characters of one part of a finding; what is longer is cut, and its length said."""
SHOWN = 120
"""Characters of a declared value that is quoted."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """What is wrong, where, and what to do about it."""

    rule: str
    where: str
    found: str
    expected: str
    fix: str = ""
    severity: Severity = "error"
    """An error refuses the declaration; a warning is said at every run and refuses nothing."""

    def __post_init__(self) -> None:
        """Make every part safe to print: it may quote what somebody has declared."""
        for part in fields(self):
            object.__setattr__(self, part.name, printable(getattr(self, part.name)))

    def __str__(self) -> str:
        """Return the finding as one line for people."""
        fix = f" {self.fix}" if self.fix else ""
        return f"[{self.rule}] {self.where}: found {self.found}; expected {self.expected}.{fix}"

    def to_json(self) -> dict[str, str]:
        """Return the finding as plain data."""
        return asdict(self)


class Refused(Exception):
    """The declaration contradicts itself or the rules; carries every finding."""

    def __init__(self, findings: Iterable[Finding], *, meant: object = None, note: str = "") -> None:
        """Keep the findings, make one message of them, and remember what was probably meant.

        `note` says what could not be looked at because of them.
        """
        self.findings: Sequence[Finding] = tuple(findings)
        self.meant, self.note = meant, note
        super().__init__("\n".join(str(finding) for finding in self.findings))


def printable(text: str, most: int = LONGEST) -> str:
    """Return a text without anything that could move a cursor, start a line or colour it; a long one is cut."""
    if len(text) > most:
        text = f"{text[:most]}... ({len(text):,} characters)"
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


_quote = Repr()
_quote.maxstring = _quote.maxother = _quote.maxlong = SHOWN
_quote.maxlevel = 3


def shown(value: object) -> str:
    """Return a declared value as a person reads it, cut to a few words however large it is."""
    return _quote.repr(value)[:SHOWN]
