"""What follows from a whole site is worked out once for it, however many nodes and routers ask."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from underlay.model import Site

T = TypeVar("T")


def per_site(function: Callable[[Site], T]) -> Callable[[Site], T]:
    """Keep a function's result as long as the site lives; sites are told apart by identity."""
    known: dict[int, T] = {}

    @wraps(function)
    def look(site: Site) -> T:
        key = id(site)
        if key not in known:
            known[key] = function(site)
            weakref.finalize(site, known.pop, key, None)
        return known[key]

    return look
