"""Which node's pods reach which: a cell for each pair, or for each pair of racks where nodes are many."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from underlay.model import Node, Site
from underlay.report.pictures.canvas import MARGIN, Canvas, short
from underlay.report.pictures.drawing import Drawing
from underlay.report.pictures.seen import Seen

NAMED = 40
"""Nodes up to which each row has a name."""
DRAWN = 400
"""Nodes up to which each pair has a cell."""
TOP = 64.0
LONGEST, LETTER = 20, 7.0
"""Letters of a name at most, and the room of each."""


def matrix(site: Site, seen: Seen) -> Drawing:
    """Return the picture of what was tried."""
    lost = seen.lost & seen.probed
    title = f"{site.name}: who reaches whom"
    text = f"{len(seen.probed):,} pairs of nodes were tried; {len(lost):,} failed."
    worst = sorted(lost)[:10]
    if worst:
        text += " Failed: " + ", ".join(f"{one} to {other}" for one, other in worst)
        text += f" and {len(lost) - len(worst):,} more." if len(lost) > len(worst) else "."
    canvas = Canvas("matrix", title, text)
    canvas.words(MARGIN, 28, title, "title")
    canvas.words(MARGIN, 48, f"row sends, column receives; {text.partition(' Failed')[0]}", "soft")
    nodes = [node for rack in site.racks for node in site.nodes_of(rack.name)]
    if len(nodes) <= DRAWN:
        _cells(canvas, nodes, seen)
    else:
        _racks(canvas, site, seen)
    return Drawing("matrix", title, canvas.svg())


def _cells(canvas: Canvas, nodes: Sequence[Node], seen: Seen) -> None:
    few = len(nodes) <= NAMED
    size = 18.0 if few else max(2.0, round(900 / len(nodes), 1))
    longest = LETTER * max((len(short(node.name, LONGEST)) for node in nodes), default=0)
    left, top = MARGIN + (longest + 12 if few else 150), TOP + (longest if few else 30)
    for row, source in enumerate(nodes):
        y = top + row * size
        if few:
            canvas.words(left - 8, y + size * 0.72, short(source.name, LONGEST), end="end")
        kinds = [(_kind(source.name, target.name, seen), place) for place, target in enumerate(nodes)]
        for kind, run in groupby(kinds, key=lambda one: one[0]):
            places = [place for _, place in run]
            _run(canvas, (left + places[0] * size, y, size * len(places), size), kind, few=few)
            if kind == "bad" and few:
                for place in places:
                    tip = f"{source.name} does not reach {nodes[place].name}"
                    canvas.cross(left + (place + 0.5) * size, y + size / 2, 4, tip)
    _heads(canvas, nodes, (left, top, size), few=few)


def _run(canvas: Canvas, place: tuple[float, float, float, float], kind: str, *, few: bool) -> None:
    left, top, width, height = place
    if not few:
        canvas.box(place, kind, corner=0)
        return
    for number in range(round(width / height)):
        frame = "node" if kind == "bad" else kind
        canvas.box((left + number * height + 1, top + 1, height - 2, height - 2), frame, corner=2)


def _kind(source: str, target: str, seen: Seen) -> str:
    if source == target:
        return "self"
    if (source, target) not in seen.probed:
        return "unknown"
    return "bad" if (source, target) in seen.lost else "ok"


def _heads(canvas: Canvas, nodes: Sequence[Node], place: tuple[float, float, float], *, few: bool) -> None:
    """Write columns' names, or only where each rack begins."""
    left, top, size = place
    if few:
        for number, node in enumerate(nodes):
            x = left + (number + 0.5) * size
            canvas.upright(x + 4, top - 6, short(node.name, LONGEST), "soft")
        return
    start = 0
    for rack, members in groupby(nodes, key=lambda node: node.rack):
        number = len(list(members))
        canvas.words(left - 8, top + start * size + 11, short(rack, 20), "soft", "end")
        canvas.line([(left - 4, top + start * size), (left + len(nodes) * size, top + start * size)], "line")
        canvas.line([(left + start * size, top - 4), (left + start * size, top + len(nodes) * size)], "line")
        start += number


def _racks(canvas: Canvas, site: Site, seen: Seen) -> None:
    racks = [rack.name for rack in site.racks if site.nodes_of(rack.name)]
    home = {node.name: node.rack for node in site.nodes}
    lost, tried = (dict.fromkeys(((one, other) for one in racks for other in racks), 0) for _ in "12")
    for counts, pairs in ((lost, seen.lost & seen.probed), (tried, seen.probed)):
        for source, target in pairs:
            counts[home[source], home[target]] += 1
    size, left, top = max(6.0, round(900 / len(racks), 1)), MARGIN + 150, TOP + 20
    for row, source in enumerate(racks):
        if len(racks) <= DRAWN // 4 and row % max(1, len(racks) // 30) == 0:
            canvas.words(left - 8, top + (row + 0.7) * size, short(source, 20), "soft", "end")
        for column, target in enumerate(racks):
            failed, all_of = lost[source, target], tried[source, target]
            kind = "bad" if failed else "ok" if all_of else "unknown"
            tip = f"{source} to {target}: {failed} of {all_of} failed"
            canvas.box((left + column * size, top + row * size, size - 1, size - 1), kind, tip, 0)
