"""A drawing that grows: boxes, lines, marks and words, each with a class that says what it means."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from underlay.report.columns import harmless

NAMESPACE = "http://www.w3.org/2000/svg"
MARGIN = 16.0
STYLE = """
.underlay-picture { font: 12px system-ui, "DejaVu Sans", sans-serif; }
.underlay-picture text { fill: #1b1f24; }
.underlay-picture .soft { fill: #55606b; }
.underlay-picture .strong { font-weight: 600; }
.underlay-picture .title { font-size: 15px; font-weight: 600; }
.underlay-picture .paper { fill: #ffffff; }
.underlay-picture .rack { fill: #f3f5f7; stroke: #b6bfc8; }
.underlay-picture .node, .underlay-picture .router { fill: #ffffff; stroke: #55606b; }
.underlay-picture .outside { fill: none; stroke: #55606b; stroke-dasharray: 4 3; }
.underlay-picture .line { fill: none; stroke: #8a949e; stroke-width: 1.5; }
.underlay-picture .ok { fill: #0072b2; stroke: #0072b2; }
.underlay-picture .unknown { fill: #ffffff; stroke: #8a949e; }
.underlay-picture .bad { fill: #d03a00; stroke: #d03a00; }
.underlay-picture .bad-line { fill: none; stroke: #d03a00; stroke-width: 2.5; stroke-dasharray: 7 4; }
.underlay-picture .bad-frame { fill: none; stroke: #d03a00; stroke-width: 2.5; }
.underlay-picture .self { fill: #dfe4e8; }
.underlay-picture .room { fill: #dfe4e8; stroke: none; }
.underlay-picture .bad-words { fill: #a92f00; font-weight: 600; }
@media (prefers-color-scheme: dark) {
.underlay-picture text { fill: #e4e8ec; }
.underlay-picture .soft { fill: #a9b4bf; }
.underlay-picture .paper { fill: #14181d; }
.underlay-picture .rack { fill: #1f252c; stroke: #4a5560; }
.underlay-picture .node, .underlay-picture .router { fill: #14181d; stroke: #a9b4bf; }
.underlay-picture .outside { stroke: #a9b4bf; }
.underlay-picture .line { stroke: #77828d; }
.underlay-picture .ok { fill: #56b4e9; stroke: #56b4e9; }
.underlay-picture .unknown { fill: #14181d; stroke: #77828d; }
.underlay-picture .bad { fill: #ff8552; stroke: #ff8552; }
.underlay-picture .bad-line, .underlay-picture .bad-frame { stroke: #ff8552; }
.underlay-picture .self, .underlay-picture .room { fill: #333c46; }
.underlay-picture .bad-words { fill: #ff9d73; }
}
"""
"""Blue and vermilion are told apart by every kind of sight; what is broken also has another form."""


class Canvas:
    """An SVG drawing with a title and a description for those who do not see it."""

    def __init__(self, name: str, title: str, description: str) -> None:
        """Begin a drawing; its name keeps references apart where several stand on one page."""
        ids = f"{name}-title", f"{name}-description"
        self._root = ET.Element(
            "svg",
            {"xmlns": NAMESPACE, "class": "underlay-picture", "role": "img", "aria-labelledby": " ".join(ids)},
        )
        for tag, key, text in (("title", ids[0], title), ("desc", ids[1], description)):
            ET.SubElement(self._root, tag, {"id": key}).text = harmless(text)
        ET.SubElement(self._root, "style").text = STYLE
        self._paper = ET.SubElement(self._root, "rect", {"class": "paper"})
        self._right = self._bottom = 0.0

    def box(self, place: tuple[float, float, float, float], kind: str, tip: str = "", corner: float = 4) -> None:
        """Draw a box: left, top, width, height."""
        left, top, width, height = place
        shape = {"x": _n(left), "y": _n(top), "width": _n(width), "height": _n(height), "rx": _n(corner)}
        self._add("rect", {**shape, "class": kind}, tip)
        self._reach(left + width, top + height)

    def dot(self, x: float, y: float, radius: float, kind: str, tip: str = "") -> None:
        """Draw a dot around a place."""
        self._add("circle", {"cx": _n(x), "cy": _n(y), "r": _n(radius), "class": kind}, tip)
        self._reach(x + radius, y + radius)

    def line(self, points: list[tuple[float, float]], kind: str, tip: str = "") -> None:
        """Draw a line over some places."""
        self._add("polyline", {"points": " ".join(f"{_n(x)},{_n(y)}" for x, y in points), "class": kind}, tip)

    def cross(self, x: float, y: float, size: float, tip: str = "") -> None:
        """Draw the mark of something broken."""
        ends = ((x - size, y - size), (x + size, y + size)), ((x - size, y + size), (x + size, y - size))
        for start, end in ends:
            self._add(
                "polyline",
                {"points": f"{_n(start[0])},{_n(start[1])} {_n(end[0])},{_n(end[1])}", "class": "bad-frame"},
                tip,
            )
        self._reach(x + size, y + size)

    def words(self, x: float, y: float, text: str, kind: str = "", end: str = "start") -> None:
        """Write words on a line; `end` says which end of them stands at the place."""
        made = {"x": _n(x), "y": _n(y), **({"class": kind} if kind else {})}
        if end != "start":
            made["text-anchor"] = end
        ET.SubElement(self._root, "text", made).text = harmless(text)
        self._reach(x + (7 * len(text) if end == "start" else 3.5 * len(text) if end == "middle" else 0), y)

    def upright(self, x: float, y: float, text: str, kind: str) -> None:
        """Write words from a place upwards."""
        made = {"x": _n(x), "y": _n(y), "class": kind, "transform": f"rotate(-90 {_n(x)} {_n(y)})"}
        ET.SubElement(self._root, "text", made).text = harmless(text)

    def svg(self) -> str:
        """Return the drawing; the same drawing is the same bytes."""
        width, height = _n(self._right + MARGIN), _n(self._bottom + MARGIN)
        self._root.attrib |= {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
        self._paper.attrib |= {"width": width, "height": height}
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _add(self, tag: str, attributes: dict[str, str], tip: str) -> None:
        made = ET.SubElement(self._root, tag, attributes)
        if tip:
            ET.SubElement(made, "title").text = harmless(tip)

    def _reach(self, x: float, y: float) -> None:
        self._right, self._bottom = max(self._right, x), max(self._bottom, y)


def short(text: str, most: int) -> str:
    """Return a text cut to a number of letters."""
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
