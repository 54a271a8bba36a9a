"""The end of a command: one message, and no traceback; and what other errors say, in one line."""

from __future__ import annotations


class Failure(Exception):
    """A command could not do its work; the text says what, where and what to do."""


def in_one_line(error: Exception, most: int) -> str:
    """Return an error with its kind as one line of so many characters at most."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:most]
