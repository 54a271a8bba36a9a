"""One screen: a table of nodes, one of routers, then each finding with its witnesses and the next step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, TextIO, TypeVar

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from underlay.judge.verdict import Alert, Cause, Check, Lost, Status, Verdict
from underlay.report.columns import NODES, NOTHING, ROUTERS, Columns, age, counts, harmless, needed, rows

T = TypeVar("T", Alert, Check, Cause, Lost)
COLOURS = {"pass": "green", "fail": "bold red", "error": "bold magenta", "skipped": "dim", NOTHING: "dim"}
WIDTH = 120
"""Columns where the output is no terminal."""
NUMBERS = ("wire", "route", "programs-attached")
"""Checks whose numbers are shown for each node, also when they pass."""
SHOWN_ALERTS = 12
"""Rules of intrusion detection whose alerts the screen shows; the report file has them all."""
SHOWN_NODES = 6
"""Nodes whose numbers the screen shows; the report file has them all."""


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - called where the error is caught; the library would end with the code of a red verdict


def screen(stream: TextIO) -> Console:
    """Return what writes tables to a stream; with colour only to a terminal."""
    return _Screen(file=stream, highlight=False, width=None if stream.isatty() else WIDTH)


def show(verdict: Verdict, stream: TextIO, seconds_old: float) -> None:
    """Write the verdict; with colour only to a terminal."""
    screen(stream).print(Group(*_parts(_clean(verdict), seconds_old)))


def _clean(verdict: Verdict) -> Verdict:
    """Return the verdict with every text of a machine made harmless; line breaks and colours are ours alone."""
    return replace(
        verdict,
        checks=tuple(_texts(check) for check in verdict.checks),
        causes=tuple(
            replace(_texts(cause), witnesses=tuple(map(harmless, cause.witnesses))) for cause in verdict.causes
        ),
        lost=tuple(_texts(lost) for lost in verdict.lost),
        notes=tuple(map(harmless, verdict.notes)),
        alerts=tuple(map(_texts, verdict.alerts)),
    )


def _texts(item: T) -> T:
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    texts: dict[str, Any] = {name: harmless(value) for name, value in values.items() if type(value) is str}
    return replace(item, **texts)


def _parts(verdict: Verdict, seconds_old: float) -> Iterator[RenderableType]:
    yield Text.assemble(
        ("underlay ", "bold"),
        f"{verdict.site}: ",
        _word(verdict.status),
        f"  ({counts(verdict)}; {age(verdict, seconds_old)})",
    )
    yield _table("node", verdict, needed(verdict, NODES))
    yield _table("router", verdict, needed(verdict, ROUTERS))
    yield from _numbers(verdict)
    for cause in verdict.causes:
        yield _cause(cause)
    for lost in verdict.lost:
        yield _lost(lost)
    yield from _unnamed(verdict)
    yield from _alerts(verdict)
    for note in verdict.notes:
        yield Text(f"note: {note}", style="dim")


def _table(title: str, verdict: Verdict, columns: Columns) -> Table:
    table = Table(title, *columns, box=None, pad_edge=False, header_style="bold")
    for name, cells in rows(verdict, columns).items():
        table.add_row(name, *(Text(text, style=COLOURS[text]) for text in cells))
    return table


def _numbers(verdict: Verdict) -> Iterator[Text]:
    """Yield what was read in the kernel, one line for each node."""
    names = list(dict.fromkeys(check.where for check in verdict.checks if check.rule == "wire"))
    for name in names[:SHOWN_NODES]:
        found = {check.rule: check.found for check in verdict.checks if check.where == name}
        yield Text.assemble((f"{name}  ", "bold"), "; ".join(found.get(rule, NOTHING) for rule in NUMBERS))


def _cause(cause: Cause) -> Text:
    text = Text.assemble(("✗ ", "bold red"), (cause.sentence, "bold"), (f"  [{cause.rule}]", "dim"))
    for witness in cause.witnesses:
        text.append(f"\n    seen: {witness}")
    return text.append(f"\n    next: {cause.fix}")


def _lost(lost: Lost) -> Text:
    return Text.assemble(("✗ ", "bold red"), (lost.found, "bold"), f"\n    seen: {lost.last_seen}")


def _unnamed(verdict: Verdict) -> Iterator[Text]:
    """Yield the failed and unjudged checks that no cause speaks of."""
    named = {cause.where for cause in verdict.causes}
    for check in verdict.of(Status.FAIL, Status.ERROR):
        if check.where not in named or check.status is Status.ERROR:
            yield _check(check)


def _alerts(verdict: Verdict) -> Iterator[Text]:
    """Yield the alerts of intrusion detection, the most frequent first."""
    for alert in verdict.alerts[:SHOWN_ALERTS]:
        ends = f"{alert.source} to {alert.target} {alert.protocol}, {alert.last}"
        yield Text.assemble(
            ("! ", "bold yellow"), f"{alert.node} alert {alert.rule} {alert.message}: {alert.count} times, last {ends}"
        )
    if len(verdict.alerts) > SHOWN_ALERTS:
        yield Text(f"alerts of {len(verdict.alerts) - SHOWN_ALERTS} more rules", style="dim")


def _check(check: Check) -> Text:
    sign = ("✗ ", "bold red") if check.status is Status.FAIL else ("? ", "bold magenta")
    text = Text.assemble(sign, f"{check.where} {check.rule}: found {check.found}; expected {check.expected}.")
    return text.append(f"\n    next: {check.fix}") if check.fix else text


def _word(status: Status) -> tuple[str, str]:
    return status.value, COLOURS[status.value]
