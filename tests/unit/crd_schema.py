"""A reader of the schemas that Cilium's operator registers: what the API server would say of an object's spec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lab.paths import cache

FOLDER = "go/mod/github.com/cilium/cilium@v*/pkg/k8s/apis/cilium.io/client/crds/v2"
KINDS = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
Schema = Mapping[str, Any]


def schema(plural: str) -> Schema | None:
    """Return the schema of a kind from the pinned module; None where the cache does not hold it."""
    for path in cache().glob(f"{FOLDER}/{plural}.yaml"):
        return _read(path)
    return None


def _read(path: Path) -> Schema:
    definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    version = next(one for one in definition["spec"]["versions"] if one["name"] == "v2")
    found: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


def problems(value: Any, known: Schema, where: str = "spec") -> Iterator[str]:
    """Yield what the schema refuses, and keys that it would prune."""
    kind = known.get("type")
    if kind and not known.get("x-kubernetes-int-or-string") and not isinstance(value, KINDS[kind]):
        yield f"{where}: {type(value).__name__}, not {kind}"
        return
    yield from _limits(value, known, where)
    if isinstance(value, dict):
        yield from _keys(value, known, where)
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from problems(item, known.get("items", {}), f"{where}.{number}")
    for key, least in (("anyOf", 1), ("oneOf", 1)):
        matches = sum(not list(problems(value, one, where)) for one in known.get(key, ()))
        if key in known and (matches < least or (key == "oneOf" and matches != 1)):
            yield f"{where}: {matches} of {key}"


def _keys(value: dict[str, Any], known: Schema, where: str) -> Iterator[str]:
    inside, others = known.get("properties", {}), known.get("additionalProperties", {})
    closed = "properties" in known and known.get("type") == "object"
    yield from (f"{where}: lacks {key}" for key in known.get("required", ()) if key not in value)
    for key, item in value.items():
        if key in inside:
            yield from problems(item, inside[key], f"{where}.{key}")
        elif closed:
            yield f"{where}.{key}: unknown"
        elif isinstance(others, Mapping):
            yield from problems(item, others, f"{where}.{key}")


def _limits(value: Any, known: Schema, where: str) -> Iterator[str]:
    if "enum" in known and value not in known["enum"]:
        yield f"{where}: {value!r} is none of {known['enum']}"
    pattern = known.get("pattern", "")
    if isinstance(value, str) and r"\PC" not in pattern and not re.search(pattern, value):
        yield f"{where}: {value!r} against {pattern}"
    if isinstance(value, list) and len(value) > known.get("maxItems", len(value)):
        yield f"{where}: {len(value)} items"
    if isinstance(value, int) and not known.get("minimum", value) <= value <= known.get("maximum", value):
        yield f"{where}: {value} out of range"
