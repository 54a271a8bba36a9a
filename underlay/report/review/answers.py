"""What a reviewer asks, and what the preview answers, in one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from underlay.plan.chart.difference import VERSION
from underlay.report.page import together
from underlay.report.review.change import Changes, Owner
from underlay.report.review.judged import Judged
from underlay.report.review.ways import Moved

TEAM = {Owner.TEAM: "before", Owner.HANDED_OVER: "after"}
"""When a team applies its router's text: what was ours goes as the update ends, and would take it along."""
"""The network team applies the text."""
REASONS = 3
"""As many stand in an answer."""
APART = (
    " Routers change at once, nodes when all agents are back: what has to agree at both ends is down until then. "
    "Apply the two changes one after the other."
)
POOL, MASK = "pod pools", "pod network of a node"
GONE = frozenset({"delete", "replace", "create-replacement", "delete-replaced", "discard", "discard-replaced"})


@dataclass(frozen=True)
class Case:
    """Everything that is known when a reviewer asks."""

    changes: Changes
    judged: Judged
    moved: Moved | None
    """None: the site was not compared with a former one."""

    @cached_property
    def answered(self) -> Mapping[str, str]:
        """Return each question with its answer."""
        return answers(self)


def refused(case: Case) -> str:
    """Answer whether the change can be applied at all."""
    stops = len({one.name for one in case.judged.stops})
    counts = ((len(case.judged.errors), "finding"), (stops, "policy rule"), (len(case.judged.failures), "other error"))
    parts = [_number(count, word) for count, word in counts if count]
    if parts:
        return f"Yes, by {' and '.join(parts)}; nothing would be applied."
    return "No." if case.changes.preview.complete else "Unknown: the engine's events end before its summary."


def anything(case: Case) -> str:
    """Answer what the engine would do."""
    counts = Counter(step.op for step in case.changes.steps)
    if not counts:
        return "No resource changes."
    first = "Everything is new: " if case.changes.is_first else ""
    return first + ", ".join(f"{count} {op}" for op, count in sorted(counts.items())) + "."


def nodes_worked_on(case: Case) -> str:
    """Answer which nodes a program runs on."""
    found = [one.node for one in case.changes.nodes if one.what != ("leaves",)]
    return _named(found, "node") if found else "None."


def come_and_go(case: Case) -> str:
    """Answer which nodes join or leave."""
    pairs = (("joining", case.changes.joining), ("leaving", case.changes.leaving))
    return _sentence([f"{word}: {together(names)}" for word, names in pairs if names]) or "None."


def addresses(case: Case) -> str:
    """Answer whether a running pod loses its address."""
    if case.changes.is_first:
        return "No: no pod is known to run yet."
    parts = [f"{name} {was or 'nothing'} -> {will or 'nothing'}" for name, was, will in case.changes.ranges]
    lost = [part for part in parts if part.startswith((MASK, POOL))]
    lost = [] if _only_appended(case) else lost
    lost += [f"pods of {together(case.changes.leaving)} start elsewhere"] if case.changes.leaving else []
    return f"Yes: {'; '.join(lost)}." if lost else "No."


def _only_appended(case: Case) -> bool:
    old, new = (list(side.cluster.get("podPool") or ()) for side in (case.changes.before, case.changes.after))
    same = case.changes.before.cluster.get("podMask") == case.changes.after.cluster.get("podMask")
    return same and new[: len(old)] == old


def agents(case: Case) -> str:
    """Answer whether agents are started anew."""
    if case.changes.is_first:
        return "No: they start for the first time."
    if not case.changes.agents_restart:
        return f"No.{_one_by_one(case)}"
    restart = case.changes.before.peer.get("gracefulRestart") or {}
    seconds = restart.get("restartTimeSeconds") if restart.get("enabled") else 0
    kept = (
        f"routers keep each node's routes for {seconds} s" if seconds else "routers drop each node's routes meanwhile"
    )
    return f"Yes, on all {len(case.changes.before.nodes)} nodes, node after node; {kept}."


def _one_by_one(case: Case) -> str:
    return f" Those of {together(case.changes.joining)} start for the first time." if case.changes.joining else ""


def sessions(case: Case) -> str:
    """Answer which sessions come, go or reset."""
    counts = Counter(one.what for one in case.changes.sessions)
    words = {"resets": "reset", "comes": "new", "goes": "gone"}
    parts = [f"{counts[what]} {word}" for what, word in words.items() if counts[what]]
    reasons = list(dict.fromkeys(one.why for one in case.changes.sessions if one.what == "resets"))
    many = f"for {len(reasons)} reasons, below"
    why = f" ({'; '.join(reasons) if len(reasons) <= REASONS else many})" if reasons else ""
    total, late = len(case.changes.before.sessions), APART if counts["resets"] and case.changes.agents_restart else ""
    return f"{', '.join(parts)}{why}; {total} were there before.{late}" if parts else "None resets, comes or goes."


def routers(case: Case) -> str:
    """Answer which routers are configured by the update."""
    found = [text.router for text in case.changes.routers if text.owner is not Owner.TEAM]
    return _named(found, "router") if found else "None."


