"""Changes of the release under streams: what a preview says before, what is lost meanwhile, what holds afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.lab.site import until
from tests.lab.upgrade.ground import Bench, Figures
from underlay.plan.chart.difference import release_changes

QUIET = 20
"""Seconds of the streams that nothing disturbs, for comparison."""
VALUE = {"values": {"conntrackGCInterval": "2m"}}
"""Changes nothing but when an agent sweeps a table, so what is lost is the restart's."""
LINE = re.compile(r"^\s*(?:info: )?(\S[^:]*: .+ -> .+: restarts all agents.*)$")


class Step(NamedTuple):
    """A declaration that is applied after another."""

    name: str
    cilium: Mapping[str, Any]


STEPS = (
    Step("nothing, for comparison", {}),
    Step("a value of the chart", VALUE),
    Step("back, without the value", {}),
    Step("host routing by BPF", {"host_routing": "bpf"}),
    Step("back, host routing by the kernel", {}),
)


class Result(NamedTuple):
    """What one change did."""

    name: str
    seconds: float
    restarted: int
    """Agents that are others than before."""
    streams: Figures
    told: tuple[str, ...]
    """What the preview said of it."""
    wrong: tuple[str, ...]
    """What the preview said and did not come, or did not say and came."""


def run(bench: Bench) -> Iterator[Result]:
    """Apply step after step to the running site, and back to where it began."""
    bench.start()
    before = STEPS[0]
    for step in STEPS:
        yield watched(bench, before, step)
        before = step


def watched(bench: Bench, before: Step, step: Step) -> Result:
    """Preview, apply under streams, verify; say what the preview had wrong."""
    bench.green()
    bench.declare(step.cilium)
    foretold = said(bench.preview())
    agents, options = bench.agents(), bench.options()
    with bench.streams() as streams:
        begin = time.monotonic()
        until(lambda: False, QUIET) if step is before else bench.update()
        seconds = time.monotonic() - begin
    bench.green()
    came = {str(one) for one in release_changes({"options": options}, {"options": bench.options()})}
    wrong = tuple(sorted({*foretold} ^ came))
    return Result(step.name, seconds, restarted(agents, bench.agents()), streams, foretold, wrong)


def said(preview: str) -> tuple[str, ...]:
    """Return the lines of a preview that name a change of the release."""
    found = map(LINE.match, preview.splitlines())
    return tuple(dict.fromkeys(one[1].strip() for one in found if one))


def restarted(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    """Return how many nodes have another agent."""
    return sum(before.get(node) != agent for node, agent in after.items())
