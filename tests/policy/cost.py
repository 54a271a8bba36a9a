"""A campaign: what the pack costs on a preview of a thousand resources, against a pack that judges nothing.

Run by `make policy-cost`; both previews are run in turn, and the best of each is taken: other load only adds.
The processors' time of engine, program, provider and pack together is printed too: it depends least on other load.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.policy.engine import PACK, Engine, foreign_stack

RESOURCES, ROUNDS, LIMIT = 1000, 3, 1.3
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
    """Print both times and their ratio; not zero above the limit."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Path(folder))
        empty = Path(folder) / "empty"
        empty.mkdir()
        (empty / "PulumiPolicy.yaml").write_text("runtime: python\n", encoding="utf-8")
        (empty / "__main__.py").write_text(EMPTY, encoding="utf-8")
        project, file = foreign_stack(engine, PROGRAM)
        times: dict[Path, list[float]] = {empty: [], PACK: []}
        worked: dict[Path, list[float]] = {empty: [], PACK: []}
        for _ in range(ROUNDS):
            for pack, taken in times.items():
                start, before = time.monotonic(), _worked()
                outcome = engine.preview(project, file, pack)
                taken.append(time.monotonic() - start)
                worked[pack].append(_worked() - before)
                assert outcome.code == 0, outcome.text
    nothing, ours = (min(taken) for taken in times.values())
    idle, busy = (min(taken) for taken in worked.values())
    print(
        f"{RESOURCES} resources: {nothing:.1f} s with an empty pack, {ours:.1f} s with ours: {ours / nothing:.2f} times"
    )
    print(f"processors' time: {idle:.1f} s and {busy:.1f} s: {busy / idle:.2f} times")
    return 0 if ours <= LIMIT * nothing else 1


def _worked() -> float:
    """Return the processors' seconds of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
