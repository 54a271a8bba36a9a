"""Reports of a campaign: one small file for each fault, and a table of all."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from lab.paths import repo
from tests.lab.faults.score import Result, total

FOLDER = Path("docs") / "results" / "faults"
SHOWN = 8
"""Lines of a verdict that a report keeps."""


def write(profile: str, results: Sequence[Result], argv: Sequence[str]) -> None:
    """Write one JSON file for each fault of a profile, and the profile's table as Markdown."""
    folder = repo() / FOLDER
    (folder / profile).mkdir(parents=True, exist_ok=True)
    made = {"command": " ".join(["python -m tests.lab.faults", *argv]), **origin()}
    for result in results:
        content = {"profile": profile, **made, **result.to_json(), "said": result.said[:SHOWN]}
        text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        (folder / profile / f"{result.fault}.json").write_text(text, encoding="utf-8")
    (folder / f"{profile}.md").write_text("\n".join(_table(profile, results, made)) + "\n", encoding="utf-8")


def origin() -> dict[str, str]:
    """Return the commit and the date of a run."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {"commit": commit.stdout.strip(), "date": datetime.now(UTC).strftime("%Y-%m-%d")}


def _table(profile: str, results: Sequence[Result], origin: dict[str, str]) -> list[str]:
    head = [
        f"# Fault table, host routing `{profile}`",
        "",
        f"`{origin['command']}`, {origin['commit']}, {origin['date']}.",
    ]
    rows = [
        f"| {one.fault} | {one.expected} | {one.score.value} | {one.pods or '?'} | {one.verdicts} | {one.seconds} "
        f"| {'never' if one.healed_after is None else one.healed_after} |"
        for one in results
    ]
    columns = ["fault", "expected", "verdict", "pods", "verdicts", "seconds", "silent after"]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *rows]
    return [*head, "", total(results), "", *lines]
