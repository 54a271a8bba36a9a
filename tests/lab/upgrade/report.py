"""What the campaign found, kept as JSON for each part, and one page of all parts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from lab.paths import repo
from tests.lab.faults.report import origin

FOLDER = repo() / "docs" / "results" / "upgrade"
PAGE = repo() / "docs" / "results" / "upgrade.md"
Row = dict[str, Any]
HEAD = """\
# What a change of Cilium's release does

`make upgrade` applies one declaration after the other to the running dev site, as anybody would: stack file,
`pulumi preview`, `pulumi up`. Each update ends only with a green verdict. Two virtual cores carry all machines, and
other labs beside them, so times say little about real nodes.
"""


def keep(name: str, found: Sequence[NamedTuple]) -> None:
    """Write a part's results, and the page anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = {**origin(), "load": round(os.getloadavg()[2], 1), "rows": [one._asdict() for one in found]}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page of all parts that were kept."""
    parts = [HEAD]
    for name, (title, table) in TABLES.items():
        path = FOLDER / f"{name}.json"
        if path.exists():
            content = json.loads(path.read_text(encoding="utf-8"))
            made = f"`make upgrade ARGS=--keep`, commit {content['commit']}, {content['date']}, load {content['load']}."
            parts.append("\n".join([f"## {title}", "", made, "", *table(content["rows"]), ""]))
    return "\n".join(parts)


def changes(rows: Sequence[Row]) -> list[str]:
    """Return what each change cost each stream, how it went, and what became of the mirror."""
    names = [row["name"] for row in rows]
    lost = [[stream, *(_cell(row["streams"][stream]) for row in rows)] for stream in rows[0]["streams"]]
    went = [[*_went(row), _list(row["wrong"])] for row in rows]
    return [
        "Packets, connections or questions lost of those sent, one each 20 ms;",
        "in brackets the longest loss and the slowest answer, in milliseconds.",
        "",
        *table(["stream", *names], lost),
        "",
        *table(["change", "agents replaced", "the update took", "changes foretold", "wrong"], went),
    ]


def _went(row: Row) -> list[object]:
    return [row["name"], row["restarted"], f"{row['seconds']:.0f} s", len(row["told"])]


TABLES: dict[str, tuple[str, Callable[[Sequence[Row]], list[str]]]] = {
    "values": ("Values, under streams", changes),
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return a table in Markdown."""
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, row)) + " |" for row in cells]


def _cell(one: dict[str, float]) -> str:
    return f"{one['lost']:,} of {one['sent']:,} ({one['gap']}; {one['slowest']})"


def _list(texts: Iterable[str]) -> str:
    return "; ".join(texts) or "none"
