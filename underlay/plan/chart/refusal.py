"""What Helm says when it does not render a chart, as findings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from underlay.finding import Finding

SCHEMA = re.compile(r"^\s*- (?:at )?'?/?(?P<path>[^':]*)'?: (?:got (?P<found>.+), want )?(?P<why>.+)$", re.MULTILINE)
"""A value of the wrong kind, by JSON pointer: `- at '/bpf/masquerade': got string, want boolean`."""
FAILED = re.compile(r"execution error at \((?P<place>[^)]+)\): (?P<why>.+)", re.DOTALL)
"""A template that calls `fail`; its place is chart, file, line and column."""
HINT = "Use --debug flag to render out invalid YAML"
"""What Helm adds to every failure."""
LONGEST = 400
"""Characters of a message that nobody knows."""


def refusals(text: str) -> list[Finding]:
    """Return the findings that Helm's standard error tells: one at least, whatever it says."""
    if "specifications of the schema" in text and (found := list(_schema(text))):
        return found
    if failed := FAILED.search(text):
        where = f"chart, {failed['place'].rpartition(':')[0] or failed['place']}"
        why = " ".join(failed["why"].split()).removesuffix(HINT).strip()
        return [Finding("chart-refuses-values", where, why, "values that the chart takes")]
    said = " ".join(text.split())[-LONGEST:] or "nothing said"
    return [Finding("chart-not-rendered", "chart", said, "a chart that Helm renders")]


def _schema(text: str) -> Iterator[Finding]:
    for match in SCHEMA.finditer(text):
        path = match["path"].replace("/", ".")
        found = match["found"] or "another value"
        yield Finding("chart-schema-refuses-value", f"site.cilium.values.{path}", found, match["why"])
