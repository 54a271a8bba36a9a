"""Two faults at once: pairs drawn by a seed, both to be named by one verdict."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence

from lab.paths import repo
from tests.lab.faults.campaign import TRIES, Unhealthy, healthy, keep
from tests.lab.faults.ground import Broken, Ground
from tests.lab.faults.report import FOLDER, origin
from tests.lab.faults.score import both_named, said
from tests.lab.faults.table import Fault, Profile, faults

WANTED = 0.8
"""Share of pairs of which both have to be named."""
PAUSE = 3.0

Pair = tuple[Fault, Fault]


def draw(table: Sequence[Fault], profile: Profile, count: int, seed: int) -> list[Pair]:
    """Return pairs of faults at different machines, each of which shows in this profile."""
    usable = [fault for fault in table if not fault.alone and not fault.expected(profile).silent]
    found = [
        (one, other) for one in usable for other in usable if one.id < other.id and not places(one) & places(other)
    ]
    return random.Random(seed).sample(found, min(count, len(found)))


def places(fault: Fault) -> set[str]:
    """Return the machines that a fault touches."""
    return {place.removeprefix("pod ") for entry in fault.inject for place in entry}


def main(ground: Ground, count: int, seed: int, say: Callable[[str], None]) -> int:
    """Run the pairs and print how many were named in full; exit code 0 if all were run, and from four fifths on."""
    pairs = draw(faults(), ground.profile, count, seed)
    healthy(ground)
    lines: list[list[str]] = []
    named: list[list[bool]] = []
    for pair in pairs:
        named.append(_one(ground, pair, lines))
        say("\n    ".join(lines[-1]))
        _record(ground.profile, seed, _figures(ground.profile, seed, named, len(pairs)), lines)
        try:
            healthy(ground)
        except Unhealthy as error:
            say(f"not silent after {pair[0].id} + {pair[1].id}: {error}")
            return 1
    say(_figures(ground.profile, seed, named, len(pairs)))
    return 0 if sum(map(all, named)) >= WANTED * len(pairs) else 1


def _figures(profile: str, seed: int, named: Sequence[Sequence[bool]], wanted: int) -> str:
    full, single = sum(map(all, named)), sum(map(sum, named))
    share = f"{full} of {len(named)} pairs with both named ({full / len(named):.0%})"
    run = "" if len(named) == wanted else f"; {wanted} were wanted"
    return f"profile {profile}, seed {seed}: {share}, {single} of {2 * len(named)} faults{run}"


def _record(profile: str, seed: int, figures: str, lines: Sequence[Sequence[str]]) -> None:
    command = f"python -m tests.lab.faults --pairs {len(lines)} --seed {seed}"
    content = {"profile": profile, "command": command, **origin(), "figures": figures, "pairs": lines}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (repo() / FOLDER / f"pairs-{profile}.json").write_text(text, encoding="utf-8")


def _one(ground: Ground, pair: Pair, lines: list[list[str]]) -> list[bool]:
    expects = [fault.expected(ground.profile) for fault in pair]
    named = [False, False]
    told: list[str] = []
    try:
        for fault in pair:
            ground.run(fault.inject)
        time.sleep(max(fault.settle for fault in pair))
        for _ in range(TRIES):
            verdict = ground.verify()
            keep(ground, f"pair-{pair[0].id}+{pair[1].id}")
            told = said(verdict)[:10]
            if all(named := both_named(pair, expects, verdict)):
                break
            time.sleep(PAUSE)
    except Broken as error:
        told = [str(error)]
    finally:
        for fault in reversed(pair):
            ground.heal(fault.heal)
    text = " + ".join(f"{fault.id} {'✓' if good else '✗'}" for fault, good in zip(pair, named, strict=True))
    lines.append([text, *([] if all(named) else told)])
    return named
