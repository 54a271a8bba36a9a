"""Routers are read back: sessions, BGP table, the kernel's routes and the daemons, by constant commands over SSH."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from underlay.collect import bird, frr
from underlay.collect.nodes import shown
from underlay.collect.ssh import Shell
from underlay.judge.evidence import Process, Route, RouterReport
from underlay.model import Platform

COMMON = {"kernel": "ip -json route show table all", "processes": "cat /proc/[0-9]*/stat"}
LONGEST = 16 * 1024 * 1024
"""Characters of one answer at most."""
PLATFORMS: dict[Platform, Any] = {Platform.FRR: frr, Platform.BIRD: bird}
LOCAL = "local"


async def read(shell: Shell, platform: Platform) -> RouterReport:
    """Return what a router holds; a part that it did not say is a sentence in `errors`."""
    software = PLATFORMS[platform]
    commands = COMMON | software.COMMANDS
    answers = await asyncio.gather(*(shell.run(command, LONGEST) for command in commands.values()))
    readers: dict[str, Callable[[str], Any]] = {
        "sessions": software.sessions,
        "table": software.table,
        "kernel": kernel,
        "processes": lambda text: processes(text, software.DAEMONS),
    }
    parts: dict[str, Any] = {}
    errors: list[str] = []
    for name, (_, output, complaint) in zip(commands, answers, strict=True):
        try:
            parts[name] = readers[name](output)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            errors.append(f"{name}: {shown(complaint.encode()) if complaint else str(error)[:200]}")
    return RouterReport(**parts, errors=tuple(errors))


def kernel(text: str) -> tuple[Route, ...]:
    """Read `ip -json route`: one entry for each next hop; local and broadcast routes are left out."""
    return tuple(
        Route(
            target=route["dst"] if "/" in route["dst"] or route["dst"] == "default" else route["dst"] + "/32",
            type=route.get("type", "unicast"),
            device=hop.get("dev"),
            gateway=hop.get("gateway"),
        )
        for route in json.loads(text)
        if route.get("table") != LOCAL
        and route.get("type") not in {LOCAL, "broadcast", "multicast"}
        and ":" not in route["dst"]
        for hop in route.get("nexthops", [route])
    )


def processes(text: str, daemons: tuple[str, ...]) -> tuple[Process, ...]:
    """Read the lines of /proc/PID/stat: name in brackets, then the kernel's letter for the state."""
    if not text:
        message = "no process is visible"
        raise ValueError(message)
    found = []
    for line in text.splitlines():
        name, _, rest = line.partition("(")[2].rpartition(")")
        if name in daemons:
            found.append(Process(name=name, state=rest.split()[0]))
    return tuple(found)
