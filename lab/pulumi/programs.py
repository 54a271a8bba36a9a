"""Processes that a language host runs: all of them end with it, politely first."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

PATIENCE_SECONDS = 1.0
"""A program whose engine is done ends by itself, with its own words; it gets this long before it is told to."""

TERM_SECONDS = 2
"""What does not end when told is killed; the engine waits 5 s for this host."""

CHUNK = 1 << 16

Process = asyncio.subprocess.Process


class Programs:
    """The running processes."""

    def __init__(self) -> None:
        self._running: dict[Process, float] = {}

    async def run(self, *words: str, env: Mapping[str, str]) -> int:
        """Run a program that shares our own output, and return its exit code."""
        started = await asyncio.create_subprocess_exec(*words, env=env, start_new_session=True)
        async with self._held(started, PATIENCE_SECONDS) as process:
            return await process.wait()

    @asynccontextmanager
    async def piped(self, *words: str, env: Mapping[str, str], cwd: str | None = None) -> AsyncIterator[Process]:
        """Run a program whose output is read here, and end it with the block."""
        started = await asyncio.create_subprocess_exec(
            *words,
            env=env,
            cwd=cwd or None,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        async with self._held(started, 0) as process:
            yield process

    async def stop(self) -> None:
        """End all that runs."""
        await asyncio.gather(*(_stop(process, patience) for process, patience in self._running.items()))

    @asynccontextmanager
    async def _held(self, process: Process, patience: float) -> AsyncIterator[Process]:
        self._running[process] = patience
        try:
            yield process
        finally:
            await _stop(process, 0)
            self._running.pop(process)


async def _stop(process: Process, patience: float) -> None:
    """End a process and all it started; not by an interrupt, which Python answers with a traceback."""
    for number, seconds in ((None, patience), (signal.SIGTERM, TERM_SECONDS), (signal.SIGKILL, TERM_SECONDS)):
        if process.returncode is None and number is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), seconds)


async def output(process: Process) -> AsyncIterator[dict[str, Any]]:
    """Yield what a process prints as it comes, by stream, and at last its exit code."""
    pieces: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    readers = [asyncio.create_task(_read(getattr(process, name), name, pieces)) for name in ("stdout", "stderr")]
    open_streams = len(readers)
    while open_streams:
        piece = await pieces.get()
        open_streams -= piece is None
        if piece is not None:
            yield piece
    yield {"exitcode": await process.wait()}


async def _read(stream: asyncio.StreamReader | None, name: str, pieces: asyncio.Queue[dict[str, Any] | None]) -> None:
    while stream is not None and (data := await stream.read(CHUNK)):
        pieces.put_nowait({name: data})
    pieces.put_nowait(None)


def ending(code: int) -> str:
    """Return how a program ended that did not end well."""
    if code > 0:
        return f"exited with non-zero exit code: {code}"
    return f"exited unexpectedly: signal {signal.strsignal(-code) or -code}"
