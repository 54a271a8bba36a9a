"""A small line chart as SVG: panels side by side over one axis, for light and dark pages, no fonts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import floor, log10

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 260, 56, 32, 32, 44
"""Of one panel, in pixels, and what is kept free around the plotted area."""
STYLE = """
text { font: 12px sans-serif; fill: #555 }
.title { font-weight: bold }
.grid { stroke: #ccc; stroke-width: 1 }
.line { stroke: #0a6ebd; stroke-width: 2; fill: none }
.dot { fill: #0a6ebd }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .grid { stroke: #444 } .line { stroke: #6cb8ff } .dot { fill: #6cb8ff }
}
"""


def curve(across: str, panels: Sequence[tuple[str, Points]]) -> str:
    """Return a picture with a panel for each named series; `across` names the common axis."""
    width = WIDTH * len(panels)
    drawn = [_panel(number, title, across, points) for number, (title, points) in enumerate(panels)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}">'
    return "\n".join([head, f"<style>{STYLE}</style>", *drawn, "</svg>\n"])


def _panel(number: int, title: str, across: str, points: Points) -> str:
    x_step, y_step = (_step(max(point[axis] for point in points)) for axis in (0, 1))
    x_end, y_end = (
        step * -(-max(point[axis] for point in points) // step) for axis, step in enumerate((x_step, y_step))
    )

    def at(x: float, y: float) -> tuple[float, float]:
        inner = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
        return round(LEFT + x / x_end * inner[0], 1), round(HEIGHT - BOTTOM - y / y_end * inner[1], 1)

    parts = [f'<g transform="translate({number * WIDTH} 0)">']
    parts.append(f'<text class="title" x="{LEFT}" y="18">{escape(title)}</text>')
    for tick in _ticks(y_step, y_end):
        (x1, y), (x2, _) = at(0, tick), at(x_end, tick)
        parts.append(f'<line class="grid" x1="{x1}" y1="{y}" x2="{x2}" y2="{y}"/>')
        parts.append(f'<text x="{x1 - 6}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    for tick in _ticks(x_step, x_end):
        x, y = at(tick, 0)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{tick:,.0f}</text>')
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(across)}</text>'
    )
    places = [at(*point) for point in points]
    parts.append(f'<polyline class="line" points="{" ".join(f"{x},{y}" for x, y in places)}"/>')
    parts += [f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>' for x, y in places]
    return "\n".join([*parts, "</g>"])


def _step(most: float) -> float:
    """Return a round distance of ticks that gives four to eight of them."""
    raw = most / 4
    size = 10.0 ** floor(log10(raw))
    return max(size * factor for factor in (1, 2, 2.5, 5) if size * factor <= raw)


def _ticks(step: float, end: float) -> list[float]:
    return [step * number for number in range(round(end / step) + 1)]
