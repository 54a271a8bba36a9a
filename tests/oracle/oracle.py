"""Ask chart, operator and agent what they make of a declaration, and compare with our own verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.paths import binaries, cache
from lab.toolchain import versions
from lab.toolchain.images import CHART
from tests.oracle.space import Row, declare
from underlay.chart.helm import render
from underlay.finding import Refused
from underlay.plan.chart.objects import configuration
from underlay.plan.chart.rendered import judge
from underlay.plan.checks import findings
from underlay.plan.checks.registry import REMOVED
from underlay.plan.values import helm_values

ALONE = [
    "unshare",
    "--net",
    "--mount",
    "--uts",
    "--cgroup",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
    "--propagation",
    "slave",
]
SOURCES = cache() / "go/mod/github.com/cilium" / f"cilium@v{versions.CILIUM}" / "bpf"
PLACE = ("netkit device probe failed", "needs kernel", "requires kernel", "requires pending kernel support")
"""Refusals by this machine's kernel: they say nothing about the configuration."""


@dataclass(frozen=True)
class Answer:
    """What they say about one declaration."""

    row: Row
    rules: tuple[str, ...] = ()
    """Our rules that refuse it."""
    chart: str = ""
    """Why the chart does not render; empty where it does."""
    agent: str = ""
    """Why the agent does not start; empty where it does, or where it is not asked."""
    operator: str = ""
    """The same of the operator."""
    rendered: tuple[str, ...] = field(default=())
    """Rules that the rendered objects break."""

    @property
    def missed(self) -> bool:
        """Return whether something is refused that we let through."""
        ours = self.rules or self.rendered
        by_place = any(text in self.agent for text in PLACE)
        return not ours and bool(self.chart or self.operator or (self.agent and not by_place))

    @property
    def refused(self) -> str:
        """Return why chart, operator or agent refuses it; empty where none does."""
        return self.chart or self.operator or self.agent

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        return asdict(self)


class Oracle:
    """A running agent's place, which takes one configuration after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, row: Row) -> Answer:
        """Return what plan, chart, operator and agent say."""
        declaration = declare(row)
        rules = {one.rule for one in findings(declaration) if one.severity == "error"}
        shown = {path: "(left out)" if value is REMOVED else value for path, value in row.items()}
        answer: dict[str, Any] = {"row": shown, "rules": tuple(sorted(rules))}
        site = declaration.site
        try:
            objects = render(str(cache() / CHART), helm_values(site), site.cluster.kubernetes)
        except Refused as refused:
            return Answer(**answer, chart=str(refused))
        rendered = tuple(sorted({one.rule for one in judge(site, objects)}))
        return Answer(**answer | {"rendered": rendered} | self._start(dict(configuration(objects))))

    def _start(self, options: dict[str, str]) -> dict[str, str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(options) + "\n")
        self.process.stdin.flush()
        said: dict[str, str] = json.loads(self.process.stdout.readline())
        return said


@contextmanager
def oracle() -> Iterator[Oracle]:
    """Yield an agent's place in namespaces of its own; nothing of it outlives the block."""
    program = [sys.executable, "-m", "tests.oracle.agent", str(cache() / "noderoot"), str(binaries())]
    words = [*ALONE, *program, str(SOURCES)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Oracle(process)
        finally:
            process.kill()
