"""The verdict as a page: what is broken and why, every machine, pictures, and every number that was read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from underlay.judge.evidence import Evidence
from underlay.judge.judge import SUSPECTED
from underlay.judge.verdict import Cause, Status, Verdict
from underlay.model import Site
from underlay.report.columns import NODES, ROUTERS, Columns, counts, needed, rows
from underlay.report.page import Block, Items, Page, Picture, Section, Table, Words, together
from underlay.report.pictures import drawings, seen

ORDER = (Status.FAIL, Status.ERROR, Status.SKIPPED, Status.PASS)
BROKEN = ORDER[:2]
NOTE = re.compile(rf"({SUSPECTED})(\S+)(: .*)", re.DOTALL)
"""A suspicion about one place."""
MOST = 2000
"""Rows of evidence that a page shows; beyond it, what is not broken is counted, so that a browser opens it quickly."""


def verdict_page(site: Site, verdict: Verdict, evidence: Evidence, run: str, versions: Mapping[str, Any]) -> Page:
    """Return the page of one run."""
    pictures = [Picture(one.title, one.svg) for one in drawings(site, seen(site, evidence, verdict))]
    told = [
        (key, ", ".join(value) if isinstance(value, list) else str(value)) for key, value in versions.items() if value
    ]
    sections = [
        Section("What is broken", _broken(verdict)),
        Section("Nodes", [_machines("node", verdict, needed(verdict, NODES))]),
        Section("Routers", [_machines("router", verdict, needed(verdict, ROUTERS))]),
        *([Section("Alerts", [_alerts(verdict)])] if verdict.alerts else []),
        Section("Pictures", pictures),
        Section("Evidence", [_checks(verdict)]),
        Section("Versions", [Table(("what", "version"), told)]),
    ]
    taken = f"taken {verdict.taken:%Y-%m-%d %H:%M:%S} UTC in {verdict.seconds:.1f} s"
    return Page(f"Underlay {verdict.site}: {verdict.status.value}", f"Run {run}, {taken}: {counts(verdict)}.", sections)


def _broken(verdict: Verdict) -> list[Block]:
    blocks = [block for cause in verdict.causes for block in _cause(cause)]
    if verdict.lost:
        lost = [(f"{one.source} to {one.target}", one.found, one.last_seen) for one in verdict.lost]
        blocks.append(Table(("pods", "what was found", "last seen"), lost))
    blocks += [Items(_notes(verdict.notes))] if verdict.notes else []
    return blocks or [Words("Nothing was found to be broken.")]


def _notes(notes: Sequence[str]) -> list[str]:
    """Return the notes; those that say the same of several nodes are one."""
    found: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        head, where, rest = match.groups() if (match := NOTE.fullmatch(note)) else (note, "", "")
        found.setdefault((head, rest), []).append(where)
    return [f"{head}{together(places)}{rest}" for (head, rest), places in found.items()]


def _cause(cause: Cause) -> list[Block]:
    pairs = f" It explains {together(f'{one} to {other}' for one, other in cause.pairs)}." if cause.pairs else ""
    return [Words(f"{cause.sentence} ({cause.rule}).{pairs} Next step: {cause.fix}"), Items(cause.witnesses)]


def _machines(title: str, verdict: Verdict, columns: Columns) -> Table:
    return Table((title, *columns), [(name, *cells) for name, cells in rows(verdict, columns).items()])


def _alerts(verdict: Verdict) -> Table:
    header = ("node", "rule", "message", "alerts", "last", "from", "to", "protocol")
    rows_ = [
        (one.node, str(one.rule), one.message, str(one.count), one.last, one.source, one.target, one.protocol)
        for one in verdict.alerts
    ]
    return Table(header, rows_)


def _checks(verdict: Verdict) -> Table:
    found = sorted(verdict.checks, key=lambda check: ORDER.index(check.status))
    whole = ORDER if len(found) <= MOST else BROKEN
    rows = [(one.where, one.rule, one.status.value, one.found) for one in found if one.status in whole]
    rest = Counter((one.rule, one.status.value) for one in found if one.status not in whole)
    rows += [(f"{count} places", *told, "each is in verdict.json") for told, count in rest.items()]
    return Table(("where", "check", "status", "found"), rows)
