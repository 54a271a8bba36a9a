"""`python -m tests.lab.faults`: the fault table against the running site, its score, and its reports."""

from __future__ import annotations

import argparse
import random
import signal
import sys
from collections.abc import Sequence

from tests.lab.faults import campaign, pairs, profile, report
from tests.lab.faults.ground import Ground, evidence_of
from tests.lab.faults.score import Result, Score, pods, said, score, total
from tests.lab.faults.table import Fault, faults
from underlay.judge.judge import judge
from underlay.plan.ends import planned

BAD = {Score.WRONG, Score.UNNAMED, Score.MISSED, Score.FALSE, Score.NOT_INJECTED}


def main(argv: list[str]) -> int:
    """Run the chosen part of the table; the exit code is 0 where every fault was named rightly and healed."""
    options = _options(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal; the fault is healed"))
    if options.profile:
        profile.switch(options.profile)
    ground = Ground()
    if options.pairs:
        return pairs.main(ground, options.pairs, options.seed, say)
    chosen = _chosen(faults(), options)

    def tell(result: Result) -> None:
        say(campaign.line(result))
        if options.report:
            report.write(ground.profile, [result], options.argv)

    results = _again(ground, chosen, tell) if options.rejudge else campaign.run(ground, chosen, tell)
    say(f"profile {ground.profile}, seed {options.seed}: {total(results)}")
    return 0 if len(results) == len(chosen) and all(result.good for result in results) else 1


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.lab.faults", description=__doc__)
    parser.add_argument("--profile", choices=["legacy", "bpf"], help="bring the site to this host routing first")
    parser.add_argument("--only", nargs="+", default=[], metavar="ID", help="these faults alone")
    parser.add_argument("--start", default="", metavar="ID", help="begin the table with this fault")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="as many, drawn by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=0, metavar="N", help="as many pairs of faults at once")
    parser.add_argument("--report", action="store_true", help="write docs/results/faults")
    parser.add_argument("--rejudge", action="store_true", help="judge the evidence that the last campaign kept")
    options = parser.parse_args(argv)
    if options.rejudge and options.report:
        parser.error("--rejudge has no run to report: its seconds and its silence are an older campaign's")
    options.argv = argv
    return options


def _chosen(table: Sequence[Fault], options: argparse.Namespace) -> list[Fault]:
    known = [fault.id for fault in table]
    if wrong := [name for name in [*options.only, options.start] if name and name not in known]:
        sys.exit(f"no fault {', '.join(wrong)}; there are {', '.join(known)}")
    table = [fault for fault in table if not options.only or fault.id in options.only]
    table = table[known.index(options.start) if options.start else 0 :]
    return random.Random(options.seed).sample(table, min(options.sample, len(table))) if options.sample else table


def _again(ground: Ground, chosen: Sequence[Fault], tell: campaign.Tell) -> list[Result]:
    """Judge evidence that was kept, without touching the site."""
    found = []
    for fault in chosen:
        path = campaign.folder(ground.profile) / f"{fault.id}.json"
        if path.exists():
            sessions = planned(ground.request.site)
            verdict = judge(ground.request.expected, evidence_of(path), sessions)
            expect = fault.expected(ground.profile)
            result = Result(fault.id, expect.text, score(expect, fault.also, verdict), said(verdict), pods(verdict))
            result.pods_expected, result.healed_after = expect.pods, 0.0
            found.append(result)
            tell(result)
    return found


def say(text: str) -> None:
    """Print at once, so that a campaign can be watched."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
