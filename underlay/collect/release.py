"""Whether the agents' ConfigMap is as the release made it: what stands there, and what Helm has written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from underlay.collect.conditions import Object
from underlay.collect.helm_records import options, revision, status
from underlay.judge.evidence import Edited
from underlay.plan.chart.objects import CONFIG
from underlay.plan.values import HELM_RECORDS, NAMESPACE

WHOLE = "deployed"
"""The state of a revision that Helm has applied to its end."""
LISTS = {
    "configuration": f"/api/v1/namespaces/{NAMESPACE}/configmaps?fieldSelector=metadata.name%3D{CONFIG}",
    "revisions": f"/api/v1/namespaces/{NAMESPACE}/secrets?labelSelector={quote(f'{HELM_RECORDS},status!=superseded')}",
}


def edited(lists: Mapping[str, Sequence[Object]]) -> tuple[Edited, ...] | None:
    """Return the options that somebody else has changed; None where that is not known, as in the midst of an update."""
    records = sorted(lists.get("revisions", ()), key=revision)
    there = [one.get("data") or {} for one in lists.get("configuration", ())]
    released = options(records[-1]) if records and status(records[-1]) == WHOLE else {}
    if not (there and released):
        return None
    found = {str(name): str(value) for name, value in there[0].items()}
    names = sorted(name for name in {*found, *released} if found.get(name) != released.get(name))
    return tuple(Edited(name=name, found=found.get(name), released=released.get(name)) for name in names)
