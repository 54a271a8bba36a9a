"""Reports of a campaign: one small file for each fault, and a table of all."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.paths import repo
from tests.lab.faults.score import Result, Score, total
from tests.lab.faults.table import faults

FOLDER = Path("docs") / "results" / "faults"
SHOWN = 8
"""Lines of a verdict that a report keeps."""


def write(profile: str, results: Sequence[Result], argv: Sequence[str]) -> None:
    """Write one JSON file for each fault of this run, and the profile's table of all such files as Markdown."""
    folder = repo() / FOLDER
    (folder / profile).mkdir(parents=True, exist_ok=True)
    made = {"command": " ".join(["python -m tests.lab.faults", *argv]), **origin()}
    for result in results:
        content = {"profile": profile, **made, **result.to_json(), "said": result.said[:SHOWN]}
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (folder / profile / f"{result.fault}.json").write_text(text, encoding="utf-8")
    (folder / f"{profile}.md").write_text("\n".join(_table(profile, _all(folder / profile))) + "\n", encoding="utf-8")


def _all(folder: Path) -> list[dict[str, Any]]:
    """Return the reports that there are, in the table's order; each tells its own run."""
    paths = [folder / f"{fault.id}.json" for fault in faults()]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def origin() -> dict[str, str]:
    """Return the commit and the date of a run."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"commit": commit.stdout.strip(), "date": datetime.now(UTC).strftime("%Y-%m-%d")}


def _table(profile: str, reports: Sequence[dict[str, Any]]) -> list[str]:
    fields = {field.name for field in dataclasses.fields(Result)}
    results = [Result(**{key: value for key, value in one.items() if key in fields}) for one in reports]
    columns = ["fault", "expected", "verdict", "pods", "verdicts", "seconds", "silent after", "run"]
    rows = [[*_cells(result), f"{one['commit']}, {one['date']}"] for one, result in zip(reports, results, strict=True)]
    head = [f"# Fault table, host routing `{profile}`", "", total(results), ""]
    return [*head, _row(columns), _row(["---"] * len(columns)), *map(_row, rows)]


def _cells(one: Result) -> list[str]:
    healed = "never" if one.healed_after is None else f"{one.healed_after} s"
    verdict = [str(Score(one.score)), one.pods or "?", str(one.verdicts)]
    return [one.fault, one.expected, *verdict, f"{one.seconds} s", healed]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
