"""Every command that README and the pages below docs/ show, as it stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lab.paths import repo

PAGES = [repo() / "README.md", repo() / "policy/README.md", *sorted((repo() / "docs").glob("*.md"))]
MARK = re.compile(r"^ *```(\w*)$")
COMMANDS = {"", "sh", "bash", "console"}
"""Languages of a block of commands; a block of anything else names its own."""
INLINE = re.compile(r"`([^`\n]+)`")
COMMENT = re.compile(r"\s{2,}#.*")
REST = re.compile(r" *(…|\.\.\.)$")
"""Words that a sentence leaves open."""
REGEX = re.compile(r"[\[(].*[+*?]")
"""A pattern for commands is none."""
PROGRAMS = re.compile(
    r"(bash|cp|git|helm|kubeadm|kubectl|lab|ln|make|mkdir|pip|pulumi|python3?|ssh-keyscan|ucs-ctl|underlay) ."
)
"""What a command between other words begins with; a name alone is none."""
VARIABLES = re.compile(r"^([A-Z_]+=\S+ )+")
WHOLE = {"python ": "python3 ", "lab ": "python3 -m lab ", "underlay ": "python3 -m underlay "}
"""Beginnings that say the same in fewer letters."""


class Shown(NamedTuple):
    """One command, and where it is shown."""

    page: str
    command: str
    block: bool
    """It stands in a block of commands, to be typed as it is; else between other words."""


def whole(command: str) -> str:
    """Return a command as everybody has to type it, without comment and without what is left open."""
    text = REST.sub("", COMMENT.sub("", command).strip())
    short = next((word for word in WHOLE if text.startswith(word)), "")
    text = WHOLE[short] + text[len(short) :] if short else text
    return text.replace("mysite", "production")  # two names for the reader's own stack


@cache
def shown() -> tuple[Shown, ...]:
    """Return every command of every page."""
    return tuple(one for page in PAGES for one in _of(page))


def block_of(page: Path, head: str) -> list[str]:
    """Return the commands in the blocks below a heading of a page, in their order."""
    _, _, rest = page.read_text(encoding="utf-8").partition(f"{head}\n")
    return [one for language, one in _lines(rest.partition("\n## ")[0]) if language in COMMANDS and one]


def _of(page: Path) -> Iterator[Shown]:
    name = str(page.relative_to(repo()))
    for language, line in _lines(page.read_text(encoding="utf-8")):
        if language is not None:
            if language in COMMANDS and (command := whole(line)):
                yield Shown(name, command, True)
            continue
        for words in INLINE.findall(line):
            command = whole(words)
            if PROGRAMS.match(VARIABLES.sub("", command)) and not REGEX.search(command):
                yield Shown(name, command, False)


def _lines(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield each line with the language of the block that it stands in; None outside of one."""
    language: str | None = None
    for line in text.splitlines():
        if mark := MARK.match(line):
            language = mark.group(1) if language is None else None
        else:
            yield language, line
