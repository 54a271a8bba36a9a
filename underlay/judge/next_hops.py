"""Several declared next hops of a node: one that is missing is missed only when another one fails."""

from __future__ import annotations

from collections.abc import Iterable

from underlay.judge.case import Case
from underlay.judge.evidence import Route
from underlay.judge.views import NodeView, network

MAIN = 254
"""The routing table that a node's own routes stand in."""
LINK_STATE = "ignore_routes_with_linkdown"


def lost_redundancy(node: NodeView, case: Case, pods: Iterable[str]) -> list[str]:
    """Return what routes to far pods lack of several planned next hops, and links whose loss would not count."""
    routes = node.report.facts.routes if node.report else None
    if len(node.plan.gateways) < 2 or routes is None:
        return []
    lacking = dict.fromkeys(filter(None, (_lacking(routes, case.hops(node, pod), pod) for pod in pods)))
    off = [name for name in sorted(node.uplinks) if node.sysctl(f"{name}/{LINK_STATE}") == 0]
    return [*lacking, *(f"{LINK_STATE} of {name} is 0: a dead link would keep its share of packets" for name in off)]


def _lacking(routes: Iterable[Route], planned: list[str], pod: str) -> str:
    found = _next_hops(routes, pod)
    missing = [hop for hop in planned if hop not in found] if found and len(planned) > 1 else []
    return f"next hops {', '.join(sorted(found))} without {', '.join(missing)}" if missing else ""


def _next_hops(routes: Iterable[Route], pod: str) -> set[str]:
    """Return the next hops of the main table's longest route to a pod."""
    own, lengths = network(pod), dict[int, set[str]]()
    for one in routes:
        target = network("0.0.0.0/0" if one.target == "default" else one.target)
        if own and target and one.table == MAIN and own.subnet_of(target):
            lengths.setdefault(target.prefixlen, set()).update(filter(None, (one.gateway, *one.hops)))
    return lengths[max(lengths)] if lengths else set()
