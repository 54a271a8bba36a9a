"""Thousands of declarations, most of them wrong, some hostile: `python -m tests.campaigns.fuzz [COUNT] [SEED]`.

Each has to end as accepted or refused, in bounded time, with findings that are safe to print; what is accepted has to
have paths for all pods, and a plan without a line that nobody wrote into a template.
"""

from __future__ import annotations

import json
import random
import sys
import time
import traceback
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from tests.campaigns.big_site import big_site
from tests.campaigns.hostile import Data, hostile, mutated
from tests.campaigns.shapes import smuggled
from tests.campaigns.walk import strays
from tests.campaigns.whole_plan import whole_plan
from tests.unit.plan_sites import KEY
from tests.varied import varied
from underlay.finding import Finding, Refused
from underlay.model import Site, load_host_keys, load_site
from underlay.plan.checks import Declaration, findings
from underlay.plan.verification import expectations
from underlay.plan.waivers import judge, load_waivers

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 24)
SECONDS = 5.0
"""Longest processor time for one declaration; the longest inputs are texts of a million characters."""
VARIED = 12
"""Sites of random shape among those that are changed."""
LONGEST_MESSAGE = 4000


@dataclass
class Figures:
    """What became of the declarations."""

    accepted: int = 0
    refused: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    """Seconds of processor time, and the number of the declaration."""
    wrong: list[str] = field(default_factory=list)


def bases() -> list[Data]:
    """Return the right sites from which the others are made: the examples, and dual-homed racks below two spines."""
    stacks = [
        yaml.safe_load((ROOT / f"Pulumi.{name}.yaml").read_text(encoding="utf-8")) for name in ("dev", "production")
    ]
    examples: list[Data] = [stack["config"]["cilium-underlay:site"] for stack in stacks]
    rendered = deepcopy(examples[1])
    for router in rendered["routers"][1:]:
        router |= {"platform": "vrp", "managed": False}
    return [
        *examples,
        *examples,
        rendered,
        big_site(3),
        big_site(50),
        *(varied(examples[0], seed) for seed in range(VARIED)),
    ]


def declared(seed: int, number: int, sites: list[Data]) -> Data:
    """Return one declaration, always the same for a seed and a number."""
    pick = random.Random(f"{seed}/{number}")
    site: Any = mutated(pick, pick.choice(sites))
    if pick.random() < 0.02:
        site = hostile(pick)
    names = [machine.get("name") for kind in ("nodes", "routers") for machine in _items(site, kind)]
    keys: Any = {name: KEY for name in names if isinstance(name, str)}
    if pick.random() < 0.05:
        keys = hostile(pick) if pick.random() < 0.3 else {**keys, "cp-1": hostile(pick)}
    waivers: Any = []
    if pick.random() < 0.05:
        waivers = (
            hostile(pick)
            if pick.random() < 0.3
            else [{"rule": hostile(pick), "reason": "x", "allowed_by": "y", "until": hostile(pick)}]
        )
    return {"site": site, "hostKeys": keys, "waivers": waivers}


def _items(site: Any, kind: str) -> list[Data]:
    found = site.get(kind) if isinstance(site, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def read(data: Data) -> tuple[Site | None, list[Finding]]:
    """Read a declaration as the program does; no site when it is refused."""
    try:
        site, waivers = load_site(data["site"]), load_waivers(data["waivers"])
        declaration = Declaration(site, load_host_keys(data["hostKeys"]))
    except Refused as refused:
        return None, list(refused.findings)
    found = findings(declaration)
    refused_by = list(judge(found, waivers, TODAY).refused)
    return (None if refused_by else site), [*found, *refused_by]


def mistakes(site: Site | None, found: list[Finding]) -> list[str]:
    """Return what is wrong with the answer to a declaration."""
    wrong = [f"unsafe to print: {str(one)[:200]!r}" for one in found if not str(one).isprintable()]
    wrong += [
        f"{len(str(one))} characters long: {str(one)[:200]!r}" for one in found if len(str(one)) > LONGEST_MESSAGE
    ]
    if site is None:
        return wrong if found else [*wrong, "refused without a finding"]
    made = whole_plan(site)
    wrong += [f"accepted with a gap: {gap}" for gap in made["paths"]]
    wrong += [f"accepted, but {stray}" for stray in strays(expectations(site))]
    texts = made["router texts"]
    lines = [line for router in site.routers for line in smuggled(site, router, texts[router.name])]
    return wrong + [f"a line of no template: {line!r}" for line in lines]


def run(count: int, seed: int) -> Figures:
    """Judge so many declarations."""
    figures, sites = Figures(), bases()
    for number in range(count):
        data = declared(seed, number, sites)
        start = time.process_time()
        try:
            site, found = read(data)
            wrong = mistakes(site, found)
        except Exception:  # noqa: BLE001 - whatever is raised is what is looked for
            site, found, wrong = None, [], [traceback.format_exc(limit=-3)[-1500:]]
        seconds = time.process_time() - start
        wrong += [f"took {seconds:.1f} s"] if seconds > SECONDS else []
        figures.wrong += [f"declaration {number} of seed {seed}: {text}" for text in wrong]
        figures.accepted, figures.refused = figures.accepted + bool(site), figures.refused + (not site)
        figures.rules.update({one.rule for one in found})
        figures.slowest = max(figures.slowest, (seconds, number))
    return figures


def main(argv: list[str]) -> int:
    """Run the campaign and print its figures; return 1 when any answer was wrong."""
    count, seed = (*(int(word) for word in argv), *(20_000, 1)[len(argv) :])
    start = time.monotonic()
    figures = run(count, seed)
    for text in figures.wrong[:20]:
        print(text, file=sys.stderr)
    told = {
        "declarations": count,
        "seed": seed,
        "accepted": figures.accepted,
        "refused": figures.refused,
        "rules hit": len(figures.rules),
        "wrong answers": len(figures.wrong),
        "slowest, seconds of processor time": round(figures.slowest[0], 2),
        "slowest, number": figures.slowest[1],
        "seconds in all": round(time.monotonic() - start),
    }
    print(json.dumps(told, indent=2))
    return 1 if figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
