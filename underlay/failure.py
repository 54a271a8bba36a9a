"""The end of a command: one message, and no traceback."""

from __future__ import annotations


class Failure(Exception):
    """A command could not do its work; the text says what, where and what to do."""
