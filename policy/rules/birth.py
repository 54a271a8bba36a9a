"""The live birth record of a cluster, and what in it contradicts a cluster that was born with Cilium."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..marks import shown

FIRST_HOURS = 24
"""Hours between a cluster's birth and the first release of Cilium: an installation and a failed attempt or two."""
OLDEST_HOURS = 24
"""Hours that a record may be old: a pull request is checked on the day on which its cluster was asked."""
BIRTH = {
    "type": "object",
    "description": "uid and created of kube-system, firstRelease of Cilium, others (network plug-ins), read (time)",
}


TOO_LATE = "first-release-too-late"
"""The rule by whose name a stack of ours waives that limit."""


def contradictions(
    birth: Mapping[str, Any], known: str, config: Mapping[str, Any], *, may_be_late: bool = False
) -> tuple[list[str], list[str]]:
    """Return what a record does not say, and what in it contradicts; `known` is the uid of the cluster until now.

    Without a release of Cilium the cluster's age counts until the record was read: the next one would be the first.
    """
    created, first, read = (_time(birth.get(key)) for key in ("created", "firstRelease", "read"))
    missing = [name for name in ("uid", "created", "read") if not birth.get(name)]
    lacks = [f"the birth record lacks {', '.join(missing)}"] if missing else []
    oldest = timedelta(hours=float(config.get("oldestHours") or OLDEST_HOURS))
    if read and datetime.now(UTC) - read > oldest:
        lacks.append(f"the birth record was read at {read:%Y-%m-%d %H:%M}, more than {oldest} ago")
    wrong = (
        [f"another network plug-in is there: {shown(', '.join(map(str, birth['others'])))}"]
        if birth.get("others")
        else []
    )
    if known and birth.get("uid") and birth["uid"] != known:
        wrong.append(f"the cluster is another one: kube-system is {shown(birth['uid'])}, expected {shown(known)}")
    limit = timedelta(hours=float(config.get("firstReleaseHours") or FIRST_HOURS))
    until = first or read
    if created and until and until - created > limit and not may_be_late:
        late = "Cilium was first released" if first else "there was no release of Cilium yet"
        wrong.append(f"{late} {until - created} after the cluster's birth, expected {limit} at most")
    return lacks, wrong


def _time(value: object) -> datetime | None:
    """Return a time with its zone; ValueError where the text is none."""
    if not value:
        return None
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
