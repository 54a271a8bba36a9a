"""Ratios with their intervals as SVG: a row for each measurement, a line at 1, for light and dark pages, no fonts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log2

from tests.lab.paired import Ratio

TEXT, PLOT, ROW, TOP = 330, 360, 24, 56
"""Pixels: room for the names, for the plot, a row, and what is above the first."""
STYLE = """
text { font: 12px sans-serif; fill: #555 }
.title { font-weight: bold }
.grid { stroke: #ccc }
.one { stroke: #888; stroke-width: 2 }
.rate { stroke: #0a6ebd; fill: #0a6ebd; stroke-width: 2 }
.cost { stroke: #b3541e; fill: #b3541e; stroke-width: 2 }
text.name { stroke: none }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .grid { stroke: #444 } .one { stroke: #aaa }
  .rate { stroke: #6cb8ff; fill: #6cb8ff } .cost { stroke: #ffa56b; fill: #ffa56b }
}
"""


@dataclass(frozen=True)
class Line:
    """One measurement: its middle rates, and the ratios of rates and of the processor's time, native to VXLAN."""

    name: str
    unit: str
    native: float
    tunnel: float
    rates: Ratio
    costs: Ratio


@dataclass(frozen=True)
class Scale:
    """Which ratios the plot shows, from left to right."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """Return the place of a ratio in pixels; half and double lie equally far from 1."""
        return round(TEXT + log2(value / self.low) / log2(self.high / self.low) * PLOT, 1)

    def ticks(self) -> list[float]:
        """Return the powers of two that are shown."""
        return [2.0**power for power in range(-6, 7) if self.low <= 2.0**power <= self.high]


def ratios(lines: Sequence[Line]) -> str:
    """Return the picture."""
    every = [one for line in lines for one in (line.rates, line.costs)]
    scale = Scale(min(0.45, *(one.low for one in every)), max(2.2, *(one.high for one in every)))
    width, height = TEXT + PLOT + 30, TOP + ROW * len(lines) + 10
    parts = _ground(scale, height)
    for number, line in enumerate(lines):
        parts += _row(line, TOP + ROW * number + ROW // 2, scale)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>\n"])


def _ground(scale: Scale, height: int) -> list[str]:
    parts = [
        '<text class="title" x="8" y="18">native : VXLAN, with 95 % intervals</text>',
        f'<text class="rate name" x="{TEXT}" y="18">rate (more is better)</text>',
        f'<text class="cost name" x="{TEXT + 140}" y="18">processor for the same (less is better)</text>',
    ]
    for tick in scale.ticks():
        x, kind = scale.at(tick), "one" if abs(tick - 1) < 0.001 else "grid"
        parts.append(f'<line class="{kind}" x1="{x}" y1="{TOP - 10}" x2="{x}" y2="{height - 8}"/>')
        parts.append(f'<text x="{x}" y="{TOP - 16}" text-anchor="middle">{tick:g}</text>')
    return parts


def _row(line: Line, y: int, scale: Scale) -> list[str]:
    parts = [f'<text x="8" y="{y + 4}">{escape(line.name)}</text>']
    for kind, one, shift in (("rate", line.rates, -4), ("cost", line.costs, 4)):
        low, middle, high = (scale.at(value) for value in (one.low, one.middle, one.high))
        parts.append(f'<line class="{kind}" x1="{low}" y1="{y + shift}" x2="{high}" y2="{y + shift}"/>')
        parts.append(f'<circle class="{kind}" cx="{middle}" cy="{y + shift}" r="3"/>')
    return parts
