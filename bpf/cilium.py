"""What the local Cilium agent compiled and pinned: read from its files, never from its own word about itself."""

# ruff: noqa: ANN401 - JSON is of any type

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STATE = Path("/var/run/cilium/state")
PINS = Path("/sys/fs/bpf/tc/globals")
MARKS = ("TUNNEL_MODE", "ENCAP_IFINDEX")
"""Macros of node_config.h that mean encapsulation."""
CONSTANTS = ("TunnelProtocol", "TunnelPort", "EnableBPFHostRouting", "EnableEndpointRoutes", "DirectRoutingDevIfIndex")
"""Constants of the host program, from bpf_host.json, as Cilium 1.20 spells them."""
MACROS = {"TunnelProtocol": "TUNNEL_MODE", "EnableBPFHostRouting": "ENABLE_HOST_ROUTING"}
"""What releases before 1.20 compile in place of these constants, for all devices alike."""
BEFORE, EVERY = "HOST_ID", "*"
"""A macro that only those releases define, and the place of a device's name."""
SPELT = {name.lower(): name for name in CONSTANTS}
PROC = Path("/proc")
AGENT, FOLDER, VARIABLE = "cilium-agent", "config-dir", "CILIUM_"


def facts(asked: Iterable[str] = ()) -> dict[str, Any]:
    """Return what the agent's files say, and the options asked for; None for each part that is not there."""
    return {"marks": _marks(), "host": _constants(), "overlay_maps": _overlay_maps(), "options": _options([*asked])}


def _options(asked: list[str]) -> dict[str, str] | None:
    """Return what the running agent was started with: its own copy of the ConfigMap, variables, then arguments."""
    agents = (path.parent for path in PROC.glob("[0-9]*/comm") if asked and _read(path).strip() == AGENT)
    place = min(agents, key=lambda path: int(path.name), default=None)
    if place is None:
        return None
    words = (word.removeprefix("--").partition("=") for word in _read(place / "cmdline").split("\0"))
    told = {key: value for key, _, value in words}
    lines = (line.partition("=") for line in _read(place / "environ").split("\0") if line.startswith(VARIABLE))
    told = {key.removeprefix(VARIABLE).lower().replace("_", "-"): value for key, _, value in lines} | told
    folder = place / "root" / told.get(FOLDER, "").lstrip("/")
    files = {name: _read(folder / name) for name in asked if (folder / name).is_file()}
    return files | {name: told[name] for name in asked if name in told}


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # a process that has ended meanwhile
        return ""


def _defined() -> set[str] | None:
    path = STATE / "globals" / "node_config.h"
    if not path.exists():
        return None
    return {
        words[1] for words in map(str.split, path.read_text().splitlines()) if words[:1] == ["#define"] and words[1:]
    }


def _marks() -> list[str] | None:
    defined = _defined()
    return None if defined is None else [mark for mark in MARKS if mark in defined]


def _constants() -> dict[str, dict[str, Any]] | None:
    """Return each device's constants; files that a newer release has left say nothing of an older one."""
    defined = _defined() or set()
    if BEFORE in defined:
        return {EVERY: {name: macro in defined for name, macro in MACROS.items()}}
    files = sorted(STATE.glob("bpf/*/bpf_host.json"))
    return {path.parent.name: _wanted(json.loads(path.read_text())) for path in files} if files else None


def _wanted(part: Any) -> dict[str, Any]:
    """Return the constants of interest, wherever the dump nests them, whether in camel case or with underscores."""
    found: dict[str, Any] = {}
    for value in part if isinstance(part, list) else ():
        found |= _wanted(value)
    for key, value in part.items() if isinstance(part, dict) else ():
        name = SPELT.get(key.replace("_", "").lower())
        found |= {name: value} if name and isinstance(value, int) else _wanted(value)
    return found


def _overlay_maps() -> list[str] | None:
    return sorted(path.name for path in PINS.glob("cilium_calls_overlay*")) if PINS.exists() else None
