"""How every command ends: with its code, or with one message where it could not do what it was asked."""

from __future__ import annotations

import os
import select
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from underlay.commands.common import BAD, SHOWN, UNKNOWN, Failure, say
from underlay.report.columns import harmless

UNREAD, INTERRUPTED = 141, 130
"""Exit codes as shells tell of what SIGPIPE and SIGINT have ended."""
PACKAGES = (
    "`pip install --require-hashes -r requirements.txt` brings it, and `python3 -m lab exec -- COMMAND` runs a command "
    "with the lab's own packages"
)
ROOT = Path(__file__).parents[2]


def ended(name: str, run: Callable[[], int]) -> int:
    """Run a command and return its code; whatever happens, a person reads one message and no traceback."""
    try:
        return _written(run)
    except Failure as failure:
        text, code = str(failure), BAD
    except KeyboardInterrupt:
        text, code = "interrupted", INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, a person reads it
        if isinstance(error, OSError) and any([_left(sys.stdout), _left(sys.stderr)]):
            return UNREAD
        text, code = _accident(error), UNKNOWN
    say(f"{name}: {text}")
    return code


def _accident(error: Exception) -> str:
    """Return what a person has to know of something that no command expects."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the output'} cannot be used: {error.strerror or error}"
    if isinstance(error, ModuleNotFoundError):
        return f"the Python package {error.name} is not there; {PACKAGES}"
    text = harmless(f"unexpected {type(error).__name__} at {_place(error)}: {error}")[:SHOWN]
    return f"{text}; this is a mistake of the program, please report it"


def _written(run: Callable[[], int]) -> int:
    """Return a command's code once all is out that it has printed, its help included."""
    try:
        return run()
    finally:
        sys.stdout.flush()


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
