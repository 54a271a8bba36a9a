"""One fault after the other: inject, look, score, heal, and wait for silence."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.paths import state
from tests.lab.faults.ground import Broken, Ground, kept
from tests.lab.faults.score import Result, Score, pods, said, score, silent
from tests.lab.faults.table import Fault

TRIES = 2
"""Verdicts on one fault at most: routers and agents take seconds to react."""
PAUSE = 3.0
HEALING = 240.0
"""Seconds until silence has to be back."""

Tell = Callable[[Result], None]


class Unhealthy(Exception):
    """The site is not healthy, so nothing can be said of a fault."""


def healthy(ground: Ground, seconds: float = HEALING) -> float:
    """Wait until a verdict is silent and learn names from it; return the seconds, Unhealthy when it never is."""
    begun = time.monotonic()
    while True:
        verdict = ground.verify()
        if silent(verdict):
            ground.learn()
            return round(time.monotonic() - begun, 1)
        if time.monotonic() - begun > seconds:
            raise Unhealthy("; ".join(said(verdict)))
        time.sleep(1)


def one(ground: Ground, fault: Fault) -> Result:
    """Return what the verdicts made of one fault; the site is healed afterwards."""
    expect = fault.expected(ground.profile)
    result = Result(fault.id, expect.text, Score.NOT_INJECTED, pods_expected=expect.pods)
    begun = time.monotonic()
    try:
        ground.run(fault.inject)
        time.sleep(fault.settle)
        _look(ground, fault, result)
    except Broken as error:
        result.detail = str(error)
    finally:
        result.detail += ground.heal(fault.heal)
    result.seconds = round(time.monotonic() - begun, 1)
    try:
        result.healed_after = healthy(ground)
    except Unhealthy as error:
        result.detail = f"not silent after healing: {error}"
    return result


def _look(ground: Ground, fault: Fault, result: Result) -> None:
    """Take verdicts until the fault is named as expected; the evidence of each is kept for another judge."""
    expect = fault.expected(ground.profile)
    for number in range(1, TRIES + 1):
        verdict = ground.verify()
        result.score, result.said, result.pods = score(expect, fault.also, verdict), said(verdict), pods(verdict)
        result.verdicts = number
        keep(ground, fault.id)
        if result.score is Score.RIGHT and result.pods_expected in ("", result.pods):
            return
        time.sleep(PAUSE)
        if fault.undone and number < TRIES:
            ground.heal(fault.inject)


def keep(ground: Ground, name: str) -> None:
    """Keep the last evidence in the state folder."""
    assert ground.evidence
    folder(ground.profile).mkdir(parents=True, exist_ok=True)
    (folder(ground.profile) / f"{name}.json").write_text(kept(ground.evidence), encoding="utf-8")


def folder(profile: str) -> Path:
    """Return where a campaign keeps its evidence."""
    return state() / "faults" / profile


def run(ground: Ground, chosen: Sequence[Fault], tell: Tell) -> list[Result]:
    """Return the results of all chosen faults; the campaign ends where the site does not heal."""
    healthy(ground)
    results: list[Result] = []
    for fault in chosen:
        results.append(result := one(ground, fault))
        tell(result)
        if result.healed_after is None:
            break
    return results


def line(result: Result) -> str:
    """Return a result in one line, with what was said where it is not right."""
    sign = "✓" if result.good else "✗"
    text = f"{sign} {result.fault}: {result.score.value} (expected {result.expected}); pods {result.pods or '?'}"
    text += f"; {result.verdicts} verdicts, {result.seconds} s, silent after {result.healed_after} s"
    if result.good:
        return text
    return "\n    ".join([text, *filter(None, [result.detail]), *result.said[:12]])
