"""What a node's own maps have behind a service, against what the API has: also where every exchange passed."""

from __future__ import annotations

from collections.abc import Iterable

from underlay.judge.evidence import Exchange, Front, Served
from underlay.judge.views import NodeView


def wrong(node: NodeView, served: Served, front: Front, kinds: Iterable[str]) -> str:
    """Return what the node's maps have wrong for some of the exchanges; nothing where they could not be read."""
    held = node.report.facts.service if node.report else None
    if held is None:
        return ""
    if not held.kept:
        return "Cilium keeps no map of services here: it does not replace kube-proxy"
    for kind in kinds:
        if kind not in held.ports:
            continue
        behind = held.ports[kind]
        where = f"{front.address} port {served.web_port if kind == 'http' else served.port} ({kind})"
        if behind is None:
            return f"Cilium's map of services has no entry for {where}"
        if strange := sorted(set(behind.pods) - set(front.pods or ())):
            return f"Cilium's map of services has {', '.join(strange)} behind {where}, which the API has not"
        if behind.count != len(front.pods or ()):
            return f"Cilium's map of services has {behind.count} pods behind {where}"
    return ""


def repeated(served: Served) -> str:
    """Return which exchanges passed only when they were tried again; nothing where none did."""
    asked = {kind: item.asked for kind, item in served.exchanges().items() if is_late(item)}
    return ", ".join(f"{kind} after {count} tries" for kind, count in asked.items())


def is_late(item: Exchange) -> bool:
    """Say whether an exchange passed in a later try."""
    return item.passed and item.asked > 1


def stale(node: NodeView, served: Served, front: Front) -> tuple[str, str]:
    """Return what the maps have wrong although every exchange passed, and which of these only passed in a later try.

    Where pods come or go just now, a later try is no witness: API and maps are not read at once.
    """
    if served.address != front.address:
        return "", ""
    found = wrong(node, served, front, served.exchanges())
    return found, repeated(served) if found and not front.changing else ""
