"""A page as Markdown for a pull request's comment: short enough to be taken, and deaf to what declared texts try."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from underlay.report.columns import harmless
from underlay.report.page import Block, Cell, Diff, Items, Link, Page, Picture, Section, Table, Words

LONGEST = 60_000
"""Characters of a page: GitHub takes 65,536 in a comment."""
ROWS = 30
"""Rows of a table, or items of a list, that are shown."""
LINES = 120
"""Lines of a difference that are shown."""
CELL = 400
"""Characters of a cell that are shown."""
MARKS = {mark: f"\\{mark}" for mark in "\\`*_{}[]()|!~#"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
SILENT = "\u200b"
"""Takes nothing of the line, and keeps a code host from reading a mention or an address out of a text."""
CUT = "The rest stands in the HTML page."


def markdown(page: Page) -> str:
    """Return the whole page; where it would be too long, the last sections keep only their headings."""
    parts = [f"# {plain(page.title)}\n\n{plain(page.lead)}\n"]
    room = LONGEST - len(parts[0])
    for section in page.sections:
        text = _section(section)
        if len(text) > room:
            text = f"\n## {plain(section.title)}\n\n{CUT}\n"
        parts.append(text)
        room -= len(text)
    return "".join(parts)


def plain(text: str) -> str:
    """Return a declared text that shows as it is: no markup, no mention, no link, no second line."""
    shown = "".join(MARKS.get(letter, letter) for letter in harmless(text))
    return shown.replace("@", f"@{SILENT}").replace("://", f":{SILENT}//").replace("www.", f"www{SILENT}.")


def _section(section: Section) -> str:
    blocks = [text for block in section.blocks if (text := _block(block))]
    if not blocks:
        return ""
    return f"\n## {plain(section.title)}\n\n" + "\n\n".join(blocks) + "\n"


def _block(block: Block) -> str:
    match block:
        case Words():
            return plain(block.text)
        case Items():
            return "\n".join(_cut([f"- {_cell(item)}" for item in block.items], ROWS, "- "))
        case Table():
            return "\n".join(_table(block))
        case Diff():
            return _diff(block)
        case Picture():
            return ""


def _table(table: Table) -> Iterator[str]:
    yield _row(table.header)
    yield _row(["---"] * len(table.header))
    yield from _cut([_row(row) for row in table.rows], ROWS, "| ", " |" * len(table.header))


def _row(cells: Sequence[Cell]) -> str:
    return "| " + " | ".join("---" if cell == "---" else _cell(cell) for cell in cells) + " |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f"[{plain(cell.text)}]({cell.target})"
    return plain(cell if len(cell) <= CELL else f"{cell[:CELL]}...")


def _cut(lines: list[str], most: int, before: str, after: str = "") -> list[str]:
    if len(lines) <= most:
        return lines
    return [*lines[:most], f"{before}{len(lines) - most} more. {CUT}{after}"]


def _diff(diff: Diff) -> str:
    lines = [harmless(line) for line in _cut(list(diff.lines), LINES, "")]
    runs = [len(list(run)) for line in lines for mark, run in groupby(line) if mark == "`"]
    fence = "`" * max(3, *(run + 1 for run in runs), 3)
    body = "\n".join([f"{fence}diff", *lines, fence])
    return f"<details><summary>{plain(diff.title)}</summary>\n\n{body}\n\n</details>"
