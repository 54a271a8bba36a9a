"""A finished picture."""

from __future__ import annotations

from typing import NamedTuple


class Drawing(NamedTuple):
    """A picture with its name, as in a file's, and its title."""

    name: str
    title: str
    svg: str
