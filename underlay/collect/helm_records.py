"""What Helm has written down of a release: each revision as a Secret, its manifest packed inside."""

from __future__ import annotations

import base64
import gzip
import json

import yaml

from underlay.collect.conditions import Object
from underlay.plan.chart.objects import configuration


def status(record: Object) -> str:
    """Return the state of a revision, as in deployed or pending-upgrade."""
    return str((record["metadata"].get("labels") or {}).get("status", ""))


def revision(record: Object) -> int:
    """Return the number of a revision, by the name of its record; 0 where that has none."""
    number = str(record["metadata"].get("name", "")).rpartition(".v")[2]
    return int(number) if number.isdecimal() else 0


def options(record: Object) -> set[str]:
    """Return the names of the agents' options in a revision; none where it cannot be read."""
    try:
        packed = base64.b64decode(base64.b64decode(record["data"]["release"]))
        manifest = json.loads(gzip.decompress(packed))["manifest"]
        return set(configuration([one for one in yaml.safe_load_all(manifest) if one]))
    except (KeyError, TypeError, ValueError, OSError, EOFError, yaml.YAMLError):
        return set()
