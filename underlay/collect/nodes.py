"""The conversation with the program on one node: begin, probe, report; each answer is one line of JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import asyncssh
from pydantic import ValidationError

from underlay.collect.package import COMMAND, opening
from underlay.collect.ssh import Shell, Unreachable
from underlay.judge.evidence import NodeReport
from underlay.plan.verification import Expected, ExpectedNode

LONGEST = 8 * 1024 * 1024
"""Bytes of one answer at most; a longer one is refused."""
ATTACHING = 20.0
"""Seconds to compile, attach and self-test: 0.3 to 2 on an idle machine, more when all nodes share two cores."""
PROBING = 14.0
REPORTING = 6.0
DIGITS = 20
"""Digits of a number, its sign included."""
SHOWN = 200
"""Characters of an invalid answer that a message shows."""


class Node:
    """A running program on a node."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self.process = process

    async def begin(self, node: ExpectedNode, expected: Expected) -> str:
        """Attach the programs; return the level of evidence that the node can give."""
        largest = expected.packet(node)
        request: dict[str, Any] = {
            "request": "begin",
            "uplinks": [{"name": link.name, "mtu": largest} for link in node.uplinks],
            "port": expected.port,
            "targets": len(expected.partners(node.name)),
        }
        answer = await self._ask(request, ATTACHING)
        return str(answer.get("level"))

    async def probe(
        self, pod: str | None, targets: Sequence[dict[str, str]], expected: Expected, beyond: Mapping[str, Any]
    ) -> None:
        """Send the probes from the node's pod to all targets, and what goes beyond pods, and read the facts."""
        pods = [target["address"] for target in targets] + ([pod] if pod else [])
        machines = {str(node.address) for node in expected.nodes} | {
            str(gateway) for node in expected.nodes for gateway in node.gateways
        }
        name = expected.dns
        request: dict[str, Any] = {
            "request": "probe",
            "pod": pod,
            "targets": targets,
            "pods": pods,
            "machines": sorted(machines),
            "options": sorted(expected.options),
        }
        request |= beyond
        request |= {"dns": {"server": str(name.server), "name": name.name}} if name else {}
        await self._ask(request, PROBING)

    async def report(self) -> NodeReport:
        """Take the programs out and return the report; Unreachable when it is not a valid one."""
        answer = await self._ask({"request": "report"}, REPORTING)
        try:
            return NodeReport.read(answer)
        except ValidationError as error:
            first = error.errors()[0]
            where = shown(".".join(map(str, first["loc"])).encode(errors="replace")).strip("'")
            raise Unreachable(f"the report is not valid: {where}: {first['msg'][:SHOWN]}") from None

    async def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        with contextlib.suppress(BrokenPipeError):  # it may have ended already: reading says with which words
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        try:
            async with asyncio.timeout(seconds):
                line = await self._line()
        except TimeoutError:
            raise Unreachable(f"no answer to {request['request']!r} within {seconds:g} s") from None
        try:
            return dict(json.loads(line, parse_int=_number, parse_constant=_constant))
        except (ValueError, TypeError, RecursionError):
            raise Unreachable(f"the answer to {request['request']!r} is not JSON: {shown(line)}") from None

    async def _line(self) -> bytes:
        parts: list[bytes] = []
        while not parts or not parts[-1].endswith(b"\n"):
            part = await self.process.stdout.read(1 << 18)
            if not part:
                raise Unreachable(f"the program ended early: {shown(b''.join(parts) + await self._complaint())}")
            parts.append(part)
            if sum(map(len, parts)) > LONGEST:
                raise Unreachable(f"the answer is longer than {LONGEST} bytes: {shown(parts[0])}")
        return b"".join(parts)

    async def _complaint(self) -> bytes:
        return (await self.process.stderr.read(1 << 14))[-SHOWN:]


def _number(text: str) -> int:
    """Return a whole number of at most 64 bits: what is longer could not even be printed after a sum."""
    if len(text) > DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


async def start(shell: Shell) -> Node:
    """Send the program to a node and start it."""
    process = await shell.start(COMMAND)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(opening())
    return Node(process)


def shown(data: bytes) -> str:
    """Return the beginning of a machine's answer, made harmless for a terminal."""
    return ascii(data[:SHOWN].decode(errors="replace"))
