"""What the local Cilium agent compiled and pinned: read from its files, never from its own word about itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STATE = Path("/var/run/cilium/state")
PINS = Path("/sys/fs/bpf/tc/globals")
MARKS = ("TUNNEL_MODE", "ENCAP_IFINDEX")
"""Macros of node_config.h that mean encapsulation."""
CONSTANTS = (
    "tunnel_protocol",
    "tunnel_port",
    "enable_bpf_host_routing",
    "enable_endpoint_routes",
    "direct_routing_dev_ifindex",
)
"""Constants of the host program, from bpf_host.json."""


def facts() -> dict[str, Any]:
    """Return what the agent's files say; None for each part that is not there."""
    return {"marks": _marks(), "host": _constants(), "overlay_maps": _overlay_maps()}


def _marks() -> list[str] | None:
    path = STATE / "globals" / "node_config.h"
    if not path.exists():
        return None
    defined = {
        words[1] for words in map(str.split, path.read_text().splitlines()) if words[:1] == ["#define"] and words[1:]
    }
    return [mark for mark in MARKS if mark in defined]


def _constants() -> dict[str, dict[str, Any]] | None:
    files = sorted(STATE.glob("bpf/*/bpf_host.json"))
    return {path.parent.name: _wanted(json.loads(path.read_text())) for path in files} if files else None


def _wanted(document: Any) -> dict[str, Any]:
    """Return the constants of interest, wherever the dump nests them."""
    if not isinstance(document, dict):
        return {}
    found: dict[str, Any] = {}
    for key, value in document.items():
        found |= {key: value} if key in CONSTANTS else _wanted(value)
    return found


def _overlay_maps() -> list[str] | None:
    return sorted(path.name for path in PINS.glob("cilium_calls_overlay*")) if PINS.exists() else None
