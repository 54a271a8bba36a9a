"""Two faults at once: pairs drawn by a seed, both to be named by one verdict."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from tests.lab.faults.campaign import TRIES, Unhealthy, healthy, keep
from tests.lab.faults.ground import Broken, Ground
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
    """Run the pairs and print how many were named in full; exit code 0 from four fifths on."""
    pairs = draw(faults(), ground.profile, count, seed)
    healthy(ground)
    full = single = 0
    for pair in pairs:
        named = _one(ground, pair, say)
        full += all(named)
        single += sum(named)
        try:
            healthy(ground)
        except Unhealthy as error:
            say(f"not silent after {pair[0].id} + {pair[1].id}: {error}")
            return 1
    share = full / max(1, len(pairs))
    figures = f"{full} of {len(pairs)} pairs with both named ({share:.0%}), {single} of {2 * len(pairs)} faults"
    say(f"profile {ground.profile}, seed {seed}: {figures}")
    return 0 if share >= WANTED else 1


def _one(ground: Ground, pair: Pair, say: Callable[[str], None]) -> list[bool]:
    expects = [fault.expected(ground.profile) for fault in pair]
    named = [False, False]
    try:
        for fault in pair:
            ground.run(fault.inject)
        time.sleep(max(fault.settle for fault in pair))
        for _ in range(TRIES):
            verdict = ground.verify()
            keep(ground, f"pair-{pair[0].id}+{pair[1].id}")
            if all(named := both_named(pair, expects, verdict)):
                break
            time.sleep(PAUSE)
        text = " + ".join(f"{fault.id} {'✓' if good else '✗'}" for fault, good in zip(pair, named, strict=True))
        say("\n    ".join([text, *([] if all(named) else said(verdict)[:10])]))
    except Broken as error:
        say(f"{pair[0].id} + {pair[1].id}: {error}")
    finally:
        for fault in reversed(pair):
            ground.heal(fault.heal)
    return named
