"""Changes of the release under streams: what a preview says before, what is lost meanwhile, what holds afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from lab.toolchain.versions import CILIUM, FORMER
from tests.lab.site import Judged, until
from tests.lab.upgrade.ground import Bench, Figures, Step
from tests.lab.upgrade.mirror import Watch
from underlay.plan.chart.difference import release_changes

QUIET = 20
"""Seconds of the streams that nothing disturbs, for comparison."""
LINE = re.compile(r"^\s*(?:info: )?(\S[^:]*: .+ -> .+: restarts all agents.*)$")

VALUES = (
    Step("nothing, for comparison"),
    Step("a value of the operator", {"values": {"operator": {"podAnnotations": {"underlay-test": "1"}}}}),
    Step("back from it"),
    Step("services at random", {"load_balancing": {"algorithm": "random"}}),
    Step("back to maglev"),
    Step("host routing by BPF", {"host_routing": "bpf"}),
    Step("back to the kernel's"),
)
OLD, NEW = ({"version": version, "first_installed": FORMER.rpartition(".")[0]} for version in (FORMER, CILIUM))
RELEASES = (
    Step("nothing, for comparison", OLD, mirror=True),
    Step(f"{FORMER} to {CILIUM}", NEW, mirror=True),
    Step(f"back to {FORMER}", OLD, mirror=True),
    Step("agents restart", OLD, mirror=True, restart=True),
)


class Result(NamedTuple):
    """What one change did."""

    name: str
    seconds: float
    again: Sequence[str]
    """What the update said that had to be made again; nothing where it went at once."""
    restarted: int
    """Agents that are others than before."""
    streams: Figures
    mirror: dict[str, Any]
    told: tuple[str, ...]
    """What the preview said of it."""
    wrong: tuple[str, ...]
    """What did not pass; what the preview said and did not come, or did not say and came; what the mirror missed."""


def run(bench: Bench, steps: Sequence[Step]) -> Iterator[Result]:
    """Apply step after step to a site that is as the first one declares it."""
    bench.start()
    before, judged = steps[0], bench.judge()
    assert not red(judged), judged.text
    for step in steps:
        result, judged = watched(bench, before, step, judged)
        yield result
        before = step


def watched(bench: Bench, before: Step, step: Step, judged: Judged) -> tuple[Result, Judged]:
    """Preview, apply under streams, verify; say what was wrong."""
    bench.declare(step)
    foretold = said(bench.preview())
    agents, options = bench.agents(), bench.options()
    looking = Watch(bench, judged.document) if before.mirror and step.mirror else nullcontext()
    with looking as watch, bench.streams() as streams:
        begin = time.monotonic()
        again = carry_out(bench, before, step)
        seconds = time.monotonic() - begin
    after = bench.judge()
    mirror = watch.seen(after.document) if watch else None
    was, will = state(before, options), state(step, bench.options())
    came = {str(one) for one in release_changes(was, will)}
    wrong = (*red(after), *sorted({*foretold} ^ came), *(mirror.wrong if mirror else ()))
    new = restarted(agents, bench.agents())
    seen = mirror._asdict() if mirror else {}
    return Result(step.name, seconds, again, new, streams, seen, foretold, wrong), after


def carry_out(bench: Bench, before: Step, step: Step) -> Sequence[str]:
    """Do what a step is; return why an update had to be made again."""
    if step is before:
        until(lambda: False, QUIET)
    elif step.restart:
        bench.restart()
    else:
        return bench.update()
    return ()


def state(step: Step, options: Mapping[str, str]) -> dict[str, Any]:
    """Return what tells a release from another, as the product's resource has it."""
    return {"version": step.cilium.get("version", CILIUM), "options": options}


def red(judged: Judged) -> tuple[str, ...]:
    """Return what a verdict has against the site."""
    return tuple(" ".join(one) for one in (*judged.not_passed(), *judged.causes.items()))


def said(preview: str) -> tuple[str, ...]:
    """Return the lines of a preview that name a change of the release."""
    found = map(LINE.match, preview.splitlines())
    return tuple(dict.fromkeys(one[1].strip() for one in found if one))


def restarted(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    """Return how many nodes have another agent."""
    return sum(before.get(node) != agent for node, agent in after.items())
