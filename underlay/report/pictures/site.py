"""The diagram of a site: racks, routers, nodes, sessions with their state, pod networks, and what is broken."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.model import Node, Rack, Site
from underlay.plan.paths import Pair, solve
from underlay.report.page import together
from underlay.report.pictures.canvas import MARGIN, Canvas, short
from underlay.report.pictures.drawing import Drawing
from underlay.report.pictures.layout import CARD, HEAD, RACK, SQUARE, SQUARES, Layout, Place, layout
from underlay.report.pictures.seen import Seen

WAYS = 6
"""Classes of node pairs whose way is written below."""
STATES = {True: "ok", False: "bad", None: "unknown"}
SAID = {True: "established", False: "down", None: "declared"}


def diagram(site: Site, seen: Seen) -> Drawing:
    """Return the picture of a site."""
    title = f"{site.name}: {len(site.nodes)} nodes, {len(site.racks)} racks, {len(site.routers)} routers"
    canvas = Canvas("site", title, " ".join(description(site, seen)))
    canvas.words(MARGIN, 28, title, "title")
    _legend(canvas, seen)
    places = layout(site)
    _links(canvas, site, places, seen)
    for name, place in places.outside.items():
        _peer(canvas, site, name, place)
    for name, place in places.routers.items():
        _router(canvas, site, name, place, seen)
    for name, place in places.racks.items():
        _rack(canvas, site, site.rack(name), place, seen, places)
    for number, (line, kind) in enumerate([*_down(places, seen), *_ways(site)]):
        canvas.words(MARGIN, places.bottom + 12 + 18 * number, line, kind)
    return Drawing("site", title, canvas.svg())


def description(site: Site, seen: Seen) -> Iterator[str]:
    """Yield in words what the picture shows."""
    for rack in site.racks:
        names = together(node.name for node in site.nodes_of(rack.name)) or "no node"
        routers = ", ".join(link.router for link in rack.links)
        yield f"{rack.name} holds {names} behind {routers}."
    down = sorted(f"{node} with {router}" for (node, router), up in seen.sessions.items() if not up)
    down += sorted(" with ".join(sorted(link)) for link, up in seen.links.items() if not up)
    if seen.sessions or seen.links:
        yield f"Sessions down: {', '.join(down[:20])}." if down else "Every session is established."
    if seen.failed:
        yield f"Failed checks: {together(seen.failed)}."


def _legend(canvas: Canvas, seen: Seen) -> None:
    x = MARGIN + 6
    known = bool(seen.sessions)
    for kind, words in (("ok", "session established"), ("bad", "down"), ("unknown", "declared, not looked at")):
        if known or kind == "unknown":
            _mark(canvas, x, 46, kind)
            canvas.words(x + 12, 50, words, "soft")
            x += 34 + 6.5 * len(words)


def _mark(canvas: Canvas, x: float, y: float, kind: str, tip: str = "") -> None:
    if kind == "bad":
        canvas.cross(x, y, 4.5, tip)
    else:
        canvas.dot(x, y, 4, kind, tip)


def _links(canvas: Canvas, site: Site, places: Layout, seen: Seen) -> None:
    boxes = places.routers | places.outside
    pairs = dict.fromkeys(frozenset((router.name, peer.name)) for router in site.routers for peer in router.neighbors)
    for pair in pairs:
        ends = sorted((boxes[name] for name in pair if name in boxes), key=lambda place: (place[1], place[0]))
        if len(ends) == len(pair) == 2:
            _line(canvas, ends[0], ends[1], seen.links.get(pair), " - ".join(sorted(pair)))
    for name, place in places.racks.items():
        for link in site.rack(name).links:
            if link.router in boxes:
                _line(canvas, boxes[link.router], place, None, f"{link.router} - {name}: {link.subnet}")


def _line(canvas: Canvas, upper: Place, lower: Place, up: bool | None, tip: str) -> None:
    if upper[1] == lower[1]:
        y = upper[1] + upper[3] / 2
        start, end = (upper[0] + upper[2], y), (lower[0], y)
    else:
        start, end = (upper[0] + upper[2] / 2, upper[1] + upper[3]), (lower[0] + lower[2] / 2, lower[1])
    canvas.line([start, end], "bad-line" if up is False else "line", f"{tip}: {SAID[up]}")
    if up is not None:
        _mark(canvas, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2, STATES[up], f"{tip}: {SAID[up]}")


def _peer(canvas: Canvas, site: Site, name: str, place: Place) -> None:
    asn = next(peer.asn for router in site.routers for peer in router.neighbors if peer.name == name)
    canvas.box(place, "outside", corner=20)
    _centred(canvas, place, name, f"AS {asn}", "outside the site")


def _router(canvas: Canvas, site: Site, name: str, place: Place, seen: Seen) -> None:
    router = site.router(name)
    canvas.box(place, "router")
    if name in seen.failed:
        canvas.box(place, "bad-frame", f"{name}: a check failed")
    owner = "configured over SSH" if router.managed else "the network team's"
    _centred(canvas, place, name, f"{router.platform.value}, AS {router.asn}", owner)


def _centred(canvas: Canvas, place: Place, first: str, *more: str) -> None:
    left, top, width, _ = place
    canvas.words(left + width / 2, top + 17, short(first, 21), "strong", "middle")
    for number, line in enumerate(more):
        canvas.words(left + width / 2, top + 33 + 16 * number, short(line, 25), "soft", "middle")


def _rack(canvas: Canvas, site: Site, rack: Rack, place: Place, seen: Seen, places: Layout) -> None:
    left, top, _, _ = place
    nodes = site.nodes_of(rack.name)
    canvas.box(place, "rack", corner=6)
    canvas.words(left + 12, top + 19, short(rack.name, 24), "strong")
    canvas.words(left + 12, top + 36, short(f"{rack.egress.value}: {', '.join(map(str, rack.subnets))}", 47), "soft")
    if places.cards:
        for number, node in enumerate(nodes):
            at = (left + 12 + number % 2 * (CARD[0] + 12), top + HEAD + number // 2 * (CARD[1] + 10), *CARD)
            _card(canvas, rack, node, at, seen)
        return
    routers = ", ".join(link.router for link in rack.links)
    down = sum(not up for (node, _), up in seen.sessions.items() if site.node(node).rack == rack.name)
    state = f"{down} sessions down" if down else ""
    canvas.words(left + 12, top + HEAD + 6, short(f"{len(nodes)} nodes behind {routers}", 47))
    canvas.words(left + RACK - 12, top + 19, state, "bad-words", "end")
    for number, node in enumerate(nodes):
        at = (
            left + 12 + number % SQUARES * (SQUARE + 3),
            top + HEAD + 20 + number // SQUARES * (SQUARE + 3),
            SQUARE,
            SQUARE,
        )
        _square(canvas, rack, node, at, seen)


def _card(canvas: Canvas, rack: Rack, node: Node, place: Place, seen: Seen) -> None:
    left, top, _, _ = place
    canvas.box(place, "node")
    if node.name in seen.failed:
        canvas.box(place, "bad-frame", f"{node.name}: a check failed")
    canvas.words(left + 18, top + 15, short(node.name, 16), "strong")
    network = seen.pods.get(node.name)
    canvas.words(left + 18, top + 30, short(f"pods {network}" if network else str(node.address), 21), "soft")
    for number, link in enumerate(rack.links):
        up = seen.sessions.get((node.name, link.router))
        tip = f"session {node.name} - {link.router}: {SAID[up]}"
        _mark(canvas, left + 9, top + 11 + 13 * (number % 2), STATES[up], tip)


def _square(canvas: Canvas, rack: Rack, node: Node, place: Place, seen: Seen) -> None:
    states = [seen.sessions.get((node.name, link.router)) for link in rack.links]
    worst = False if False in states else None if None in states else True
    told = ", ".join(f"{link.router} {SAID[up]}" for link, up in zip(rack.links, states, strict=True))
    tip = f"{node.name} {node.address}; sessions: {told}"
    broken = worst is False or node.name in seen.failed
    canvas.box(place, "node" if broken else STATES[worst], tip, 2)
    if broken:
        canvas.cross(place[0] + SQUARE / 2, place[1] + SQUARE / 2, SQUARE / 2 - 2, tip)


def _down(places: Layout, seen: Seen) -> Iterator[tuple[str, str]]:
    """Yield what is down between routers that have no boxes of their own."""
    down = [
        sorted(link) for link, up in seen.links.items() if not up and not link <= {*places.routers, *places.outside}
    ]
    for first, second in sorted(down)[:WAYS]:
        yield f"\u2715 down: {first} - {second}", "bad-words"
    if len(down) > WAYS:
        yield f"\u2715 and {len(down) - WAYS} more sessions between routers", "bad-words"


def _ways(site: Site) -> Iterator[tuple[str, str]]:
    solution = solve(site)
    both = dict.fromkeys(way for pair in solution.pairs for way in (pair, Pair(pair.target, pair.source)))
    yield "ways of pods", "strong"
    yield from ((f"{pair}: {solution.way(pair)}", "") for pair in list(both)[:WAYS])
    if len(both) > WAYS:
        yield f"and {len(both) - WAYS} more classes of node pairs", "soft"
