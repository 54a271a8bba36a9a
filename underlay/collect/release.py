"""Whether agents restart into what the release made: their ConfigMap, what overrides it, and their DaemonSet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from underlay.collect.cilium_objects import SHOWN
from underlay.collect.conditions import Object
from underlay.collect.daemon import differences, unfinished
from underlay.collect.helm_records import agents, deployed, made_of, options, revision, status, writers
from underlay.collect.selectors import selects
from underlay.judge.release_evidence import Edited, Revision
from underlay.judge.release_evidence import Unplanned as Told
from underlay.plan.chart.objects import AGENT, CONFIG
from underlay.plan.chart.released import ExpectedRelease, unplanned
from underlay.plan.values import HELM_RECORDS, NAMESPACE

WHOLE = "deployed"
"""The state of a revision that Helm has applied to its end."""
PENDING = "pending"
"""How the state of a revision begins that Helm is at work on."""
TOLD = 12
"""Values of a revision that are named; the others are counted."""
LISTS = {
    "configuration": f"/api/v1/namespaces/{NAMESPACE}/configmaps?fieldSelector=metadata.name%3D{CONFIG}",
    "overrides": f"/apis/cilium.io/v2/namespaces/{NAMESPACE}/ciliumnodeconfigs",
    "daemons": f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets?fieldSelector=metadata.name%3D{AGENT}",
    "revisions": f"/api/v1/namespaces/{NAMESPACE}/secrets?labelSelector={quote(f'{HELM_RECORDS},status!=superseded')}",
}
"""An agent reads the overrides of its own namespace only."""

Lists = Mapping[str, Sequence[Object]]


def edited(lists: Lists, declared: Iterable[str] = ()) -> tuple[Edited, ...] | None:
    """Return the options that somebody else has changed; None where that is not known, as in the midst of an update."""
    there = [one.get("data") or {} for one in lists.get("configuration", ())]
    record = _last(lists)
    released = options(record) if record and status(record) == WHOLE else {}
    if not (there and released):
        return None
    found = {str(name): str(value) for name, value in there[0].items()}
    names = sorted(name for name in {*found, *released} if found.get(name) != released.get(name))
    by_hand = [_edited(name, found.get(name), released.get(name)) for name in names]
    return (*by_hand, *_overridden(lists, [*declared], released))


def _edited(name: str, *values: str | None, by: str = "") -> Edited:
    found, released = (None if value is None else value[:SHOWN] for value in values)
    return Edited(name=name, found=found, released=released, by=by)


def daemon(lists: Lists) -> tuple[str, ...] | None:
    """Return how the agents' DaemonSet is not as released, or not rolled out; None where that is not known."""
    record = _last(lists)
    if record and status(record) != WHOLE:
        return None
    released = agents(record) if record else {}
    kinds = {"daemons": f"DaemonSet {AGENT}", "configuration": f"ConfigMap {CONFIG}"} if released else {}
    told = [f"{title} is not there" for name, title in kinds.items() if name in lists and not lists[name]]
    if found := lists.get("daemons"):
        there = {**found[0], "kind": "DaemonSet"}
        told += [*(differences(released, there) if released else ()), *unfinished(there)]
    return tuple(told) if found or told else None


def last(lists: Lists, planned: ExpectedRelease | None) -> Revision | None:
    """Return Helm's last revision against what Helm was to be told; None where that is not known, or not over.

    An update that failed by itself is nobody's change.
    """
    if planned is None or "revisions" not in lists:
        return None
    record = _last(lists)
    if record is None:
        return Revision(number=0) if planned.owner == "release" else None
    made = None if status(record).startswith(PENDING) else made_of(record)
    if made is None:
        return None
    differ = [*unplanned(planned, *made)]
    if not differ and status(record) == "failed":
        return None
    return Revision(
        number=revision(record),
        at=deployed(record)[:SHOWN],
        state="" if status(record) == WHOLE else status(record)[:SHOWN],
        by=writers(record)[:TOLD],
        differ=tuple(Told(name=one.name[:SHOWN], found=one.found, planned=one.planned) for one in differ[:TOLD]),
        more=len(differ[TOLD:]),
    )


def _last(lists: Lists) -> Object | None:
    return max(lists.get("revisions", ()), key=revision, default=None)


def _overridden(lists: Lists, declared: Sequence[str], released: Mapping[str, str]) -> Iterator[Edited]:
    """Yield each option that a CiliumNodeConfig sets otherwise on declared nodes."""
    labels = {str(node["metadata"]["name"]): node["metadata"].get("labels") or {} for node in lists.get("nodes", ())}
    for one in lists.get("overrides", ()):
        spec = one.get("spec") or {}
        nodes = [name for name in declared if name in labels and selects(spec.get("nodeSelector"), labels[name])]
        where = f"{nodes[0]} and {len(nodes) - 1} more" if len(nodes) > 1 else "".join(nodes)
        for name, value in sorted((spec.get("defaults") or {}).items()) if nodes else ():
            if released.get(name) != value:
                by = f"CiliumNodeConfig {one['metadata']['name']} for {where}"
                yield _edited(name, value, released.get(name), by=by)
