"""A page as data: sections of words, lists, tables, differences and pictures; Markdown and HTML are made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

IN_ALL = " in all"
FINDINGS = "docs/findings.md"
"""The page that explains every rule, seen from the repository's first folder."""


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere; the target is ours, never a declared text."""

    text: str
    target: str


Cell = str | Link


@dataclass(frozen=True)
class Words:
    """One paragraph."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    items: Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """Rows of cells below a header."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Diff:
    """A unified difference between two texts."""

    title: str
    lines: Sequence[str]


@dataclass(frozen=True)
class Picture:
    """A drawing; Markdown leaves it out, because a comment cannot hold it."""

    title: str
    svg: str


Block = Words | Items | Table | Diff | Picture


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading that others can lead to."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """Return the name by which code hosts and the HTML page know the heading."""
        return anchor(self.title)


@dataclass(frozen=True)
class Page:
    """One page."""

    title: str
    lead: str
    sections: Sequence[Section]


def anchor(title: str) -> str:
    """Return a heading's name in links."""
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def rule_link(rule: str) -> Link:
    """Return the link to a rule's explanation."""
    return Link(rule, f"{FINDINGS}#{anchor(rule)}")


def together(names: Iterable[str], most: int = 4) -> str:
    """Return names in few words: neighbours by number as `worker-1 to worker-9`, the rest counted."""
    runs: list[list[str]] = []
    for name in sorted(names, key=by_number):
        if runs and (number := _numbered(name)) and _numbered(runs[-1][-1], 1) == number:
            runs[-1].append(name)
        else:
            runs.append([name])
    parts = [part for run in runs for part in (run if len(run) < 3 else [f"{run[0]} to {run[-1]}"])]
    hidden = sum(map(len, runs)) if len(parts) > most else 0
    if not hidden:
        return ", ".join(parts)
    shown = parts[: most - 1]
    return f"{', '.join(shown)} and others, {hidden}{IN_ALL}"


def _numbered(name: str, more: int = 0) -> tuple[str, int] | None:
    head = name.rstrip("0123456789")
    digits = name[len(head) :]
    return (head, int(digits) + more) if digits and len(digits) <= LONGEST_NUMBER else None


LONGEST_NUMBER = 9


def by_number(name: str) -> tuple[str, int, str]:
    """Return what sorts names with numbers as people count."""
    head, number = _numbered(name) or (name, -1)
    return head, number, name
