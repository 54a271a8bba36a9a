"""A campaign: what the pack costs on a preview of a thousand resources, against a pack that judges nothing.

Run by `make policy-cost`: pairs of previews in turn, the ratio of each pair, its middle and where that lies. The
processors' time of engine, program, provider and pack together is judged the same way: it depends least on other load.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab.paired import ratio
from tests.policy.engine import PACK, Engine, foreign_stack

RESOURCES, PAIRS, LIMIT = 1000, 5, 1.3
PROGRAM = f"""
import pulumi, pulumi_kubernetes as k
cluster = k.Provider("c", render_yaml_to_directory="rendered")
for number in range({RESOURCES}):
    k.core.v1.ConfigMap(f"m-{{number}}", metadata={{"name": f"m-{{number}}", "namespace": "x"}},
        data={{"a": "b" * 100, "number": str(number)}}, opts=pulumi.ResourceOptions(provider=cluster))
"""
EMPTY = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

PolicyPack("empty", enforcement_level=EnforcementLevel.MANDATORY, policies=[ResourceValidationPolicy(
    name="nothing", description="Judges nothing", validate=lambda args, report_violation: None)])
"""


def main() -> int:
    """Print both ratios; not zero where the middle of either is above the limit."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        empty = Path(folder) / "empty"
        empty.mkdir()
        (empty / "PulumiPolicy.yaml").write_text("runtime: python\n", encoding="utf-8")
        (empty / "__main__.py").write_text(EMPTY, encoding="utf-8")
        project, file = foreign_stack(engine, PROGRAM)
        pairs = [_pair(lambda pack: _preview(engine, project, file, pack), empty, number) for number in range(PAIRS)]
    clock, worked = (ratio([pair[index] for pair in pairs]) for index in (0, 1))
    print(f"{RESOURCES} resources, {PAIRS} pairs, load average {os.getloadavg()[0]:.1f}; ours : an empty pack")
    print(f"by the clock {clock.text}, processors' time {worked.text}")
    return 0 if max(clock.middle, worked.middle) <= LIMIT else 1


Cost = tuple[float, float]
"""Seconds by the clock, and of the processors."""


def _pair(preview: Callable[[Path], Cost], empty: Path, number: int) -> tuple[Cost, Cost]:
    """Return for clock and processors what our pack cost and what the empty one did; each goes first in turn."""
    order = (PACK, empty) if number % 2 else (empty, PACK)
    taken = {pack: preview(pack) for pack in order}
    clock, worked = zip(taken[PACK], taken[empty], strict=True)
    return clock, worked


def _preview(engine: Engine, project: Path, file: Path, pack: Path) -> Cost:
    start, before = time.monotonic(), _worked()
    outcome = engine.preview(project, file, pack)
    assert outcome.code == 0, outcome.text
    return time.monotonic() - start, _worked() - before


def _worked() -> float:
    """Return the processors' seconds of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
