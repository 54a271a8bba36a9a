"""The verdict for machines: its fields, its JSON Schema, its digest, and the summary that a stack keeps."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from underlay.judge.verdict import Status, Verdict

SCHEMA = Path("docs") / "verify.schema.json"
"""Where the schema is kept; `python -m underlay.report.document` writes it."""


class Part(BaseModel):
    """A part of the document; later versions of the schema may add keys, this one has no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckRow(Part):
    """One check of one machine, with the numbers that were read."""

    rule: str
    where: str
    status: Status
    found: str
    expected: str
    fix: str


class CauseRow(Part):
    """Why something is broken, its witnesses, and the pairs of nodes (source, target) that it explains."""

    rule: str
    where: str
    sentence: str
    witnesses: list[str] = Field(min_length=2)
    fix: str
    pairs: list[tuple[str, str]]


class LostRow(Part):
    """A pair of nodes whose probes fail without a cause that was seen."""

    source: str
    target: str
    found: str
    last_seen: str


class AlertRow(Part):
    """The alerts of one rule of an intrusion detection engine on one node; the last one's time and ends."""

    node: str
    rule: int
    message: str
    count: int
    last: str
    source: str
    target: str
    protocol: str


class Report(Part):
    """The verdict of `underlay verify --json`."""

    version: Literal[1] = Field(alias="schema", description="Grows when a key changes its meaning or goes away.")
    site: str
    status: Literal["pass", "fail", "error"]
    taken: datetime = Field(description="When the evidence was taken; its age is the time since then.")
    seconds: float = Field(description="How long that took.")
    causes: list[CauseRow]
    lost: list[LostRow]
    checks: list[CheckRow]
    notes: list[str]
    alerts: list[AlertRow] = Field(default=[], description="Of intrusion detection engines; never a payload.")
    digest: str = Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of everything else in full.")
    left_out: dict[str, int] | None = Field(None, description="Entries left out by list, where it would be too long.")


def document(verdict: Verdict) -> dict[str, Any]:
    """Return the verdict as plain data with its digest."""
    content = verdict.to_json()
    return content | {"digest": digest(content)}


def digest(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a document, without its own digest, in one spelling."""
    rest = {key: value for key, value in content.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def summary(text: str | None) -> dict[str, Any]:
    """Return what a stack keeps of a verdict's JSON: status, time and digest; nothing where there is no verdict."""
    try:
        content = json.loads(text or "")
        return {key: content[key] for key in ("status", "taken", "digest")}
    except (ValueError, KeyError, TypeError):
        return {"status": "error", "taken": "", "digest": ""}


def age(taken: str, now: datetime | None = None) -> str:
    """Return a verdict's age in words, from the time in its summary."""
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(taken)).total_seconds()
    except ValueError:
        return "of unknown age"
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} old"
    return f"{seconds:.0f} seconds old"


def schema() -> str:
    """Return the JSON Schema of the document as text."""
    return json.dumps(Report.model_json_schema(by_alias=True), indent=2) + "\n"


def main() -> int:
    """Write the schema."""
    SCHEMA.write_text(schema(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
