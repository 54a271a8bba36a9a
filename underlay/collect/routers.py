"""Routers are read back: sessions, BGP table, the kernel's routes and the daemons, by constant commands over SSH."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from underlay.collect import bird, frr, router_state, watch
from underlay.collect.digests import KEY
from underlay.collect.nodes import SHOWN, shown
from underlay.collect.ssh import Shell
from underlay.judge.evidence import Configuration, Neighbour, Process, Route, RouterReport, RouterSession
from underlay.judge.router_checks import DAEMONS
from underlay.model import Platform
from underlay.plan.ends import READERS, digest

COMMON = {
    "kernel": "timeout 5 ip -json route show table all",
    "processes": "timeout 5 cat /proc/[0-9]*/stat",
    "forwarding": "timeout 5 cat /proc/sys/net/ipv4/ip_forward",
    "neighbours": "timeout 5 ip -json neighbour show",
    "ports": "timeout 5 ip -json -4 address show",
    "filters": "! command -v nft >/dev/null || timeout 5 nft --json list ruleset",
    # As long as a node dials again: signatures are checked then only.
    "md5": "timeout 9 sh -c 'cat /proc/net/netstat; sleep 2.5; cat /proc/net/netstat'",
}
LONGEST = 16 * 1024 * 1024
"""Bytes of one answer at most."""
AT_ONCE = 4
"""Commands that run at once, the echoes' own beside them: OpenSSH's `MaxSessions` is 10 for a connection, and a command
that has just ended counts for a moment still."""
TIMED_OUT = (124, 137)
"""Exit codes of a command that `timeout` has ended: what it said until then is half an answer."""
LIMIT = re.compile(r"timeout (\d+) ")
"""The seconds that a command has."""
DEAD = "dead"
"""What the kernel says of a next hop that it sends nothing to."""
PLATFORMS: dict[Platform, Any] = {Platform.FRR: frr, Platform.BIRD: bird}
TABLES = ("main", "default")
"""Routing tables that forward what no rule or VRF takes elsewhere; `ip` names main by leaving it out."""
NOBODY = re.compile("failed to connect|Unable to connect|is not running")
"""What vtysh and birdc say where no daemon listens."""


async def read(shell: Shell, platform: Platform) -> RouterReport:
    """Return what a router holds; a part that it did not say, or not rightly, is a sentence in `errors`."""
    software = PLATFORMS[platform]
    readers: dict[str, Callable[[str], Any]] = {
        "sessions": software.sessions,
        "table": software.table,
        "kernel": kernel,
        "configuration": lambda text: configuration(text, platform),
        "control": control,
        "saved": lambda text: saved(text, platform),
        "unloaded": bird.unloaded,
        "forwarding": int,
        "neighbours": neighbours,
        "ports": router_state.ports,
        "filters": router_state.filters,
        "md5": router_state.md5,
        "processes": lambda text: processes(text, DAEMONS[platform]),
    }
    commands = COMMON | software.COMMANDS
    parts: dict[str, Any] = {}
    errors: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def part(name: str) -> None:
        try:
            async with gate:
                text = await _answer(shell, commands[name])
            parts[name] = readers[name](text)
        except Exception as error:  # noqa: BLE001 - a router may say anything; one part must not hide the others
            errors.append(f"{name}: {str(error)[:SHOWN] or type(error).__name__}")

    await asyncio.gather(*map(part, commands))
    return RouterReport(**parts, errors=tuple(sorted(errors)))


async def watched(shell: Shell, platform: Platform, report: RouterReport, hold: int, longest: float) -> RouterReport:
    """Return a report with sessions that had just changed looked at again, for as many seconds at most."""
    software = PLATFORMS[platform]

    async def look() -> tuple[RouterSession, ...]:
        return tuple(software.sessions(await _answer(shell, software.COMMANDS["sessions"])))

    if not report.sessions:
        return report
    return report.model_copy(update={"sessions": await watch.watched(report.sessions, look, hold, longest)})


async def _answer(shell: Shell, command: str) -> str:
    """Return what a command says; ValueError where it says nothing but a complaint, or was ended."""
    code, output, complaint = await shell.run(command, LONGEST)
    if code in TIMED_OUT:
        limit = LIMIT.search(command)
        raise ValueError(f"no answer within {limit[1]} s" if limit else "no answer in time")
    if complaint and not output:
        raise ValueError(shown(complaint.encode()))
    return output


def kernel(text: str) -> tuple[Route, ...]:
    """Read `ip -json route`: one entry for each next hop in use; not other tables, nor local and broadcast routes."""
    return tuple(
        Route(
            target=route["dst"] if "/" in route["dst"] or route["dst"] == "default" else route["dst"] + "/32",
            type=route.get("type", "unicast"),
            device=hop.get("dev"),
            gateway=hop.get("gateway"),
        )
        for route in json.loads(text)
        if route.get("table", TABLES[0]) in TABLES
        and route.get("type") not in {"local", "broadcast", "multicast"}
        and ":" not in route["dst"]
        for hop in route.get("nexthops", [route])
        if DEAD not in hop.get("flags", ())
    )


def configuration(text: str, platform: Platform) -> Configuration:
    """Read a router's configuration: of a password its reader keeps a digest, and of what it trips over nothing."""
    if not text.strip():
        raise ValueError("no configuration was said")
    reader, secret = READERS[platform], partial(digest, key=KEY)
    try:
        return Configuration(ends=reader.ends(text, secret), ranges=reader.ranges(text, secret))
    except Exception as error:  # noqa: BLE001 - its words may repeat a line with a password
        raise ValueError(f"not understood: {type(error).__name__}") from None


def saved(text: str, platform: Platform) -> Configuration | None:
    """Read the file that a daemon starts with; None where our program has not written it."""
    return configuration(text, platform) if text.strip() else None


def control(text: str) -> str:
    """Read what a daemon says of itself; ValueError where nobody answers on its socket."""
    if not text.strip() or NOBODY.search(text):
        raise ValueError(shown(text.strip().encode()) or "no answer")
    return text.strip().splitlines()[0]


def neighbours(text: str) -> tuple[Neighbour, ...]:
    """Read `ip -json neighbour`; entries that are being asked for have no state yet."""
    return tuple(
        Neighbour(address=entry["dst"], device=entry.get("dev"), state=str((entry.get("state") or ["none"])[0]).lower())
        for entry in json.loads(text)
        if ":" not in entry["dst"]
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
            if not rest.split():
                raise ValueError(f"process list: the line of {name} ends early")
            found.append(Process(name=name, state=rest.split()[0]))
    return tuple(found)
