"""Add the cluster's birth to the record of what is applied; refuse another cluster, or one with another network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from underlay.collect.cilium_owners import DAEMONS, held, place
from underlay.collect.cluster_api import ClusterApi, Unanswered
from underlay.commands.common import Failure, no_words, read_input, say, wait
from underlay.finding import Finding
from underlay.plan import first_release
from underlay.plan.checks.transitions import IDENTITY
from underlay.plan.lineage import SYSTEM_NAMESPACE, Birth, Record

BEFORE = "PULUMI_COMMAND_STDOUT"
"""Where the command provider hands over what the last run printed."""
SECONDS = 60.0
"""Time for the API server of a new cluster to answer."""


def main(argv: list[str]) -> int:
    """Read {"kubeconfig", "record", "allowed"}, look at the cluster, print the record with its birth.

    `waived` holds further rules that are waived, with the reason of each.
    """
    no_words("lineage", __doc__, argv)
    data = read_input("kubeconfig", "record", "allowed")
    record, last, waived = _told(data["record"]), before(), data.get("waived") or {}
    api = ClusterApi(data["kubeconfig"])
    born = birth(api)
    refused = [*_identity(last, born, data["allowed"])]
    if record.cni_owner == "release" and first_release.is_first(last, born, waived):
        refused += _unless_waived(_first(api, born), waived)
    if refused:
        raise Failure("\n".join(["nothing of Cilium was applied:", *(f"  {finding}" for finding in refused)]))
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


def _identity(last: Record | None, born: Birth, allowed: list[str]) -> Iterator[Finding]:
    if not last or not last.birth.uid or last.birth.uid == born.uid:
        return
    change = f"{last.birth.uid} -> {born.uid}"
    if change not in allowed:
        found = f"{change} (uid of kube-system, created {born.created})"
        expected = f"{last.birth.uid}, to which this stack was applied"
        yield Finding(IDENTITY, "kubeconfig", found, expected, "Use that cluster's kubeconfig, or a new stack.")


def _first(api: ClusterApi, born: Birth) -> Iterator[Finding]:
    """Look for what a cluster may not hold, or be, before Cilium comes into it for the first time."""
    try:
        daemons = api.items(DAEMONS)
        owned = [*first_release.owned(held(api, daemons))]
    except Unanswered as error:
        raise Failure(f"what the cluster runs could not be read: {error}") from None
    yield from first_release.others(place(one) for one in daemons)
    yield from owned or first_release.too_late(born, datetime.now(UTC))


def _unless_waived(found: Iterator[Finding], waived: Mapping[str, str]) -> Iterator[Finding]:
    for finding in found:
        if finding.rule in waived:
            say(f"waived ({waived[finding.rule]}): {finding}")
        else:
            yield finding
