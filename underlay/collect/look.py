"""Nodes as they are against nodes as they were declared: one constant program on each, all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import asyncssh
from pydantic import BaseModel, ValidationError

from underlay.collect.bastions import Bastions
from underlay.collect.ssh import Machine, Unreachable, connect
from underlay.finding import Finding
from underlay.remote import command

SECONDS = 30.0
"""For one node, from the first packet to the last; the program itself takes one or two."""
LONGEST = 200_000
"""Bytes of an answer; an ordinary one has fewer than 2,000."""
AT_ONCE = 64
"""Nodes that are asked at the same time."""


class Item(BaseModel):
    """A finding as a node tells it."""

    rule: str
    where: str
    found: str
    expected: str
    fix: str = ""
    reason: str = ""


class Answer(BaseModel):
    """What a node's program prints."""

    node: str
    findings: tuple[Item, ...]
    waived: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Seen:
    """One node after a look: what it found, or why there was no look."""

    node: str
    findings: tuple[Finding, ...] = ()
    waived: tuple[str, ...] = ()
    error: str = ""


async def look(
    machines: Mapping[str, Machine], key: str, requests: Mapping[str, str], action: str = "look"
) -> list[Seen]:
    """Look at every node at once, or `apply`; a node that cannot be asked does not keep the others waiting."""
    gate, doors = asyncio.Semaphore(AT_ONCE), Bastions(key)

    async def one(name: str) -> Seen:
        async with gate:
            try:
                async with asyncio.timeout(SECONDS):
                    return _seen(name, *await _ask(machines[name], doors, key, requests[name], action))
            except TimeoutError:
                return Seen(name, error=f"no answer within {SECONDS:g} s")
            except Unreachable as error:
                return Seen(name, error=str(error))
            except (OSError, asyncssh.Error) as error:
                return Seen(name, error=f"SSH to {name}: the connection broke: {error}")

    try:
        return await asyncio.gather(*(one(name) for name in requests))
    finally:
        doors.close()


async def _ask(machine: Machine, doors: Bastions, key: str, request: str, action: str) -> tuple[str, str]:
    shell = await connect(machine, key, await doors.before(machine))
    try:
        _, out, complaint = await shell.run(command(action), LONGEST, request.encode())
    finally:
        shell.close()
    return out, complaint


def _seen(name: str, out: str, complaint: str) -> Seen:
    try:
        answer = Answer.model_validate_json(out)
    except ValidationError as error:
        said = (complaint or out).strip()[:200]
        return Seen(name, error=f"its answer is no report ({error.error_count()} mistakes); it said {said!r}")
    if answer.node != name:
        return Seen(name, error=f"it calls itself {answer.node!r}; look at the addresses in the site")
    found = tuple(Finding(item.rule, item.where, item.found, item.expected, item.fix) for item in answer.findings)
    return Seen(name, found, tuple(f"{item.rule} at {item.where} ({item.reason})" for item in answer.waived))
