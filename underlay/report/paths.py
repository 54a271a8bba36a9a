"""The paths of a site for people and machines: each class of node pairs with its ways, then what each loss leaves."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from underlay.model import Bgp
from underlay.plan.paths import Kind, Pair, Remains, Solution
from underlay.plan.paths.notice import Way, notice

MOST = 40
"""Lines of losses that are shown; JSON has them all."""


def show(solution: Solution, name: str, console: Console) -> None:
    """Print ways and losses of a site."""
    whole = solution.whole
    nodes = sum(rack.nodes for rack in whole.racks)
    sessions = sum(len(peers) for peers in whole.peers.values()) // 2
    console.print(
        f"{name}: {nodes:,} nodes, {len(whole.racks)} racks, {len(whole.asns)} routers, {sessions} links between them"
    )
    console.print(_ways(solution))
    console.print(_losses(solution))
    if (more := len(solution.remains) - MOST) > 0:
        console.print(f"{more} more losses: --json has them all")


def _ways(solution: Solution) -> Table:
    table = Table("pods", "like it", "way there", "way back", box=None, pad_edge=False)
    for pair in solution.pairs:
        same = pair.source == pair.target
        text = str(pair) if same else f"{pair.source} and {pair.target}"
        number = solution.number_of(pair) // (1 if same else _doubled(solution, pair))
        back = "" if same else str(solution.way(Pair(pair.target, pair.source)))
        table.add_row(text, f"{number:,}", str(solution.way(pair)), back)
    return table


def _doubled(solution: Solution, pair: Pair) -> int:
    """Return 2 where a class holds each pair of racks in both directions."""
    return 2 if solution.fabric.kinds[pair.source] == solution.fabric.kinds[pair.target] else 1


def _losses(solution: Solution) -> Table:
    table = Table("without", "like it", "pods", "promise", box=None, pad_edge=False)
    for remains in solution.remains[:MOST]:
        promise = "" if not remains.harmed else "none" if remains.excused else "broken"
        number = f"{solution.number_of_losses(remains.loss):,}"
        table.add_row(str(remains.loss), number, _harm(remains), promise)
    return table


def _harm(remains: Remains) -> str:
    """Return what a loss does in a few words: by status, the first class and how many others."""
    found: dict[str, list[Pair]] = {}
    for pair, status in remains.harmed.items():
        found.setdefault(status, []).append(pair)
    parts = [
        f"{status}: {pairs[0]}" + (f" and {len(pairs) - 1} more" if len(pairs) > 1 else "")
        for status, pairs in found.items()
    ]
    return "; ".join(parts) or "carried"


def document(solution: Solution, bgp: Bgp) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        "ways": [_pair(solution, pair) for pair in solution.pairs],
        "losses": [_loss(solution, remains, bgp) for remains in solution.remains],
    }


def _pair(solution: Solution, pair: Pair) -> dict[str, Any]:
    there, back = solution.way(pair), solution.way(Pair(pair.target, pair.source))
    ways = {name: {"status": way.status, "hops": way.hops} for name, way in (("there", there), ("back", back))}
    return {"source": pair.source, "target": pair.target, "pairs": solution.number_of(pair), **ways}


def _loss(solution: Solution, remains: Remains, bgp: Bgp) -> dict[str, Any]:
    loss = remains.loss
    noticed = notice(bgp, loss, Way.ENDED if loss.kind in {Kind.BGP, Kind.AGENT} else Way.PORTS)
    harmed = [
        {"source": pair.source, "target": pair.target, "status": status} for pair, status in remains.harmed.items()
    ]
    return {
        "kind": loss.kind,
        "router": loss.router,
        "other": loss.other,
        "losses": solution.number_of_losses(loss),
        "noticed": {"seconds": noticed.seconds, "by": noticed.by, "loses": noticed.loses},
        "promise_broken": not remains.excused,
        "harmed": harmed,
    }
