"""`make upgrade`: the release changes under streams; prints what happened and keeps it in docs/results."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.lab.upgrade import changes, ground, mirror
from tests.lab.upgrade.ground import Bench
from tests.lab.upgrade.report import keep

STEPS = {"values": changes.VALUES, "releases": changes.RELEASES}


def main(argv: list[str]) -> int:
    """Apply change after change; exit code 1 where something is not as it should be."""
    parser = argparse.ArgumentParser(prog="tests.lab.upgrade", description=__doc__)
    parser.add_argument("part", choices=STEPS, help="of the running lab, or of one of its own that is made and ended")
    parser.add_argument("--keep", action="store_true", help="write the figures to docs/results")
    options, found = parser.parse_args(argv), []
    with ground.present() if options.part == "values" else own() as bench:
        for one in changes.run(bench, STEPS[options.part]):
            print(f"{datetime.now(UTC):%H:%M:%S} {json.dumps(one._asdict())}", flush=True)
            found.append(one)
            if options.keep:
                keep(options.part, found)
    wrong = [f"{one.name}: {text}" for one in found for text in one.wrong]
    print("\n".join(wrong) or "nothing was wrong")
    return 1 if wrong else 0


@contextmanager
def own() -> Iterator[Bench]:
    """Bring a lab of its own up with the release before, and what an engine needs there."""
    with ground.own() as bench:
        bench.declare(changes.RELEASES[0])
        mirror.prepare(bench)
        bench.update()
        yield bench


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
