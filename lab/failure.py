"""The one exception that ends a command of the lab with a message instead of a traceback."""

from __future__ import annotations


class Failure(Exception):
    """What went wrong, for the user: what, where, found, expected, next step."""
