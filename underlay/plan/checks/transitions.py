"""Rules about change: what a running cluster cannot follow is refused, unless a waiver names the very change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from underlay.finding import Finding
from underlay.plan.lineage import Lineage, Record

WAIVE = (
    "Put the old value back, or make the new cluster in a stack of its own; "
    "a waiver has to name the change exactly as it stands here."
)
UNRECORDED = "nothing recorded -> recorded anew"
"""The change by which a stack that lost its record, or never had one, gets one."""
MISSING, UNREADABLE, IDENTITY = "lineage-missing", "lineage-unreadable", "transition-cluster-identity"
"""Rules beside the table: no record, no readable record, another cluster behind the API (told by the cluster)."""


class Transition(NamedTuple):
    """A value that stays for the life of a cluster."""

    key: str
    """Its name in the record."""
    where: str
    reason: str
    """Why a running cluster cannot follow."""


TRANSITIONS: dict[str, Transition] = {
    "transition-cluster-name": Transition(
        "cluster", "site.cluster.name", "the cluster file and its installer know the cluster by its name"
    ),
    "transition-cluster-origin": Transition(
        "origin", "site.cluster.origin", "how a cluster was born does not change afterwards, by an upgrade least of all"
    ),
    "transition-cni-owner": Transition(
        "cni_owner", "site.cilium.owner", "two owners undo each other, and the former one's objects stay behind"
    ),
    "transition-routing-mode": Transition(
        "routing_mode", "site.cilium", "nodes of both modes drop each other's packets until the last one has changed"
    ),
    "transition-pod-pools": Transition(
        "pod_pools", "site.addresses.pods.pools", "running pods keep addresses of the old pool; pools are only appended"
    ),
    "transition-pod-mask": Transition(
        "pod_mask", "site.addresses.pods.mask", "nodes keep the pod networks they have, and Cilium mixes no sizes"
    ),
    "transition-services-range": Transition(
        "services", "site.addresses.services", "Services and every pod's resolver keep addresses of the old range"
    ),
    "transition-cluster-id": Transition(
        "cluster_id", "site.cluster.id", "it is part of every identity: policies stop matching while agents disagree"
    ),
    "transition-kube-proxy-replacement": Transition(
        "kube_proxy_replacement",
        "site.cilium.kube_proxy_replacement",
        "connections to Services break on each node, and nobody serves them where kube-proxy is missing",
    ),
    "transition-rack-name": Transition(
        "segments",
        "site.racks",
        "Cilium's object by a rack's name holds its nodes' sessions, and the former one's end resets them all at once",
    ),
    "transition-router-handed-over": Transition(
        "routers",
        "site.routers",
        "the update ends by taking our lines off the router, those that its team has saved by then included; "
        "`pulumi state delete` of its `configure-` resource, before the waiver, leaves them where they are",
    ),
}
"""Each value that may not change, by the name of its rule."""

CHANGES = frozenset({*TRANSITIONS, MISSING, IDENTITY})
"""Rules whose waiver has to name the change."""
LIVE = frozenset({IDENTITY})
"""Rules of which only the running cluster knows whether they are broken."""


def transitions(past: Lineage, now: Record) -> list[Finding]:
    """Return each change that a running cluster cannot follow."""
    if past.unreadable:
        expected = "a record that this version of the program has written"
        fix = "Use the version of the program that has applied this stack last, or delete the record and waive that."
        return [Finding(UNREADABLE, "stack", past.unreadable, expected, fix)]
    if past.record is None:
        return list(_missing(past))
    return list(_changes(past.record, now))


def _missing(past: Lineage) -> Iterator[Finding]:
    """Refuse a stack that has brought Cilium and no longer says how: a lost record must not make every change free."""
    if past.has_cilium:
        expected = "the record of what was applied, which the state of a stack with Cilium holds"
        fix = "Compare the declaration with the running cluster; then waive this change once."
        yield Finding(MISSING, "stack", UNRECORDED, expected, fix)


def _changes(old: Record, new: Record) -> Iterator[Finding]:
    for rule, item in TRANSITIONS.items():
        before, after = getattr(old, item.key), getattr(new, item.key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            lost = _lost(item.key, before, after)
            before, after = {name: before[name] for name in lost}, {name: after[name] for name in lost}
        if not _follows(item.key, before, after):
            expected = f"{_text(before)}, as it was applied: {item.reason}"
            yield Finding(rule, item.where, f"{_text(before)} -> {_text(after)}", expected, WAIVE)


def _follows(key: str, before: object, after: object) -> bool:
    """Tell whether a running cluster follows a change; further pools are taken when the former are used up."""
    if key == "pod_pools" and isinstance(before, tuple) and isinstance(after, tuple):
        return after[: len(before)] == before
    return before == after


def _lost(key: str, before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return segments that stay and change their rack, and routers that stay and are not managed any more."""
    kept = {name: (value, after[name]) for name, value in before.items() if name in after}
    return sorted(name for name, (old, new) in kept.items() if old != new and (key != "routers" or old))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(one)}" for name, one in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)
