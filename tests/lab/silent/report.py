"""The page of the silent errors: each with its rule, the damage that was seen, and the verdict's word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab.silent.table import Case, cases, rows
from tests.oracle.space import declare
from underlay.plan.checks import findings

HEAD = """# Silent errors of Cilium

What chart and agent accept and then do wrongly (`tests/lab/silent/table.yaml`). `make silent` gives each bad example to
the running release by Helm, past our rules, looks for the damage, asks the verification, and takes it back.
That each rule of a declaration refuses its example is `tests/unit/test_lab_silent.py`, rules of nodes
`tests/lab/test_node_faults.py`. Played on the running lab: {run} of {all} cases; {named} named by the verdict.

| error | the preview | what Cilium did past the rule | the verdict meanwhile | run |
| --- | --- | --- | --- | --- |"""
NAMED = ("fail", "error")
TOLD = 2
"""Lines of the verdict that the page shows."""
BY_NODE = "the node's own check"
"""What refuses where no declaration is wrong."""


def write(kept: Path) -> None:
    """Write the page beside the kept results."""
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    played = [case.id for case in cases() if case.group]
    named = sum(one["verdict"] in NAMED for number, one in found.items() if number in played)
    head = HEAD.format(run=len(found.keys() & {*played}), all=len(played), named=named)
    kept.with_suffix(".md").write_text("\n".join([head, *_lines(found), ""]), encoding="utf-8")


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for row in rows():
        if row.kind == "out":
            yield _cells(f"{row.id}: {row.says}", "-", f"out of scope: {row.why}", "-", "-")
        for case in row.cases:
            one = found.get(case.id)
            yield _cells(f"{row.id}, {case.id}: {row.says}", _preview(case), *_seen(case, one), _run(one))


def _preview(case: Case) -> str:
    """Return what a preview does with the example, by the rule's own word; rules of nodes are no preview's."""
    found = [one for one in findings(declare(case.bad)) if one.rule == case.rule] if case.bad else []
    words = {"error": "refuses", "warning": "warns"}
    return f"{words[found[0].severity]}: `{case.rule}`" if found else f"{BY_NODE}: `{case.rule}`"


def _run(one: dict[str, Any] | None) -> str:
    return f"{one['commit']}, {one['date']}" if one else "-"


def _seen(case: Case, one: dict[str, Any] | None) -> tuple[str, str]:
    if case.unseen:
        return f"not here: {case.unseen}", "-"
    if case.elsewhere:
        return f"by {case.elsewhere}", "-"
    if one is None:
        return "not run", "-"
    text = one["damage"] if one["seen"] else f"**none**: {one['damage']}"
    word = "named" if one["verdict"] in NAMED else "**silent**"
    return text, f"{word}: {'; '.join(one['said'][:TOLD]) or 'not a word'}"


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
