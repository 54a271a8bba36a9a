"""What Helm has written down of a release: each revision as a Secret, its manifest packed inside."""

from __future__ import annotations

import base64
import gzip
import json
import re
from functools import lru_cache

import yaml

from underlay.collect.conditions import Object
from underlay.plan.chart.objects import AGENT, configuration, named
from underlay.plan.chart.objects import Object as Plain

PARTS = re.compile(r"^---.*$", re.MULTILINE)
OF_MAPS = re.compile(r"^kind: [\"']?ConfigMap\b", re.MULTILINE)
"""The ConfigMaps of a manifest: reading all of it takes a second."""
OF_AGENTS = re.compile(rf"\A(?=.*^kind: [\"']?DaemonSet\b).*^  name: [\"']?{AGENT}[\"']?$", re.MULTILINE | re.DOTALL)
"""The agents' DaemonSet; the proxy's is as long."""

FRACTION = re.compile(r"\.[0-9]+")
NAMED = 60
"""Characters of a program's name that are told."""


def status(record: Object) -> str:
    """Return the state of a revision, as in deployed or pending-upgrade."""
    return str((record["metadata"].get("labels") or {}).get("status", ""))


def revision(record: Object) -> int:
    """Return the number of a revision, by the name of its record; 0 where that has none."""
    number = str(record["metadata"].get("name", "")).rpartition(".v")[2]
    return int(number) if number.isdecimal() else 0


def options(record: Object) -> dict[str, str]:
    """Return the agents' options in a revision; none where it cannot be read."""
    return {name: str(value) for name, value in configuration(_parts(record, OF_MAPS)).items()}


def agents(record: Object) -> Plain:
    """Return the agents' DaemonSet in a revision; an empty one where it cannot be read."""
    return named(_parts(record, OF_AGENTS), "DaemonSet", AGENT)


def made_of(record: Object) -> tuple[Plain, Plain] | None:
    """Return the chart's description and the values that a revision was given; None where it cannot be read."""
    content = _content(record)
    try:
        return dict(content["chart"]["metadata"]), dict(content.get("config") or {})
    except (KeyError, TypeError, ValueError):
        return None


def deployed(record: Object) -> str:
    """Return when a revision was applied, to the second; nothing where it does not say so."""
    told = _content(record).get("info")
    return FRACTION.sub("", str(told.get("last_deployed") or "")) if isinstance(told, dict) else ""


def writers(record: Object) -> tuple[str, ...]:
    """Return the programs that have written a record, as the API server knows them."""
    fields = record["metadata"].get("managedFields") or ()
    return tuple(dict.fromkeys(str(one["manager"])[:NAMED] for one in fields if one.get("manager")))


def _content(record: Object) -> Plain:
    """Return what a record holds; nothing where it cannot be read."""
    data = record.get("data")
    text = data.get("release") if isinstance(data, dict) else None
    return _unpacked(text) if isinstance(text, str) else {}


@lru_cache(maxsize=1)
def _unpacked(text: str) -> Plain:
    """Return a record's content, which nobody changes: the last revision is asked for several of its parts."""
    try:
        content = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(text))))
    except (ValueError, OSError, EOFError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _parts(record: Object, wanted: re.Pattern[str]) -> list[Plain]:
    manifest = str(_content(record).get("manifest") or "")
    try:
        parts = [yaml.safe_load(part) for part in PARTS.split(manifest) if wanted.search(part)]
    except yaml.YAMLError:
        return []
    return [part for part in parts if isinstance(part, dict)]
