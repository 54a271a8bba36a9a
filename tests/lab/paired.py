"""Paired measurements: the ratio of each pair, their middle, and where the true ratio lies with 95 % confidence."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

STUDENT = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10)
"""Two-sided 95 % quantiles of Student's distribution, by degrees of freedom from 1 on; beyond, the last."""


@dataclass(frozen=True)
class Ratio:
    """The middle of a pair's ratio with its 95 % interval, and the least and the most that was seen."""

    low: float
    middle: float
    high: float
    least: float
    most: float

    @property
    def text(self) -> str:
        """Return it as a table says it."""
        return f"{self.middle:.3f} ({self.low:.3f} to {self.high:.3f}; seen {self.least:.2f} to {self.most:.2f})"


def ratio(pairs: Sequence[tuple[float, float]]) -> Ratio:
    """Return what the first of each pair is of the second; at least two pairs, on the logarithms as ratios ask for."""
    logs = [math.log(one / other) for one, other in pairs]
    mean, spread = statistics.fmean(logs), statistics.stdev(logs)
    half = STUDENT[min(len(logs) - 1, len(STUDENT)) - 1] * spread / math.sqrt(len(logs))
    values = (mean - half, mean, mean + half, min(logs), max(logs))
    return Ratio(*map(math.exp, values))
