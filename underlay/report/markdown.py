"""The verdict as Markdown, with every number that was read."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.judge.verdict import Verdict
from underlay.report.columns import NODES, ROUTERS, age, counts, harmless, rows


def markdown(verdict: Verdict, seconds_old: float) -> str:
    """Return the whole report."""
    return "\n".join(_lines(verdict, seconds_old)) + "\n"


def _lines(verdict: Verdict, seconds_old: float) -> Iterator[str]:
    yield f"# Underlay {verdict.site}: {verdict.status.value}"
    yield ""
    yield f"{counts(verdict)}; {age(verdict, seconds_old)}."
    for title, columns in (("node", NODES), ("router", ROUTERS)):
        yield from ("", _row([title, *columns]), _row(["---"] * (len(columns) + 1)))
        yield from (_row([name, *cells]) for name, cells in rows(verdict, columns).items())
    yield from _causes(verdict)
    yield from ("", "## Evidence", "", _row(["where", "check", "status", "found"]), _row(["---"] * 4))
    yield from (_row([check.where, check.rule, check.status.value, check.found]) for check in verdict.checks)


def _causes(verdict: Verdict) -> Iterator[str]:
    for cause in verdict.causes:
        yield from ("", f"## {plain(cause.sentence)}", "", f"`{cause.rule}`. Next step: {plain(cause.fix)}", "")
        yield from (f"- {plain(witness)}" for witness in cause.witnesses)
    for lost in verdict.lost:
        yield from ("", f"## {plain(lost.found)}", "", plain(lost.last_seen))
    for note in verdict.notes:
        yield from ("", f"Note: {plain(note)}")


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"


def plain(text: str) -> str:
    """Return text that neither ends a table's cell nor starts markup."""
    return harmless(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
