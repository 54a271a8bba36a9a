"""A packet's way through the planned next hops, step by step: another look at what the path solver says."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.plan.verification import Expected, ExpectedNode


def strays(expected: Expected) -> Iterator[str]:
    """Yield each pair of racks, by one node of each, between which a packet circles or gets lost."""
    machines = {str(peer.address): peer.router for node in expected.nodes for peer in node.peers}
    machines |= {str(session.address): session.peer for router in expected.routers for session in router.sessions}
    first: dict[str, ExpectedNode] = {}
    for node in expected.nodes:
        first.setdefault(node.rack, node)
    for source in first.values():
        for target in first.values():
            found = _walk(expected, machines, source, target) if source is not target else ""
            if found:
                yield f"{source.name} to {target.name}: {found}"


def _walk(expected: Expected, machines: dict[str, str], source: ExpectedNode, target: ExpectedNode) -> str:
    """Follow every next hop at once; all of them have to end at the target."""
    edge = {peer.router for peer in source.peers}
    for _ in range(len(expected.routers) + 1):
        ahead: set[str] = set()
        for router in edge:
            hops = expected.next_hops(router, target.name)
            if not hops:
                return f"{router} has no next hop"
            ahead |= {machines.get(str(hop), str(hop)) for hop in hops}
        edge = ahead - {target.name}
        if not edge:
            return ""
    return f"in circles at {', '.join(sorted(edge))}"
