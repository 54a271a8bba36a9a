"""`python3 -m underlay birth`: a cluster's live birth record, for the check for pull requests and the policy pack."""

from __future__ import annotations

import argparse
import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from underlay.collect.cilium_owners import DAEMONS, SECRETS, agents, place
from underlay.collect.cluster_api import ClusterApi, Unanswered
from underlay.commands.common import Failure, text_of
from underlay.commands.lineage import birth
from underlay.plan.first_release import is_other
from underlay.plan.values import HELM_RECORDS


def main(argv: list[str]) -> int:
    """Ask a cluster and print its record as JSON: uid and time of birth, first release of Cilium, other plug-ins."""
    parser = argparse.ArgumentParser(prog="underlay birth", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, metavar="FILE")
    file: Path = parser.parse_args(argv).kubeconfig
    print(json.dumps(record(ClusterApi(text_of(file))), sort_keys=True))
    return 0


def record(api: ClusterApi) -> dict[str, Any]:
    """Return the record; a cluster that answers only in part is a failure, because a gap would look like innocence."""
    born = birth(api)
    try:
        releases = api.items(SECRETS, labelSelector=HELM_RECORDS)
        daemons = api.items(DAEMONS)
    except Unanswered as error:
        raise Failure(f"the birth record cannot be read: {error}") from None
    made = [item["metadata"].get("creationTimestamp") for item in agents(daemons)]
    firsts = sorted([*map(first_deployed, releases), *(_seconds(one) for one in made if one)])
    return {
        "uid": born.uid,
        "created": born.created,
        "firstRelease": firsts[0] if firsts else None,
        "others": sorted(name for name in map(place, daemons) if is_other(name)),
        "read": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def first_deployed(secret: dict[str, Any]) -> str:
    """Return when a release was deployed first: Helm keeps it in every revision, also where the first is gone."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        return _seconds(json.loads(gzip.decompress(packed))["info"]["first_deployed"])
    except (KeyError, ValueError, OSError, TypeError):
        name = secret.get("metadata", {}).get("name", "")
        raise Failure(f"Secret {name} holds no release of Helm 3; the first release is not known") from None


def _seconds(text: str) -> str:
    """Return Helm's time in UTC; its fractions of nine digits are cut to those that Python reads."""
    head, dot, rest = text.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    plain = f"{head}.{rest[:6]}{rest[digits:]}" if dot and digits > 6 else text
    return datetime.fromisoformat(plain).astimezone(UTC).isoformat(timespec="seconds")
