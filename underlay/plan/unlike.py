"""Where two plain values differ, as objects do that somebody has changed in a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

By = Callable[[str, object], bool]


class Unlike(NamedTuple):
    """A place, what is there, and what was wanted there."""

    place: str
    found: object
    wanted: object


def never(_name: str, _value: object) -> bool:
    """Say that nobody but its owner adds a value."""
    return False


def unlike(wanted: object, found: object, place: str = "", by_itself: By = never) -> Iterator[Unlike]:
    """Yield each place where two plain values differ; what comes by itself, beside what is wanted, is no difference."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for name in sorted({*wanted, *found}):
            if name in wanted or not by_itself(name, found[name]):
                yield from unlike(wanted.get(name), found.get(name), f"{place}.{name}".lstrip("."), by_itself)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from unlike(one, other, f"{place}.{number}", by_itself)
    elif wanted != found:
        yield Unlike(place, found, wanted)


def said(value: object, plain: Callable[[object], str] = repr) -> str:
    """Return a value in a few words."""
    if value is None:
        return "nothing"
    return f"{len(value)} entries" if isinstance(value, list | Mapping) else plain(value)
