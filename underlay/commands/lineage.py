"""Add the cluster's birth to the record of what is applied; refuse another cluster, or one with another network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from underlay.collect.cluster_api import ClusterApi, Unanswered
from underlay.commands.common import Failure, no_words, read_input, wait
from underlay.plan.checks.transitions import IDENTITY
from underlay.plan.lineage import SYSTEM_NAMESPACE, Birth, Record

BEFORE = "PULUMI_COMMAND_STDOUT"
"""Where the command provider hands over what the last run printed."""
DAEMONS = "/apis/apps/v1/daemonsets"
OTHERS = frozenset(
    {
        "antrea-agent",
        "calico-node",
        "canal",
        "kube-flannel-ds",
        "kube-router",
        "ovnkube-node",
        "weave-net",
    }
)
"""DaemonSets by which other network plug-ins are known."""
OTHER = "cluster-has-another-cni"
SECONDS = 60.0
"""Time for the API server of a new cluster to answer."""


def main(argv: list[str]) -> int:
    """Read {"kubeconfig", "record", "allowed"}, look at the cluster, print the record with its birth."""
    no_words("lineage", __doc__, argv)
    data = read_input("kubeconfig", "record", "allowed")
    record = _told(data["record"])
    api = ClusterApi(data["kubeconfig"])
    born = birth(api)
    refused = [*_identity(before(), born, data["allowed"])]
    refused += _others(api) if record.cni_owner == "release" and not before() else []
    if refused:
        raise Failure("\n".join(["nothing of Cilium was applied:", *refused]))
    print(json.dumps(record.model_copy(update={"birth": born}).plain(), sort_keys=True))
    return 0


def _told(record: object) -> Record:
    try:
        return Record.model_validate(record)
    except ValueError:
        raise Failure("standard input: `record` is no record of what is applied") from None


def before() -> Record | None:
    """Return what this command printed at the last update; None at the first."""
    try:
        return Record.model_validate(json.loads(os.environ.get(BEFORE) or "null"))
    except ValueError:
        return None


def birth(api: ClusterApi) -> Birth:
    """Return the cluster's identity as soon as its API server answers."""
    found: dict[str, Any] = {}

    def missing() -> list[str]:
        try:
            found.update((api.get(SYSTEM_NAMESPACE) or {}).get("metadata", {}))
        except Unanswered as error:
            return [str(error)]
        return [] if found.get("uid") else ["namespace kube-system"]

    wait(missing, SECONDS, "the cluster's identity")
    return Birth(uid=found["uid"], created=found.get("creationTimestamp", ""))


def _identity(last: Record | None, born: Birth, allowed: list[str]) -> Iterator[str]:
    if not last or not last.birth.uid or last.birth.uid == born.uid:
        return
    change = f"{last.birth.uid} -> {born.uid}"
    if change not in allowed:
        yield (
            f"  [{IDENTITY}] kubeconfig: found {change} (uid of kube-system, created {born.created}); expected "
            f"{last.birth.uid}, to which this stack was applied. Use that cluster's kubeconfig, or a new stack."
        )


def _others(api: ClusterApi) -> Iterator[str]:
    try:
        found = [item["metadata"] for item in api.items(DAEMONS)]
    except Unanswered as error:
        raise Failure(f"the cluster's DaemonSets could not be read: {error}") from None
    for one in found:
        if one["name"] in OTHERS:
            yield (
                f"  [{OTHER}] DaemonSet {one['namespace']}/{one['name']}: found another network plug-in; expected "
                "none, because the declaration says that Cilium is the cluster's first. Correct site.cluster.origin."
            )
