"""Every case of every rule: the unit tests, the mutations and the engine are given the same ones."""

from __future__ import annotations

from tests.policy.cases import bgp, commands, lineage, objects, origin, underlay, waivers
from tests.policy.cases.case import Case

CASES: list[Case] = [
    case for module in (origin, lineage, underlay, bgp, commands, lineage, objects, waivers) for case in module.cases()
]

__all__ = ["CASES", "Case"]
