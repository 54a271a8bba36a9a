"""The cluster's policies as they are against the site's as they were declared."""

from __future__ import annotations

from underlay.collect.kubernetes import SHOWN, fetcher
from underlay.collect.look import Seen
from underlay.failure import in_one_line
from underlay.model import Site
from underlay.plan.policies.drift import LISTS, changed_by_hand

SECONDS = 20.0
"""For all lists together."""
NAME = "policies"
"""What stands in a node's place in the answer."""


def look_at_policies(site: Site, kubeconfig: str) -> Seen:
    """Read every policy of the cluster and return what differs from the declaration, or why nobody could look."""
    try:
        with fetcher(kubeconfig, SECONDS) as fetch:
            found = [{**item, "kind": kind} for kind, path in LISTS.items() for item in fetch(path)]
        return Seen(NAME, tuple(sorted(changed_by_hand(site, found), key=str)))
    except Exception as error:  # noqa: BLE001 - the client has many ways to refuse a kubeconfig or a connection
        return Seen(NAME, error=in_one_line(error, SHOWN))
