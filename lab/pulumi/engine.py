"""The engine's log: lines shown beside a resource while its command runs, and warnings that stay."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

INFO, WARNING, ERROR = engine_pb2.INFO, engine_pb2.WARNING, engine_pb2.ERROR

MESSAGE_LIMIT = 400 * 1024 * 1024
"""The engine's own limit of one message."""

OPTIONS = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]

LOG_SECONDS = 5
"""A log line is not worth more waiting than this."""

LINES_AT_ONCE = 100
"""More waiting lines than this travel as one message: only the last is displayed anyway."""

HIDDEN = "[secret]"

SHORTEST_HIDDEN = 4
"""Shorter secrets would hide half of every message and protect nothing."""


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text without any of the secrets in it, nor any line of a secret of several lines."""
    pieces = {piece for secret in secrets for piece in (secret.strip(), *secret.splitlines())}
    for piece in sorted((piece for piece in pieces if len(piece) >= SHORTEST_HIDDEN), key=len, reverse=True):
        text = text.replace(piece, HIDDEN)
    return text


class Engine:
    """A connection to the engine; without one every message is dropped."""

    def __init__(self) -> None:
        self._channel: grpc.aio.Channel | None = None

    def attach(self, address: str) -> None:
        """Send messages to the engine at an address from now on."""
        self._channel = grpc.aio.insecure_channel(address, options=OPTIONS) if address else self._channel

    async def log(
        self, urn: str, severity: engine_pb2.LogSeverity.ValueType, text: str, *, passing: bool = False
    ) -> None:
        """Show a message beside a resource; an engine that does not listen is not an error of the command."""
        if self._channel is None:
            return
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=passing)
        with suppress(grpc.aio.AioRpcError):
            await engine_pb2_grpc.EngineStub(self._channel).Log(request, timeout=LOG_SECONDS)


@dataclass(frozen=True)
class Journal:
    """What one operation says beside its resource; the resource's secrets never get through."""

    engine: Engine
    urn: str
    secrets: frozenset[str] = frozenset()

    async def say(self, severity: engine_pb2.LogSeverity.ValueType, text: str, *, passing: bool = False) -> None:
        """Show one message."""
        await self.engine.log(self.urn, severity, hide(text, self.secrets), passing=passing)


class Progress:
    """Lines of a running command; feeding never waits, closing waits until all are shown."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._rest = {1: b"", 2: b""}
        self._task = asyncio.create_task(self._show())

    def feed(self, stream: int, data: bytes) -> None:
        """Take output of stream 1 or 2 and show its complete lines."""
        *lines, self._rest[stream] = (self._rest[stream] + data).split(b"\n")
        for line in lines:
            self._lines.put_nowait(line.decode("utf-8", "replace"))

    async def close(self) -> None:
        """Show what is left and end."""
        for stream, rest in self._rest.items():
            self.feed(stream, b"\n" if rest else b"")
        self._lines.put_nowait(None)
        await self._task

    async def _show(self) -> None:
        open_ = True
        while open_:
            waiting = [await self._lines.get()]
            while not self._lines.empty():
                waiting.append(self._lines.get_nowait())
            open_ = None not in waiting
            lines = [line for line in waiting if line is not None]
            for message in ["\n".join(lines)] if len(lines) > LINES_AT_ONCE else lines:
                await self._journal.say(INFO, message, passing=True)
