"""What a command printed: kept as outputs, shown as it comes, and told whole when the command fails."""

from __future__ import annotations

import re

from lab.pulumi.engine import Journal, Progress
from lab.pulumi.serve import CallError

STDOUT, STDERR = 1, 2

_LOGGED = {
    None: {STDOUT, STDERR},
    "stdoutAndStderr": {STDOUT, STDERR},
    "stdout": {STDOUT},
    "stderr": {STDERR},
}

ERROR_LIMIT = 4 * 1024 * 1024
"""An error's text travels in a header, and receivers of headers give up at 16 MiB, escapes included."""

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPES |= {"\\": "\\\\", '"': '\\"'}


class CommandError(CallError):
    """A command, a connection or a copy failed; the text is for the user."""


class Capture:
    """Output of one command, both streams apart and together."""

    def __init__(self, logging: str | None, journal: Journal) -> None:
        self._streams = {STDOUT: bytearray(), STDERR: bytearray()}
        self._both = bytearray()
        self._logged = _LOGGED.get(logging, set())
        self._progress = Progress(journal)

    def feed(self, stream: int, data: bytes) -> None:
        """Take what a stream brought."""
        self._streams[stream] += data
        self._both += data
        if stream in self._logged:
            self._progress.feed(stream, data)

    async def close(self) -> None:
        """End the display."""
        await self._progress.close()

    def outputs(self) -> dict[str, object]:
        """Return both streams as text, each without its last line feed."""
        return {"stdout": _text(self._streams[STDOUT]), "stderr": _text(self._streams[STDERR])}

    def failure(self, reason: str, command: str) -> CommandError:
        """Return the error of a failed command: why, the whole command, all it printed."""
        return CommandError(f"{reason}: running {quoted(command)}:\n{_shortened(self._both)}")


def _text(data: bytearray) -> str:
    return data.decode("utf-8", "surrogateescape").removesuffix("\n")


def _shortened(data: bytearray) -> str:
    cut = len(data) - ERROR_LIMIT
    if cut > 0:
        half = ERROR_LIMIT // 2
        data = data[:half] + f"\n[{cut} bytes left out]\n".encode() + data[-half:]
    return data.decode("utf-8", "replace")


def quoted(text: str) -> str:
    """Return a text in double quotes on one line, as the engine's language writes it."""
    return '"' + re.sub(r'[\\"]|[^ -~]', _escaped, text) + '"'


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    width = next(width for width in (2, 4, 8) if code < 16**width)
    return f"\\{'xuU'[(2, 4, 8).index(width)]}{code:0{width}x}"
