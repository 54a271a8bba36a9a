"""`make upgrade`: the release changes under streams; prints what happened and keeps it in docs/results."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime

from tests.lab.upgrade import changes
from tests.lab.upgrade.ground import present
from tests.lab.upgrade.report import keep

NAME = "values"


def main(argv: list[str]) -> int:
    """Apply change after change to the running lab; exit code 1 where something is not as it should be."""
    parser = argparse.ArgumentParser(prog="tests.lab.upgrade", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="write the figures to docs/results")
    kept, found = parser.parse_args(argv).keep, []
    with present() as bench:
        for one in changes.run(bench):
            print(f"{datetime.now(UTC):%H:%M:%S} {json.dumps(one._asdict())}", flush=True)
            found.append(one)
            if kept:
                keep(NAME, found)
    wrong = [f"{one.name}: {text}" for one in found for text in one.wrong]
    print("\n".join(wrong) or "nothing was wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
