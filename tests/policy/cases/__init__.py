"""Every case of every rule: the unit tests, the mutations and the engine are given the same ones."""

from __future__ import annotations

from tests.policy.cases import origin, underlay, waivers
from tests.policy.cases.case import Case

CASES: list[Case] = [*origin.cases(), *underlay.cases(), *waivers.cases()]

__all__ = ["CASES", "Case"]
