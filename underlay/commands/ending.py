"""How every command ends: with its code, or with one message where it could not do what it was asked."""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from underlay.commands.common import BAD, SHOWN, Failure, say
from underlay.report.columns import harmless

UNREAD, INTERRUPTED = 141, 130
"""Exit codes as shells tell of what SIGPIPE and SIGINT have ended."""
ROOT = Path(__file__).parents[2]


def ended(name: str, run: Callable[[], int]) -> int:
    """Run a command and return its code; whatever happens, a person reads one message and no traceback."""
    try:
        return _written(run)
    except Failure as failure:
        return _told(name, str(failure))
    except KeyboardInterrupt:
        return _told(name, "interrupted", INTERRUPTED)
    except OSError as error:
        if [stream for stream in (sys.stdout, sys.stderr) if _left(stream)]:
            return UNREAD
        return _told(name, f"{error.filename or 'the output'} cannot be used: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - whatever it is, a person reads it
        text = f"unexpected {type(error).__name__} at {_place(error)}: {error}"
        return _told(name, f"{harmless(text)[:SHOWN]}; this is a mistake of the program, please report it")


def _written(run: Callable[[], int]) -> int:
    """Return a command's code once all is out that it has printed, its help included."""
    try:
        return run()
    finally:
        sys.stdout.flush()


def _told(name: str, text: str, code: int = BAD) -> int:
    say(f"{name}: {text}")
    return code


def _left(stream: TextIO) -> bool:
    """Return whether a stream's reader has gone; what is still to be written goes nowhere then."""
    look = select.poll()
    look.register(stream, select.POLLERR)
    if gone := any(what & select.POLLERR for _, what in look.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return gone


def _place(error: Exception) -> str:
    """Return the last line of ours on the way to an error."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT)]
    frame = (ours or frames)[-1]
    path = Path(frame.filename)
    return f"{path.relative_to(ROOT) if ours else path.name}:{frame.lineno}"
