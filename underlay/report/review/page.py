"""The review's page: the questions with their answers, then everything behind them, then the way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from underlay.report.page import Block, Diff, Items, Link, Page, Picture, Section, Table, Words, anchor, together
from underlay.report.review.answers import GONE, QUESTIONS, TEAM, Case
from underlay.report.review.change import Changes, Text, grouped, grouped_sessions
from underlay.report.review.judged import findings_blocks, policy_blocks

NO = "Nothing of this changes."
BETWEEN = "Sessions of nodes with their routers; what changes between routers is in the routers' texts."


def review(case: Case, name: str, pictures: Sequence[Picture] = ()) -> Page:
    """Return the whole page."""
    sections = [
        Section("At a glance", [_answers(case)]),
        *(Section(title, blocks) for title, blocks in _parts(case)),
        *([Section("Pictures", pictures)] if pictures else []),
        Section("How to go back", _back(case, name)),
    ]
    ends = "" if case.changes.preview.complete else " The engine did not come to its end, so something may be missing."
    return Page(
        f"Review of stack {name}", f"What the preview says would change; nothing has been applied.{ends}", sections
    )


def _answers(case: Case) -> Table:
    places = {question: anchor(title) for question, _, title in QUESTIONS}
    rows = [(Link(question, f"#{places[question]}"), text) for question, text in case.answered.items()]
    return Table(("question", "answer"), rows)


def _parts(case: Case) -> list[tuple[str, list[Block]]]:
    changes = case.changes
    if case.judged.errors or case.judged.failures:
        return [("Findings", findings_blocks(case.judged)), ("Policies", policy_blocks(case.judged))]
    return [
        ("Findings", findings_blocks(case.judged)),
        ("Nodes", _table(("nodes", "what happens"), grouped(changes.nodes))),
        (
            "Sessions",
            [Words(BETWEEN), *_table(("router", "nodes", "what happens", "why"), grouped_sessions(changes.sessions))],
        ),
        ("Routers", _routers(changes)),
        ("Ranges", _ranges(case)),
        ("Ways", _ways(case)),
        ("Cilium", _cilium(changes)),
        *_detection(changes),
        ("Policies", policy_blocks(case.judged)),
        ("Resources", _resources(changes)),
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Block]:
    return [Table(header, rows)] if rows else [Words(NO)]


def _routers(changes: Changes) -> list[Block]:
    if not changes.routers:
        return [Words(NO)]
    blocks: list[Block] = []
    if changes.before.cluster and not changes.before.routers:
        blocks.append(Words("The state holds no former text of any router, so every line counts as new."))
    return [*blocks, *(Diff(_title(text), text.lines) for text in changes.routers)]


def _title(text: Text) -> str:
    lines = text.lines
    counts = [sum(line.startswith(mark) and not line.startswith(mark * 3) for line in lines) for mark in "+-"]
    return f"{text.router}: lines: {counts[0]} new, {counts[1]} gone; {text.owner.value}"


def _ranges(case: Case) -> list[Block]:
    rows = [(name, was or "-", will or "-") for name, was, will in case.changes.ranges]
    if case.moved:
        rows += [(one.kind, str(one.network), "-") for one in case.moved.gone]
        rows += [(one.kind, "-", str(one.network)) for one in case.moved.come]
    return _table(("range", "before", "after"), rows)


def _ways(case: Case) -> list[Block]:
    if case.moved is None:
        return [Words("Ways follow from the whole site, which a state does not hold; --against FILE compares them.")]
    return _table(("pods", "way before", "way after"), case.moved.ways)


def _cilium(changes: Changes) -> list[Block]:
    rows = [
        (
            one.what,
            "-" if one.before is None else one.before,
            "-" if one.after is None else one.after,
            ", ".join(one.effects),
        )
        for one in changes.release
    ]
    return _table(("what", "before", "after", "what it does"), rows)


def _detection(changes: Changes) -> list[tuple[str, list[Block]]]:
    """Return what intrusion detection sees and cannot see, before and after; no section where there is none."""
    sides = (changes.before.detection, changes.after.detection)
    if not any(sides):
        return []
    keys = (("capture point", "capture"), ("sees", "sees"), ("cannot see", "cannotSee"))
    rows = [(word, *(_listed(side.get(key)) for side in sides)) for word, key in keys]
    return [("Intrusion detection", [Table(("what", "before", "after"), rows)])]


def _listed(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value or "-")


def _resources(changes: Changes) -> list[Block]:
    rows: dict[tuple[str, str, str], list[str]] = {}
    for step in changes.steps:
        paths = together({path.partition("[")[0].partition(".")[0] for path in step.changed})
        rows.setdefault((step.op, step.kind, paths), []).append(step.name)
    made = [(op, kind, together(names), str(len(names)), paths) for (op, kind, paths), names in sorted(rows.items())]
    return _table(("step", "type", "names", "number", "inputs that differ"), made)


def _back(case: Case, name: str) -> list[Block]:
    changes = case.changes
    if case.judged.errors or case.judged.stops or case.judged.failures:
        return [Words("Nothing to go back from: the update would stop before it touches anything.")]
    if not changes.steps:
        return [Words("Nothing to go back from.")]
    if changes.is_first:
        return [
            Words(f"pulumi destroy -s {name} removes what this update makes; nodes get their former settings back.")
        ]
    steps = [
        f"Revert the commit, then pulumi up -s {name}: nodes, routers, sessions and Cilium follow the declaration.",
        *_costs(changes),
    ]
    return [Items(steps)]


def _costs(changes: Changes) -> list[str]:
    """Return what the way back costs, or what it does not bring back."""
    counts = Counter(one.what for one in changes.sessions)
    found = [f"The way back resets {counts['resets']} sessions again."] if counts["resets"] else []
    if changes.agents_restart:
        found.append("Agents restart once more; helm history cilium -n kube-system has the former revision, too.")
    if changes.leaving:
        found.append(f"{together(changes.leaving)} must join again; pods there start with new addresses.")
    if any(step.op in GONE for step in changes.steps):
        found.append("What is deleted is made anew, not restored.")
    if outside := [text.router for text in changes.routers if text.owner in TEAM]:
        found.append(f"The network team takes back its part of {together(outside)}.")
    return found
