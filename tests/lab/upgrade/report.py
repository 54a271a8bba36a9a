"""What the campaign found, kept as JSON for each part, and one page of all parts."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from lab.paths import repo
from tests.lab.faults.report import origin

FOLDER = repo() / "docs" / "results" / "upgrade"
PAGE = repo() / "docs" / "results" / "upgrade.md"
Row = dict[str, Any]
HEAD = """\
# What a change of Cilium's release does

`make upgrade` applies one declaration after the other, as anybody would: stack file, `pulumi preview`, `pulumi up`.
Values change on the running dev site, releases on a lab of its own whose nodes have both; each update ends only with a
green verdict. Two virtual cores carry all machines, and other labs beside them, so times say little about real nodes.
"""


HOW = """\
Packets, questions or connections lost of those sent: a packet or a question each 20 ms, a connection each 100 ms.
Lost is a datagram that is never answered, or a connection that is reset or waits for more than 20 s;
in brackets the longest loss and the slowest answer, in milliseconds.
"""


def keep(name: str, found: Sequence[NamedTuple]) -> None:
    """Write a part's results, and the page anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = {**origin(), "load": round(os.getloadavg()[2], 1), "how": HOW, "rows": [one._asdict() for one in found]}
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
            made = f'`make upgrade ARGS="{name} --keep"`, commit {content["commit"]}, {content["date"]}'
            head = [f"## {title}", "", f"{made}, load {content['load']}.", "", content["how"]]
            lines = [*head, *table(content["rows"]), ""]
            parts.append("\n".join(lines))
    return "\n".join(parts)


def changes(rows: Sequence[Row]) -> list[str]:
    """Return what each change cost each stream, how it went, and what became of the mirror."""
    names = [row["name"] for row in rows]
    lost = [[stream, *(_cell(row["streams"][stream]) for row in rows)] for stream in rows[0]["streams"]]
    went = [[*_went(row), _list(row["wrong"])] for row in rows]
    return [
        *table(["stream", *names], lost),
        "",
        *table(["change", "agents replaced", "it took", "changes foretold", "wrong"], went),
        *_mirrors([row for row in rows if row["mirror"]]),
    ]


def _mirrors(rows: Sequence[Row]) -> list[str]:
    head = ["change", "looks", "order at the ingress", "flows", "alerts", "the verdict afterwards"]
    told = ["", "What became of the mirror where it was attached all the time, looked at each 50 ms:", ""]
    return [*told, *table(head, map(_mirror, rows))] if rows else []


def _mirror(row: Row) -> list[object]:
    seen = row["mirror"]
    orders: Counter[str] = Counter()
    for link, runs in seen["links"].items():
        for order, looks in runs:
            orders[f"{'pod links' if link.startswith('lxc') else 'uplink'}: {' '.join(order) or 'nothing'}"] += looks
    alerts = _list(f"{node} {count}" for node, count in seen["alerts"].items())
    told = _list(map(": ".join, seen["told"].items()))
    return [row["name"], seen["looks"], _list(f"{one} ({n})" for one, n in orders.items()), seen["sent"], alerts, told]


def _went(row: Row) -> list[object]:
    again = ", in two updates: " + _list(row["again"]) if row["again"] else ""
    return [row["name"], row["restarted"], f"{row['seconds']:.0f} s{again}", len(row["told"])]


TABLES: dict[str, tuple[str, Callable[[Sequence[Row]], list[str]]]] = {
    "values": ("Values, under streams", changes),
    "releases": ("Releases, under streams", changes),
}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return a table in Markdown."""
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, row)) + " |" for row in cells]


def _cell(one: dict[str, float]) -> str:
    return f"{one['lost']:,} of {one['sent']:,} ({one['gap']}; {one['slowest']})"


def _list(texts: Iterable[str]) -> str:
    return "; ".join(texts) or "none"
