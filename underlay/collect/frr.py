"""FRR: what to ask, and how to read the answers."""

from __future__ import annotations

import json
from typing import Any

from underlay.judge.evidence import RouterSession

COMMANDS = {
    "sessions": "timeout 5 vtysh -c 'show bgp neighbors json'",
    "table": "timeout 5 vtysh -c 'show bgp ipv4 unicast json'",
    "configuration": "timeout 5 vtysh -c 'show running-config'",
    "control": "timeout 5 vtysh -d zebra -c 'show version'",
    "saved": (
        "timeout 5 sh -c 'test ! -e /var/lib/underlay/router.json || "
        "(echo !; test ! -e /etc/frr/frr.conf || cat /etc/frr/frr.conf)'"
    ),
}
"""What is asked of FRR, by the part of the report that it answers."""


def sessions(text: str) -> tuple[RouterSession, ...]:
    """Read `show bgp neighbors json`."""
    peers = {name: peer for name, peer in json.loads(text).items() if isinstance(peer, dict)}
    return tuple(
        RouterSession(
            address=name,
            asn=peer.get("remoteAs"),
            state=str(peer.get("bgpState", "")).lower(),
            detail=": ".join(str(peer[key]) for key in ("lastResetDueTo", "lastNotificationReason") if peer.get(key)),
            hold=_seconds(peer.get("bgpTimerHoldTimeMsecs")) if peer.get("bgpState") == "Established" else None,
            age=_seconds(
                peer.get("bgpTimerUpMsec" if peer.get("bgpState") == "Established" else "lastResetTimerMsecs")
            ),
            drops=peer.get("connectionsDropped"),
            identity=peer.get("remoteRouterId", "") if peer.get("bgpState") == "Established" else "",
        )
        for name, peer in sorted(peers.items())
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def table(text: str) -> dict[str, tuple[str, ...]]:
    """Read `show bgp ipv4 unicast json`: the next hops of each prefix's best paths."""
    routes: dict[str, list[dict[str, Any]]] = json.loads(text).get("routes", {})
    return {prefix: tuple(sorted(_next_hops(paths))) for prefix, paths in routes.items()}


def _next_hops(paths: list[dict[str, Any]]) -> set[str]:
    best = [path for path in paths if path.get("bestpath") or path.get("multipath")]
    return {hop["ip"] for path in best for hop in path.get("nexthops", []) if "ip" in hop}
