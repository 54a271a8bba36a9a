"""The reference of a site's keys: each with its kind, its meaning and an example, made from the model's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from underlay.model.mistakes import PATTERNS
from underlay.plan.checks import RULES
from underlay.report.schema import FORMATS, Schema

HEAD = """# A site's keys

Every key of `cilium-underlay:site` in a stack file, made from the model by `make docs`; do not edit it by hand.
Editors learn the same from a stack file's first line, `# yaml-language-server: $schema=docs/stack.schema.json`.
What keys must not say together is in [findings.md](findings.md). `[]` after a name: a list of such parts.
"""
NAME, NODE_NAME = [pattern for pattern in PATTERNS if "{0,61}" in pattern][:2]
COLUMNS = ("key", "kind", "default", "meaning", "example")
SHAPES = {
    **PATTERNS,
    FORMATS["ipv4"]["pattern"]: "IPv4 address",
    FORMATS["ipv4network"]["pattern"]: "IPv4 network",
    NAME: "name: lower-case letters, digits, hyphens",
    NODE_NAME: "name of a node: as a name, points between parts",
}
KINDS = {"string": "text", "boolean": "true or false", "object": "mapping", "null": "nothing"}
STANDING = {
    "IPv4 address": "172.30.1.254",
    "IPv4 network": "10.250.0.0/16",
    SHAPES[NAME]: "name-1",
    SHAPES[NODE_NAME]: "worker-1",
    "true or false": True,
    "mapping": {},
    "a registry and a path, in lower case and without a scheme": "registry.example/mirror",
    "a name of lower-case letters, digits, hyphens and points": "name-1",
    "twelve bytes in base64: 16 letters, digits, + and /": "JLfvgnHc2kaSUFaI",
}
"""Examples of keys that no example site has; other kinds name one themselves."""
WORDS = {"; None:": "; left out:", "None:": "Left out:", "True:": "`true`:", "False:": "`false`:"}
"""The model speaks Python, the page YAML."""
LONGEST = 60
"""Characters of an example."""

Examples = Mapping[str, Any]
"""Path without numbers, as in `site.racks.name`, to a value."""


def page(schema: Schema, sites: Sequence[Mapping[str, Any]]) -> str:
    """Return the page as Markdown; an example is the value of the first of some right sites that has the key."""
    known = dict(_good())
    for site in reversed(sites):
        known |= dict(_values("site", site))
    return "\n".join([HEAD, *_part(schema, schema, "site", known)])


def _good() -> Iterator[tuple[str, Any]]:
    """Yield what rules show as right."""
    for rule in RULES.values():
        for path, value in rule.good.items():
            if isinstance(value, str | int | list):
                yield f"site.{re.sub(r'[.][0-9]+', '', path)}", value


def _values(path: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - whatever a site holds
    if value not in ([], {}):
        yield path, value
    items = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    for item in items:
        for key, inner in item.items() if isinstance(item, dict) else ():
            yield from _values(f"{path}.{key}", inner)


def _part(root: Schema, part: Schema, path: str, known: Examples) -> Iterator[str]:
    """Yield the table of a part's keys, then the tables of the parts below it."""
    yield f"## {path}\n\n{part['description']}\n\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
    below = []
    for key, field in part["properties"].items():
        place = f"{path}.{key}{'[]' if _items(root, field) else ''}"
        inner = _items(root, field) or _value(root, field)
        cells = (f"`{key}`", _kind(root, field), _default(part, key), _meaning(field))
        if "properties" in inner:
            below.append((inner, place))
            yield _row(*cells, f"see [{place}](#{_anchor(place)})")
        else:
            yield _row(*cells, _example(field, inner, known.get(f"{path}.{key}".replace("[]", ""))))
    yield ""
    for inner, place in below:
        yield from _part(root, inner, place, known)


def _value(root: Schema, field: Schema) -> Schema:
    """Return what a field's value has to be where there is one: references followed, `null` left out."""
    for choice in field.get("anyOf", ()):
        if choice.get("type") != "null":
            return _value(root, choice)
    if name := field.get("$ref", "").rpartition("/")[2]:
        found: Schema = root["definitions"][name]
        return found
    return field


def _items(root: Schema, field: Schema) -> Schema:
    """Return what each item of a list has to be; nothing where a field is no list."""
    items = _value(root, field).get("items")
    return _value(root, items) if items else {}


def _kind(root: Schema, field: Schema) -> str:
    """Return what kind of value a field takes, in words."""
    if items := _items(root, field):
        return f"list of {'parts' if 'properties' in items else _word(items)}"
    value = _value(root, field)
    return "part" if "properties" in value else _word(value)


def _word(value: Schema) -> str:
    if "enum" in value or "const" in value:
        return " or ".join(f"`{one}`" for one in value.get("enum", [value.get("const")]))
    if value.get("type") in {"integer", "number"}:
        low, high = value.get("minimum"), value.get("maximum")
        limits = f", {low:,} to {high:,}" if high is not None else f", {low:,} or more" if low is not None else ""
        return f"whole number{limits}"
    return SHAPES.get(value.get("pattern", ""), KINDS.get(value.get("type", ""), "any value"))


def _default(part: Schema, key: str) -> str:
    if key in part.get("required", ()):
        return "must be told"
    value = part["properties"][key].get("default")
    return "nothing" if value in (None, [], {}) or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _example(field: Schema, value: Schema, known: Any) -> str:  # noqa: ANN401 - whatever a site holds
    if known is None:
        kind = _word(value)
        standing = STANDING.get(kind, kind.rpartition("as in ")[2])
        known = field.get("default") or value.get("enum", [value.get("minimum", standing)])[0]
        known = [known] if field.get("type") == "array" else known
    text = json.dumps(known, ensure_ascii=False)
    bare = text.replace('"', "") if isinstance(known, str | list) else text
    return f"`{bare.replace('`', '') if len(bare) <= LONGEST else bare[:LONGEST] + ' ...'}`"


def _meaning(field: Schema) -> str:
    text: str = field.get("description", "")
    for ours, theirs in WORDS.items():
        text = text.replace(ours, theirs)
    return text


def _row(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def _anchor(title: str) -> str:
    """Return the anchor that Markdown gives a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")
