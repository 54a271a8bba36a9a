"""What a plan costs by the number of nodes: `python -m tests.campaigns.scale [FOLDER]` measures and draws the curve.

Each size has a process of its own, because memory is never given back. Seconds are processor time: one core, whatever
else the machine does.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import yaml

from tests.campaigns.big_site import PER_RACK, big_site
from tests.campaigns.curve import curve
from tests.campaigns.whole_plan import STAGES
from tests.unit.plan_sites import host_keys
from underlay.model import load_site
from underlay.plan.checks import Declaration, findings

T = TypeVar("T")
Costs = dict[str, float]

RESULTS = Path(__file__).parents[2] / "docs" / "results"
SIZES = (100, 500, 1000, 2500, 5000, 7500, 10_000)
SMALL, LIMIT_NODES, LIMIT_SECONDS, LIMIT_BYTES = 1000, 5000, 3.0, 10**9
"""A size to compare with, Kubernetes' own limit of nodes, and what a plan of so many may cost."""
OUTSIDE = ("YAML", "memory")
"""What is measured beside the plan: reading the text, and the largest memory of the process in bytes."""
STEEPEST = 1.6
"""How much more a node may cost among many than among few: 1 is a straight line through zero."""


def measured(nodes: int) -> Costs:
    """Return the seconds of each stage for a site of so many nodes, and the memory of this process."""
    text = yaml.dump(big_site(nodes), Dumper=yaml.CSafeDumper)
    costs: Costs = {}
    data = _timed(costs, "YAML", lambda: yaml.load(text, Loader=yaml.CSafeLoader))
    site = _timed(costs, "model", lambda: load_site(data))
    declaration = Declaration(site, host_keys(data))
    found = _timed(costs, "findings", lambda: findings(declaration))
    if errors := [str(one) for one in found if one.severity == "error"]:
        raise SystemExit(f"the site of {nodes} nodes is refused: {errors[0]}")
    for name, stage in STAGES.items():
        _timed(costs, name, partial(stage, site))
    return costs | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0}


def _timed(costs: Costs, name: str, run: Callable[[], T]) -> T:
    start = time.process_time()
    made = run()
    costs[name] = time.process_time() - start
    return made


def total(costs: Costs) -> float:
    """Return the seconds of the plan."""
    return sum(seconds for name, seconds in costs.items() if name not in OUTSIDE)


def apart(nodes: int, runs: int = 1) -> Costs:
    """Return the costs of the fastest of some runs, each in a fresh process."""
    program = [sys.executable, "-m", "tests.campaigns.scale", "--only", str(nodes)]
    made = [subprocess.run(program, check=True, capture_output=True, text=True).stdout for _ in range(runs)]
    found: list[Costs] = [json.loads(text) for text in made]
    return min(found, key=total)


def steepness(costs: dict[int, Costs], small: int, large: int) -> float:
    """Return how much more a node costs in a large site than in a small one."""
    return (total(costs[large]) / large) / (total(costs[small]) / small)


def table(costs: dict[int, Costs]) -> str:
    """Return the costs as a table in Markdown, a row for each size."""
    stages = [name for name in costs[min(costs)] if name not in OUTSIDE]
    head = ["nodes", "racks", *stages, "**plan**", "memory, MB", "YAML beside it"]
    rows = [
        [
            f"{nodes:,}",
            f"{-(-nodes // PER_RACK)}",
            *(f"{cost[name]:.2f}" for name in stages),
            f"**{total(cost):.2f}**",
            f"{cost['memory'] / 1e6:.0f}",
            f"{cost['YAML']:.2f}",
        ]
        for nodes, cost in costs.items()
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def page(costs: dict[int, Costs]) -> str:
    """Return the page of results."""
    at = costs[LIMIT_NODES]
    return f"""# What a plan costs

Made by `make scale`; seconds of processor time on one core, from parsed YAML to everything that follows from it: model,
findings, paths, Helm values, objects, texts of all routers, inputs of all nodes, cluster file, expectations.
Racks of {PER_RACK} nodes, two routers each, every node at both, two spines; each size in a process of its own.

{LIMIT_NODES:,} nodes (the limit of Kubernetes): **{total(at):.2f} s** of {LIMIT_SECONDS:.0f} s and
**{at["memory"] / 1e6:.0f} MB** of {LIMIT_BYTES / 1e6:,.0f} MB; a node costs
{steepness(costs, SMALL, LIMIT_NODES):.2f} times what it costs among {SMALL:,}.

![seconds and memory by the number of nodes](scale.svg)

{table(costs)}
"""


def main(argv: list[str]) -> int:
    """Measure all sizes, print the table, write page and picture; return 1 beyond the limits."""
    if argv[:1] == ["--only"]:
        print(json.dumps(measured(int(argv[1]))))
        return 0
    folder = Path(argv[0]) if argv else RESULTS
    costs = {nodes: apart(nodes, runs=2) for nodes in SIZES}
    print(table(costs))
    (folder / "scale.md").write_text(page(costs), encoding="utf-8")
    (folder / "scale.svg").write_text(drawn(costs), encoding="utf-8")
    at = costs[LIMIT_NODES]
    steep = steepness(costs, SMALL, LIMIT_NODES)
    return 1 if total(at) > LIMIT_SECONDS or at["memory"] > LIMIT_BYTES or steep > STEEPEST else 0


def drawn(costs: dict[int, Costs]) -> str:
    """Return the picture: seconds and memory over nodes."""
    seconds: list[tuple[float, float]] = [(nodes, total(cost)) for nodes, cost in costs.items()]
    memory: list[tuple[float, float]] = [(nodes, cost["memory"] / 1e6) for nodes, cost in costs.items()]
    return curve("nodes", [("seconds of one core", seconds), ("megabytes", memory)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
