"""The first release: what the cluster that Cilium comes into may not be; only the cluster itself can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from underlay.finding import Finding
from underlay.plan.checks.transitions import MISSING
from underlay.plan.lineage import Birth, Lineage, Record

HOURS = 24
"""Hours between a cluster's birth and its first Cilium at most; the policy pack, which stands alone, says the same."""
TOO_LATE, OTHER_CNI, OWNED = "first-release-too-late", "cluster-has-another-cni", "cilium-owned-by-another"
RULES = {
    TOO_LATE: "a cluster that is older than an installation takes, and runs no Cilium, was not born with it",
}
"""What can be waived by its name, because a cluster may also have waited for its first network plug-in."""
FOUND = {
    OTHER_CNI: "another network plug-in runs where Cilium is said to be the cluster's first",
    OWNED: "Cilium, or a part of it, is there already and somebody else's: two managers undo each other, and Helm "
    "would refuse it half way",
}
"""What cannot be waived."""
OTHERS = frozenset(
    {
        "antrea-agent",
        "aws-node",
        "calico-node",
        "canal",
        "kindnet",
        "kube-flannel-ds",
        "kube-ovn-cni",
        "kube-router",
        "nsx-node-agent",
        "ovnkube-node",
        "ovs-ovn",
        "rke2-canal",
        "terway-eniip",
        "weave-net",
    }
)
"""DaemonSets by which other network plug-ins are known."""
LEAVE = (
    "Nothing is taken over: either `site.cilium.owner: installer`, which compares and installs nothing; or let that "
    "manager remove Cilium, which cuts pods off until this stack has installed it. "
    "What this stack itself has made, and no longer knows, needs the state that knew it."
)


def excused(waived: Mapping[str, str], past: Lineage) -> dict[str, str]:
    """Return the waivers, rule to reason, that count at a first release; a stack that lost its record has had it."""
    known = {*RULES, *([MISSING] if past.has_cilium else [])}
    return {rule: reason for rule, reason in waived.items() if rule in known}


def is_first(last: Record | None, born: Birth, waived: Mapping[str, str]) -> bool:
    """Tell whether this stack has never brought Cilium into this very cluster."""
    return MISSING not in waived and (last is None or last.birth.uid not in {"", born.uid})


def is_other(place: str) -> bool:
    """Tell whether a DaemonSet, as in kube-system/calico-node, is another network plug-in's."""
    return place.rpartition("/")[2] in OTHERS


def others(daemons: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each DaemonSet of another network plug-in."""
    for place in daemons:
        if is_other(place):
            expected = "none, because the declaration says that Cilium is the cluster's first"
            fix = "Correct site.cluster.origin."
            yield Finding(OTHER_CNI, f"DaemonSet {place}", "another network plug-in", expected, fix)


def owned(held: Mapping[str, Iterable[str]]) -> Iterator[Finding]:
    """Yield a finding for each manager that holds something of Cilium."""
    for owner, things in held.items():
        yield Finding(OWNED, ", ".join(things), f"Cilium of {owner}", "none before this stack's first release", LEAVE)


def too_late(born: Birth, now: datetime) -> Iterator[Finding]:
    """Yield a finding where a cluster without Cilium is older than an installation takes."""
    age = _age(born, now)
    if age is None or age > timedelta(hours=HOURS):
        since = "" if age is None else f", {age // timedelta(hours=1)} hours ago,"
        yield Finding(
            TOO_LATE,
            "namespace kube-system",
            f"a cluster created {born.created or 'at a time that it does not say'}{since} and no Cilium",
            f"the first release within {HOURS} hours of a cluster's birth, since site.cluster.origin is `new`",
            "A cluster that has run another network plug-in has to be made anew, also where that was removed. One that "
            f"has only waited for its first, or whose Cilium this stack's `destroy` took: waive {TOO_LATE} "
            "(cilium-underlay:waivers), which the policy pack takes too; for good it takes `firstReleaseHours`.",
        )


def _age(born: Birth, now: datetime) -> timedelta | None:
    try:
        created = datetime.fromisoformat(born.created)
    except ValueError:
        return None
    return now - (created if created.tzinfo else created.replace(tzinfo=UTC))
