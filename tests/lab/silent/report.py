"""The page of the silent errors: each with its rule, the damage that was seen, and the verdict's word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab.silent.table import Case, cases, rows

HEAD = """# Silent errors of Cilium

What chart and agent accept and then do wrongly (`tests/lab/silent/table.yaml`). `make silent` gives each bad example to
the running release by Helm, past our rules, looks for the damage, asks the verification, and takes it back.
That each rule of a declaration refuses its example is `tests/unit/test_lab_silent.py`, rules of nodes
`tests/lab/test_node_faults.py`. Played on the running lab: {run} of {all} cases.

| error | refused by | damage seen without the rule | the verdict meanwhile |
| --- | --- | --- | --- |"""


def write(kept: Path) -> None:
    """Write the page beside the kept results."""
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    played = [case.id for case in cases() if case.group]
    head = HEAD.format(run=len(found.keys() & {*played}), all=len(played))
    kept.with_suffix(".md").write_text("\n".join([head, *_lines(found), ""]), encoding="utf-8")


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for row in rows():
        if row.kind == "out":
            yield _cells(f"{row.id}: {row.says}", "-", f"out of scope: {row.why}", "-")
        for case in row.cases:
            yield _cells(f"{row.id}, {case.id}: {row.says}", f"`{case.rule}`", *_seen(case, found.get(case.id)))


def _seen(case: Case, one: dict[str, Any] | None) -> tuple[str, str]:
    if case.unseen:
        return f"not here: {case.unseen}", "-"
    if case.elsewhere:
        return f"by {case.elsewhere}", "-"
    if one is None:
        return "not run", "-"
    text = one["damage"] if one["seen"] else f"**none**: {one['damage']}"
    return text, f"{one['verdict']}: {one['said'][0] if one['said'] else 'not a word'} ({one['commit']})"


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