def team(case: Case) -> str:
    """Answer what the network team has to do before the merge."""
    routers = {when: [one.router for one in case.changes.routers if one.owner is owner] for owner, when in TEAM.items()}
    told = [f"The new text of {together(names)}, below, {when} the update." for when, names in routers.items() if names]
    return " ".join(told) or "Nothing."


def ways(case: Case) -> str:
    """Answer whether pods take other ways."""
    if case.moved is None:
        return "Not compared: name the former stack file by --against FILE."
    if not case.moved.ways:
        return "No."
    return f"Yes, {_number(len(case.moved.ways), 'class', 'classes')} of node pairs."


def ranges(case: Case) -> str:
    """Answer whether address ranges change."""
    changed = [] if case.changes.is_first else [one for one in case.changes.ranges if one[1]]
    found = [f"{name} {was} -> {will or 'nothing'}" for name, was, will in changed]
    told = {network for _, *sides in changed for side in sides for network in side.split(", ")}
    sides = (("goes", case.moved.gone), ("comes", case.moved.come)) if case.moved else ()
    found += [
        f"{one.kind} {one.network} {word}" for word, side in sides for one in side if str(one.network) not in told
    ]
    return _sentence(found) if found else "No." if not case.changes.is_first else "All of them are new."


def cilium(case: Case) -> str:
    """Answer what changes of Cilium."""
    found = case.changes.release
    if case.changes.is_first:
        return f"Installed: {case.changes.after.release.get('version') or 'no version known'}."
    if not found:
        return "Values only; nothing of the agents or the operator." if case.changes.values_change else "Nothing."
    version = [f"version {one.before} -> {one.after}" for one in found if one.what == VERSION]
    rest = len(found) - len(version)
    parts = [*version, *([f"{_number(rest, 'change')}{' besides' if version else ''}"] if rest else [])]
    effects = sorted({effect for one in found for effect in one.effects})
    return f"{', '.join(parts)}{': ' if effects else ''}{', '.join(effects)}."


def gone(case: Case) -> str:
    """Answer what is deleted or made anew."""
    found = [step.name for step in case.changes.steps if step.op in GONE]
    return f"{together(dict.fromkeys(found))}." if found else "Nothing."


def programs(case: Case) -> str:
    """Answer whether another program runs as root."""
    old, new = case.changes.before.programs, case.changes.after.programs
    found = [name for name in new if name in old and old[name] != new[name]]
    return f"Yes, on {together(found)}." if found else "No: those that run are the ones of the last update."


def policies(case: Case) -> str:
    """Answer what the policy pack says."""
    if not case.judged.judged:
        return "It was not asked."
    counts = Counter(one.level for one in case.judged.policies)
    return ", ".join(f"{count} {level}" for level, count in sorted(counts.items())) + "." if counts else "Nothing."


def waivers(case: Case) -> str:
    """Answer which exceptions are in force."""
    found = [one.rule for one in case.judged.warnings if one.waived]
    rest = len(case.judged.warnings) - len(found)
    parts = [f"{', '.join(found)}"] if found else []
    return _sentence([*parts, *([f"{_number(rest, 'warning')} besides"] if rest else [])]) or "None."


def _named(names: list[str], word: str) -> str:
    return f"{_number(len(names), word)}: {together(names)}."


def _number(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or f'{one}s'}"


def _sentence(parts: list[str]) -> str:
    text = "; ".join(part for part in parts if part)
    return f"{text}." if text else ""


def answers(case: Case) -> dict[str, str]:
    """Return each question with its answer; where the preview was cut short, little is known."""
    cut = bool(case.judged.errors or case.judged.failures)
    return {question: CUT if cut and answer not in ALWAYS else answer(case) for question, answer, _ in QUESTIONS}


CUT = "Not known: the preview ended where it was refused."
ALWAYS = (refused, policies, waivers, ways)
Answer = Callable[[Case], str]
QUESTIONS: tuple[tuple[str, Answer, str], ...] = (
    ("Is it refused?", refused, "Findings"),
    ("What would the engine do?", anything, "Resources"),
    ("Does any pod lose its address?", addresses, "Ranges"),
    ("Do agents restart?", agents, "Cilium"),
    ("Which BGP sessions reset, come or go?", sessions, "Sessions"),
    ("Do pods take other ways?", ways, "Ways"),
    ("What must the routers get before we merge?", team, "Routers"),
    ("Which routers does the update configure?", routers, "Routers"),
    ("Which nodes does it work on?", nodes_worked_on, "Nodes"),
    ("Which nodes join or leave?", come_and_go, "Nodes"),
    ("Does another program run as root?", programs, "Nodes"),
    ("Do address ranges change?", ranges, "Ranges"),
    ("What changes of Cilium?", cilium, "Cilium"),
    ("Is anything deleted or made anew?", gone, "Resources"),
    ("What does the policy pack say?", policies, "Policies"),
    ("Which exceptions are in force?", waivers, "Findings"),
)
"""Question, answer, and the section that says more."""
