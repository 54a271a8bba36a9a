"""The cluster's policies as they are against the site's as they were declared."""

from __future__ import annotations

from underlay.collect.cilium_objects import SHOWN
from underlay.collect.kubernetes import fetcher
from underlay.collect.look import Seen
from underlay.failure import in_one_line
from underlay.judge.policy_evidence import PolicySurvey
from underlay.model import Site
from underlay.plan.policies import policy_objects
from underlay.plan.policies.baselines import labels
from underlay.plan.policies.drift import LISTS, changed_by_hand, key
from underlay.plan.policies.selectors import Object

SECONDS = 20.0
"""For all lists together."""
NAME = "policies"
"""What stands in a node's place in the answer."""


def look_at_policies(site: Site, kubeconfig: str) -> Seen:
    """Read every policy of the cluster and return what differs from the declaration, or why nobody could look."""
    try:
        found = _policies(kubeconfig, SECONDS)
        return Seen(NAME, tuple(sorted(changed_by_hand(site, found), key=str)))
    except Exception as error:  # noqa: BLE001 - the client has many ways to refuse a kubeconfig or a connection
        return Seen(NAME, error=in_one_line(error, SHOWN))


def survey_policies(site: Site, kubeconfig: str, seconds: float) -> PolicySurvey:
    """Return the policies that are the site's own, or are called like one of its own."""
    try:
        found = _policies(kubeconfig, seconds)
    except Exception as error:  # noqa: BLE001 - the client has many ways to refuse a kubeconfig or a connection
        return PolicySurvey(error=in_one_line(error, SHOWN))
    wanted, ours = {key(one) for one in policy_objects(site)}, labels(site).items()
    mine = (one for one in found if key(one) in wanted or ours <= _labels(one).items())
    return PolicySurvey(objects=tuple(map(_kept, mine)))


def _policies(kubeconfig: str, seconds: float) -> list[Object]:
    with fetcher(kubeconfig, seconds) as fetch:
        return [{**item, "kind": kind} for kind, path in LISTS.items() for item in fetch(path)]


def _labels(item: Object) -> dict[str, str]:
    return item["metadata"].get("labels") or {}


def _kept(item: Object) -> Object:
    """Return what is compared of a policy."""
    named = {name: item["metadata"][name] for name in ("name", "namespace") if name in item["metadata"]}
    return {"kind": item["kind"], "metadata": {**named, "labels": _labels(item)}, "spec": item.get("spec")}
