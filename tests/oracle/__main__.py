"""`make oracle`: every rule's examples, a cover of pairs that we accept, and arbitrary rows, asked of the agent."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tests.oracle.oracle import Answer, oracle
from tests.oracle.space import Row, arbitrary, cover, declare, row
from underlay.plan.checks import RULES, findings

OPERATORS = ("pod-mask-outside-pool", "pod-pool-overlaps-pod-pool")
"""Rules of the addresses that the operator reads."""
OURS = sorted({*OPERATORS, *(name for name, one in RULES.items() if ".checks.cilium" in one.check.__module__)})


def main() -> int:
    """Ask, write every answer, and say how often the verdicts agree; not zero where we let a refused one through."""
    parser = argparse.ArgumentParser(prog="oracle", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the cover and of the arbitrary rows")
    parser.add_argument("--cover", type=int, default=None, help="rows of the cover at most; all without it")
    parser.add_argument("--rows", type=int, default=40, help="arbitrary rows")
    parser.add_argument("--without-examples", action="store_true", help="leave the rules' examples out")
    parser.add_argument("--start", default="", metavar="RULE", help="begin with these examples, without the cover")
    parser.add_argument("--out", default="build/oracle.json", help="file for every answer")
    arguments = parser.parse_args()
    arguments.refused = set()
    start, answers = time.monotonic(), []
    with oracle() as asked:
        for kind, one in _questions(arguments):
            answer = asked.ask(one)
            answers.append((kind, answer))
            _write(Path(arguments.out), answers)
            print(_line(kind, answer), file=sys.stderr, flush=True)
    print(_summary(answers, time.monotonic() - start))
    print(f"{sum(kind == 'cover' for kind, _ in answers)} rows of the cover, {len(arguments.refused)} pairs in no row")
    return 1 if any(answer.missed for _, answer in answers) else 0


def _questions(wanted: argparse.Namespace) -> Iterator[tuple[str, Row]]:
    chance = random.Random(wanted.seed)
    most = 0 if wanted.start else wanted.cover
    yield from (("cover", one) for one in islice(cover(chance, accepted, wanted.refused), most))
    for name in () if wanted.without_examples else (name for name in OURS if name >= wanted.start):
        yield f"bad {name}", RULES[name].bad
        yield f"good {name}", RULES[name].good
    yield from (("row", row(arbitrary(chance))) for _ in range(wanted.rows))


def accepted(one: Row) -> bool:
    """Return whether we accept a row."""
    return not any(finding.severity == "error" for finding in findings(declare(one)))


def _line(kind: str, answer: Answer) -> str:
    mark = "MISSED" if answer.missed else "agree " if bool(answer.rules) == bool(answer.refused) else "strict"
    return f"{mark} {kind}: ours {', '.join(answer.rules) or 'accept'}; {answer.refused or 'starts'}"


def _write(path: Path, answers: list[tuple[str, Answer]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{"kind": kind, **answer.to_json()} for kind, answer in answers], indent=1) + "\n")


def _summary(answers: list[tuple[str, Answer]], seconds: float) -> str:
    took = [answer for _, answer in answers if not answer.rules]
    missed = sum(answer.missed for answer in took)
    both = sum(bool(answer.rules and answer.refused) for _, answer in answers)
    strict = sum(bool(answer.rules) for _, answer in answers) - both
    return "\n".join(
        (
            f"{len(answers)} configurations in {seconds:.0f} s",
            f"{len(took)} accepted by us, {missed} of them refused by chart, operator or agent",
            f"{both} refused by both",
            f"{strict} refused by us alone: they start and then work wrongly, or differ from the site",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
