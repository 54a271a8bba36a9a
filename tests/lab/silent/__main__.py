"""`make silent`: what Cilium accepts and does wrongly, applied past our rules to the running site, measured, healed."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from lab.paths import repo
from tests.lab.faults.campaign import Unhealthy, healthy
from tests.lab.faults.ground import Broken, Ground
from tests.lab.faults.report import origin
from tests.lab.faults.score import NOT_PASSED
from tests.lab.silent import acts, measures, report
from tests.lab.silent.steps import AFTER, BEFORE
from tests.lab.silent.table import Case, groups, past_the_rules, together
from tests.lab.silent.world import World, ready
from underlay.judge.verdict import Verdict

KEPT = repo() / "docs" / "results" / "silent.json"
SHOWN, LONGEST, TRIES = 3, 200, 3
WRONG = (AssertionError, LookupError, ValueError, subprocess.SubprocessError)
"""What ends a look at a site that no longer answers."""


def main(argv: list[str]) -> int:
    """Play the chosen groups and keep what was seen; exit code 1 where a damage was not seen or stayed."""
    parser = argparse.ArgumentParser(prog="tests.lab.silent", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(groups()), metavar="GROUP", help="these groups alone")
    chosen = parser.parse_args(argv).only or list(groups())
    ground, good = Ground(), True
    try:
        healthy(ground)
    except (Broken, Unhealthy) as error:
        sys.exit(f"the site is not healthy, so nothing can be said of a silent error: {error}")
    try:
        with ready(ground) as world:
            for name in chosen:
                found = play(world, name, groups()[name])
                good = good and all(one["seen"] and one["healed"] for one in found.values())
                if not all(one["healed"] for one in found.values()):
                    break
    except WRONG as error:
        sys.exit(f"the campaign ends here, what was played is kept: {error_text(error)}")
    finally:
        report.write(KEPT)
    return 0 if good else 1


def play(world: World, name: str, group: list[Case]) -> dict[str, Any]:
    """Apply a group's values past the rules, look, take them back, and wait for silence."""
    begun, bad = time.monotonic(), together(group)
    try:
        if before := BEFORE.get(name):
            before(world)
        world.apply(past_the_rules(bad))
        verdict = world.verdict(bad)
        found = {case.id: look(world, case, verdict) for case in group}
    except WRONG as error:
        found = {case.id: lost(f"not applied: {error_text(error)}") for case in group}
    found = {number: one | {"group": name, **origin()} for number, one in found.items()}
    keep(found)
    healed = heal(world, name)
    for number, one in found.items():
        one |= {"healed": not healed}
        print(f"{'✓' if one['seen'] else '✗'} {number}: {one['damage']}", flush=True)
        print("    " + "\n    ".join([f"verdict: {one['verdict']}", *one["said"]]), flush=True)
    print(f"{name}: {time.monotonic() - begun:.0f} s; {healed or 'silent after it was taken back'}", flush=True)
    keep(found)
    return found


def heal(world: World, name: str) -> str:
    """Take a group's values back, once more where the site did not take it; return what is still wrong."""
    told = ""
    for _ in range(TRIES):
        try:
            world.apply(world.values)
            if after := AFTER.get(name):
                after(world)
            world.take_back()
        except WRONG as error:
            told = f"not taken back: {error_text(error)}"
        else:
            return _healed(world)
    return told


def look(world: World, case: Case, verdict: Verdict) -> dict[str, Any]:
    """Look for one damage; the verdict of that moment counts where the look took one."""
    world.noted = None
    try:
        seen, text = measure(case.measure)(world)
    except WRONG as error:
        seen, text = False, f"could not be looked at: {error_text(error)}"
    words = world.noted or verdict
    return {"seen": seen, "damage": text, "verdict": words.status.value, "said": words_of(words)}


def words_of(verdict: Verdict) -> list[str]:
    """Return what a verdict names: causes, then the first of each kind of check with the number of its places."""
    bad = verdict.of(*NOT_PASSED)
    places = Counter(check.rule for check in bad)
    first = {check.rule: check for check in reversed(bad)}
    told = [f"{rule} at {places[rule]} places: {first[rule].where}: {first[rule].found}" for rule in places]
    return [line[:LONGEST] for line in (*(f"{one.rule}: {one.sentence}" for one in verdict.causes[:SHOWN]), *told)]


def lost(text: str) -> dict[str, Any]:
    """Return what is kept of a case that could not be played."""
    return {"seen": False, "damage": text, "verdict": "none", "said": []}


def error_text(error: Exception) -> str:
    """Return an error in a few words."""
    return f"{type(error).__name__}: {str(error)[:400]}"


def _healed(world: World) -> str:
    """Return what the verdict still says after all its time; nothing where it is silent."""
    try:
        healthy(world.ground)
    except Unhealthy as error:
        return f"not silent after it was taken back: {error}"
    return ""


def measure(name: str) -> Callable[[World], measures.Seen]:
    """Return the function that looks for a damage."""
    found: Callable[[World], measures.Seen] = getattr(measures if hasattr(measures, name) else acts, name)
    return found


def keep(found: dict[str, Any]) -> None:
    """Put results beside those of earlier runs, each with its own commit."""
    before = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    KEPT.write_text(json.dumps(before | found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
