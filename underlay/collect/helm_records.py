"""What Helm has written down of a release: each revision as a Secret, its manifest packed inside."""

from __future__ import annotations

import base64
import gzip
import json
import re

import yaml

from underlay.collect.conditions import Object
from underlay.plan.chart.objects import AGENT, configuration, named
from underlay.plan.chart.objects import Object as Plain

PARTS = re.compile(r"^---.*$", re.MULTILINE)
OF_MAPS = re.compile(r"^kind: [\"']?ConfigMap\b", re.MULTILINE)
"""The ConfigMaps of a manifest: reading all of it takes a second."""
OF_AGENTS = re.compile(rf"\A(?=.*^kind: [\"']?DaemonSet\b).*^  name: [\"']?{AGENT}[\"']?$", re.MULTILINE | re.DOTALL)
"""The agents' DaemonSet; the proxy's is as long."""


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


def _parts(record: Object, wanted: re.Pattern[str]) -> list[Plain]:
    try:
        packed = base64.b64decode(base64.b64decode(record["data"]["release"]))
        manifest = str(json.loads(gzip.decompress(packed))["manifest"])
        parts = [yaml.safe_load(part) for part in PARTS.split(manifest) if wanted.search(part)]
    except (KeyError, TypeError, ValueError, AttributeError, OSError, EOFError, yaml.YAMLError):
        return []
    return [part for part in parts if isinstance(part, dict)]
