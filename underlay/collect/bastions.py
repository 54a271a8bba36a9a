"""Connections to bastions: one each, however many machines are behind it."""

from __future__ import annotations

import asyncio

import asyncssh

from underlay.collect.ssh import Machine, Unreachable, dial


class Bastions:
    """The bastions of one look at a site; a server that limits unfinished log-ins meets one of them."""

    def __init__(self, key: str) -> None:
        """Log in by this key wherever a bastion has none of its own."""
        self._key = key
        self._open: dict[Machine, asyncio.Task[asyncssh.SSHClientConnection]] = {}

    async def before(self, machine: Machine) -> asyncssh.SSHClientConnection | None:
        """Return the connection through which a machine is reached; None: directly. Unreachable says why not."""
        if machine.via is None:
            return None
        if machine.via not in self._open:
            self._open[machine.via] = asyncio.create_task(dial(machine.via, self._key))
        try:
            return await asyncio.shield(self._open[machine.via])
        except Unreachable as error:
            raise Unreachable(f"bastion {machine.via.name} before {machine.name}: {error}") from None

    def close(self) -> None:
        """End every connection, and with it whatever goes through it."""
        for task in self._open.values():
            if not task.cancel() and not task.cancelled() and not task.exception():
                task.result().abort()
