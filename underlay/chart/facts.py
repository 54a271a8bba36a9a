"""What a chart itself says: the tree of its keys and the images it names; run once for each minor version."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from underlay.plan.chart.keys import CLOSED, OPEN, Tree

USED = (
    re.compile(r"\.Values((?:\.[A-Za-z][A-Za-z0-9]*)+)()"),
    re.compile(r'(?:hasKey|get) \(?\$?\.Values((?:\.[A-Za-z][A-Za-z0-9]*)*) "([A-Za-z0-9]+)"'),
    re.compile(r'(?:hasKey|get) \$([A-Za-z][A-Za-z0-9]*) "([A-Za-z0-9]+)"'),
)
"""A key that a template reads: `.Values.a.b`, `hasKey .Values.a "b"`, or `hasKey $a "b"` with `$a` named after `a`."""


def facts(chart: Path) -> dict[str, Any]:
    """Return the key tree and the images of a chart's directory."""
    values = yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    tree = tree_of(values, schema)
    for path in sorted(_used(chart / "templates")):
        _add(tree, path)
    images = {".".join(path): name for path, name in images_of(values)}
    return {"images": images, "keys": tree}


def tree_of(values: Mapping[str, Any], schema: Mapping[str, Any]) -> Tree:
    """Return the keys below a mapping; what takes any key is open, a value is closed."""
    known = schema.get("properties", {})
    tree: dict[str, Tree] = {}
    for key in sorted({*values, *known}):
        below, rule = values.get(key), known.get(key, {})
        if isinstance(below, dict) and below:
            tree[key] = tree_of(below, rule)
        elif rule.get("properties"):
            tree[key] = tree_of({}, rule)
        else:
            tree[key] = OPEN if isinstance(below, dict) or "object" in _kinds(rule) else CLOSED
    return tree


def images_of(values: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the place of each image and its name without the registry's host."""
    for key, below in values.items() if isinstance(values, dict) else ():
        if isinstance(below, dict) and isinstance(below.get("repository"), str):
            yield (*path, key), below["repository"].partition("/")[2]
        yield from images_of(below, (*path, key))


def _kinds(rule: Mapping[str, Any]) -> list[str]:
    kinds = rule.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _used(templates: Path) -> set[tuple[str, ...]]:
    texts = (path.read_text(encoding="utf-8") for path in templates.rglob("*") if path.suffix in (".yaml", ".tpl"))
    return {
        tuple(word for word in (*path.split("."), last) if word)
        for text in texts
        for form in USED
        for path, last in form.findall(text)
    }


def _add(tree: Tree, path: tuple[str, ...]) -> None:
    """Add a key that templates read, of unknown shape, except where the tree is open or ends above it."""
    place: Any = tree
    for key in path[:-1]:
        if not isinstance(place, dict) or key not in place:
            return
        place = place[key]
    if isinstance(place, dict):
        place.setdefault(path[-1], OPEN)


def main() -> int:
    """Print the facts of the chart in the directory that is named, as JSON with one top-level key a line."""
    found = facts(Path(sys.argv[1]))
    rows = [f"{json.dumps(key)}:{json.dumps(below, separators=(',', ':'))}" for key, below in found["keys"].items()]
    images = json.dumps(found["images"], separators=(",", ":"))
    print('{"images":' + images + ',\n"keys":{\n' + ",\n".join(rows) + "\n}}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
