"""The table of rules: a name, and a function that yields what it finds wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from underlay.finding import Finding
from underlay.model import Node, Rack, Router, Site


@dataclass(frozen=True)
class Declaration:
    """Everything that a person has declared about a site."""

    site: Site
    host_keys: Mapping[str, str] = field(default_factory=dict)

    def placed(self) -> Iterator[tuple[int, Node, Rack]]:
        """Yield each node whose rack exists, with its place in the list."""
        racks = {rack.name: rack for rack in self.site.racks}
        for index, node in enumerate(self.site.nodes):
            if node.rack in racks:
                yield index, node, racks[node.rack]

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
Rule = Callable[[Declaration], list[Finding]]

RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Check], Check]:
    """Put a check into the table under the name that people see."""

    def add(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"two rules are called {name}")
        RULES[name] = lambda declaration: [_finding(name, problem) for problem in check(declaration)]
        return check

    return add


def _finding(name: str, problem: Problem) -> Finding:
    return Finding(name, problem.where, str(problem.found), problem.expected, problem.fix)
