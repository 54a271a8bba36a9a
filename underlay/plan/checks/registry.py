"""The table of rules: a name, and a function that yields what it finds wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import cleandoc
from typing import NamedTuple

from underlay.finding import Finding, Severity
from underlay.model import Link, Node, Rack, Router, Site
from underlay.plan.chart.settings import Settings
from underlay.plan.paths import Solution, solve
from underlay.plan.paths.gaps import Gap, gaps
from underlay.plan.ranges import Range, overlapping, ranges


@dataclass(frozen=True)
class Declaration:
    """Everything that a person has declared about a site."""

    site: Site
    host_keys: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """Return every address range of the site."""
        return tuple(ranges(self.site))

    @cached_property
    def overlaps(self) -> Mapping[tuple[str, str], list[tuple[Range, Range]]]:
        """Return the ranges that share addresses, by their two kinds."""
        found: dict[tuple[str, str], list[tuple[Range, Range]]] = {}
        for one, other in overlapping(self.ranges):
            found.setdefault((one.kind, other.kind), []).append((one, other))
        return found

    @cached_property
    def settings(self) -> Settings:
        """Return the values of the site's release."""
        return Settings(self.site)

    @cached_property
    def paths(self) -> Solution:
        """Return how pods reach each other, which several rules look at."""
        return solve(self.site)

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Return the pairs of racks without a way, each with its cause."""
        return tuple(gaps(self.paths))

    def placed(self) -> Iterator[tuple[int, Node, Rack]]:
        """Yield each node whose rack exists, with its place in the list."""
        for index, node in enumerate(self.site.nodes):
            if node.rack in self.site.rack_names:
                yield index, node, self.site.rack(node.rack)

    def links(self) -> Iterator[tuple[str, Link]]:
        """Yield each router's place in each rack, with where it is declared."""
        for index, rack in enumerate(self.site.racks):
            for number, link in enumerate(rack.links):
                yield f"site.racks.{index}.links.{number}", link

    def sessions(self) -> Iterator[tuple[str, Router, int]]:
        """Yield place, router and number of the neighbour for each neighbour of each router."""
        for index, router in enumerate(self.site.routers):
            for number in range(len(router.neighbors)):
                yield f"site.routers.{index}.neighbors.{number}", router, number


class Problem(NamedTuple):
    """A finding without the rule's name, which the table adds."""

    where: str
    found: object
    expected: str
    fix: str = ""


Check = Callable[[Declaration], Iterator[Problem]]

Example = Mapping[str, object]
"""Changes of the dev site as path below `site` (or `hostKeys`) to value, as in {"bgp.timers.hold": 5}, in this order.

REMOVED takes a key or an item away; an index one beyond a list's end appends.
"""

REMOVED = object()
"""The value of a key that an example leaves out."""


@dataclass(frozen=True)
class Rule:
    """A rule with everything that its documentation says."""

    name: str
    check: Check
    severity: Severity = "error"
    bad: Example = field(default_factory=dict)
    """The smallest change of the dev site that breaks this rule alone."""
    good: Example = field(default_factory=dict)
    """The same declaration put right."""

    @property
    def reason(self) -> str:
        """Return why the rule exists: its check's docstring."""
        return cleandoc(self.check.__doc__ or "")

    def __call__(self, declaration: Declaration) -> list[Finding]:
        """Return what is wrong with a declaration by this rule."""
        return [self._finding(problem) for problem in self.check(declaration)]

    def _finding(self, problem: Problem) -> Finding:
        return Finding(self.name, problem.where, str(problem.found), problem.expected, problem.fix, self.severity)


RULES: dict[str, Rule] = {}


def rule(
    name: str, *, severity: Severity = "error", bad: Example | None = None, good: Example | None = None
) -> Callable[[Check], Check]:
    """Put a check into the table under the name that people see, with an example of each kind for its page."""

    def add(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are called {name}")
        RULES[name] = Rule(name, check, severity, bad or {}, good or {})
        return check

    return add
