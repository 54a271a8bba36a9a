"""Runs a command on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.pulumi import assets
from lab.pulumi.capture import STDERR, STDOUT, Capture, CommandError, quoted
from lab.pulumi.engine import Journal
from lab.pulumi.values import Properties

CHUNK = 1 << 16

PREVIOUS = {"stdout": "PULUMI_COMMAND_STDOUT", "stderr": "PULUMI_COMMAND_STDERR"}
"""Variables in which a command finds what its resource's last run printed."""


async def run(command: str, inputs: Properties, previous: Properties, journal: Journal) -> Properties:
    """Return the outputs of a command; raise `CommandError` when it cannot start or does not end with 0."""
    words = [*(inputs.get("interpreter") or ["/bin/sh", "-c"]), command]
    capture = Capture(inputs.get("logging"), journal)
    try:
        process = await _start(words, inputs, previous)
        await _finish(process, inputs.get("stdin") or "", capture)
    except OSError as error:
        raise capture.failure(_start_error(words[0], error), command) from None
    except asyncio.CancelledError:
        raise capture.failure(_ending(-signal.SIGKILL), command) from None
    finally:
        await capture.close()
    if process.returncode:
        raise capture.failure(_ending(process.returncode), command)
    return capture.outputs() | _files(inputs)


def previous_outputs(inputs: Properties, previous: Properties) -> Iterator[tuple[str, str]]:
    """Yield the variables with the last run's outputs, where there are any and they are wanted."""
    if inputs.get("addPreviousOutputInEnv", True):
        yield from ((variable, previous[key]) for key, variable in PREVIOUS.items() if previous.get(key))


async def _start(words: list[str], inputs: Properties, previous: Properties) -> asyncio.subprocess.Process:
    variables = {**os.environ, **inputs.get("environment", {}), **dict(previous_outputs(inputs, previous))}
    return await asyncio.create_subprocess_exec(
        *words,
        cwd=inputs.get("dir"),
        env=variables,
        stdin=asyncio.subprocess.PIPE if inputs.get("stdin") else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # so that a cancelled command ends with all it started
    )


async def _finish(process: asyncio.subprocess.Process, stdin: str, capture: Capture) -> None:
    try:
        await asyncio.gather(
            _write(process.stdin, stdin),
            _read(process.stdout, STDOUT, capture),
            _read(process.stderr, STDERR, capture),
            process.wait(),
        )
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _write(stream: asyncio.StreamWriter | None, text: str) -> None:
    if stream is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):  # a command need not read all of its input
        stream.write(text.encode("utf-8", "surrogateescape"))
        await stream.drain()
        stream.close()


async def _read(stream: asyncio.StreamReader | None, number: int, capture: Capture) -> None:
    while stream is not None and (data := await stream.read(CHUNK)):
        capture.feed(number, data)


def _start_error(program: str, error: OSError) -> str:
    reason = os.strerror(error.errno or 0).lower()
    if isinstance(error, FileNotFoundError) and "/" not in program and error.filename == program:
        return f"exec: {quoted(program)}: executable file not found in $PATH"
    if error.filename not in {None, program}:
        return f"chdir {error.filename}: {reason}"
    return f"fork/exec {program}: {reason}"


def _ending(returncode: int) -> str:
    if returncode > 0:
        return f"exit status {returncode}"
    return f"signal: {signal.strsignal(-returncode) or -returncode}".lower()


def _files(inputs: Properties) -> Properties:
    folder = Path(inputs.get("dir") or Path.cwd())
    try:
        found = {key: assets.find(folder, inputs[key]) for key in ("assetPaths", "archivePaths") if key in inputs}
        outputs: Properties = {"assets": found["assetPaths"]} if "assetPaths" in found else {}
        return outputs | ({"archive": assets.archive(found["archivePaths"])} if "archivePaths" in found else {})
    except OSError as error:
        raise CommandError(f"{error.filename}: {os.strerror(error.errno or 0)}") from None
