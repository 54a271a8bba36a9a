"""What all commands share: input as JSON, progress on standard error, one message on failure, waiting with a reason."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from underlay.failure import Failure
from underlay.report.columns import harmless

__all__ = [
    "BAD",
    "UNKNOWN",
    "Failure",
    "Look",
    "judging",
    "no_words",
    "read_input",
    "say",
    "site_option",
    "text_of",
    "wait",
    "written",
]

BAD, UNKNOWN = 1, 3
"""Exit codes of a judgement: the site is not as it has to be; it could not be judged."""
SHOWN = 600
"""Letters of an error of our own."""
PAUSE = 1.0
"""Seconds between two looks: as often as Cilium's operator registers a CRD."""

Look = Callable[[], Sequence[str]]
"""Returns what is still missing, as sentences; nothing when all is there."""


def no_words(name: str, does: str | None, argv: Sequence[str]) -> None:
    """Refuse words behind a command that takes none; `--help` says what it does."""
    argparse.ArgumentParser(prog=f"underlay {name}", description=does).parse_args(argv)


def site_option(parser: argparse.ArgumentParser) -> None:
    """Let a command be told the stack file whose site it shows."""
    parser.add_argument("--site", type=Path, required=True, metavar="FILE", help="a stack file, as Pulumi.dev.yaml")


def judging(command: str, run: Callable[[], int]) -> int:
    """Return the exit code that a judgement comes to; a mistake of ours must not look like a fault of the site."""
    try:
        return run()
    except Failure as failure:
        text = str(failure)
    except BrokenPipeError:
        raise  # nobody reads the answer, which says nothing of the site
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no verdict
        text = f"the site could not be judged: {type(error).__name__}: {error}"
        text = f"{harmless(text)[:SHOWN]}; this is no verdict on the site"
    say(f"{command}: {text}")
    return UNKNOWN


def text_of(path: Path) -> str:
    """Return a file's text; Failure says why there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"{path} is not UTF-8 at byte {error.start}") from None


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Write files at or below a place; Failure says which of them cannot be written."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{error.filename or path} cannot be written: {error.strerror}") from None


def read_input(*keys: str) -> dict[str, Any]:
    """Return the JSON object on standard input, which has to have these keys."""
    try:
        data = json.load(sys.stdin)
    except ValueError as error:
        raise Failure(f"standard input is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise Failure("standard input is not a JSON object")
    if missing := [key for key in keys if key not in data]:
        raise Failure(f"standard input lacks {', '.join(missing)}; expected {', '.join(keys)}")
    return data


def say(text: str) -> None:
    """Tell the person who waits what is going on."""
    print(text, file=sys.stderr, flush=True)


def wait(look: Look, seconds: float, what: str) -> None:
    """Look until nothing is missing; a time-out names everything that is."""
    end, before = time.monotonic() + seconds, -1
    while missing := look():
        if time.monotonic() > end:
            lines = "\n".join(f"  - {line}" for line in missing)
            raise Failure(f"{what} not complete after {seconds:.0f} s; still missing:\n{lines}")
        if len(missing) != before:
            say(f"{what}: waiting for {len(missing)}: {missing[0]}")
            before = len(missing)
        time.sleep(PAUSE)
