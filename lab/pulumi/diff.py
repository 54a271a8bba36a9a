"""What changed between two sets of inputs, by property path, the way the engine shows and acts on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from lab.pulumi.values import Properties

ADD, DELETE, UPDATE = "ADD", "DELETE", "UPDATE"

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def changes(old: Properties, new: Properties, prefix: str = "") -> dict[str, str]:
    """Return the kind of change of each path that differs; secrets differ as a whole."""
    return dict(chain.from_iterable(_entry(old, new, key, prefix) for key in sorted(old.keys() | new.keys())))


def head(path: str) -> str:
    """Return the property that a path begins with."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _entry(old: Properties, new: Properties, key: str, prefix: str) -> Iterable[tuple[str, str]]:
    path = _join(prefix, key)
    if key not in old:
        return [(path, ADD)]
    return [(path, DELETE)] if key not in new else _value(old[key], new[key], path)


def _value(old: object, new: object, path: str) -> Iterable[tuple[str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        return changes(old, new, path).items()
    if isinstance(old, list) and isinstance(new, list):
        return _items(old, new, path)
    return [] if old == new else [(path, UPDATE)]


def _items(old: list[object], new: list[object], path: str) -> Iterable[tuple[str, str]]:
    both = min(len(old), len(new))
    yield from chain.from_iterable(_value(old[i], new[i], f"{path}[{i}]") for i in range(both))
    yield from ((f"{path}[{i}]", ADD) for i in range(both, len(new)))
    yield from ((f"{path}[{i}]", DELETE) for i in range(both, len(old)))


def _join(prefix: str, key: str) -> str:
    if not _PLAIN.fullmatch(key):
        quoted = key.replace('"', '\\"')
        return f'{prefix}["{quoted}"]'
    return f"{prefix}.{key}" if prefix else key
