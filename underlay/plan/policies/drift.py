"""Policies in the cluster against the declaration: what was changed, removed or added by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from underlay.finding import Finding
from underlay.model import Site
from underlay.plan.policies.baselines import labels
from underlay.plan.policies.objects import policy_objects
from underlay.plan.policies.selectors import Object
from underlay.plan.unlike import said, unlike

LISTS = {
    "NetworkPolicy": "/apis/networking.k8s.io/v1/networkpolicies",
    "CiliumNetworkPolicy": "/apis/cilium.io/v2/ciliumnetworkpolicies",
    "CiliumClusterwideNetworkPolicy": "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies",
}
"""Where the API server lists each kind of policy."""
NOT_DECLARED = "policy-not-declared"
FOUND = {
    "policy-missing": "a policy that the site declares is not in the cluster: what it closed is open",
    "policy-changed": "a policy in the cluster is not as the site declares it",
    "policies-not-asked": "nobody could read the cluster's policies, so nothing is known of them",
    NOT_DECLARED: "a policy carries this site's labels, and the site does not declare it",
}
"""What is found, with the reason."""
FIX = "Run `pulumi up --refresh`, or declare it."
BY_HAND = "Delete it, then run `pulumi up --refresh`, or declare it."
"""An update leaves alone what another hand has added: only an object that is gone is made anew."""
SHOWN = 3
"""Differences that a finding names; the others are counted."""
Key = tuple[str, str]


def changed_by_hand(site: Site, found: Iterable[Object]) -> list[Finding]:
    """Return what differs between the declared policies and those of the cluster, each with its kind in it."""
    return differing(policy_objects(site), labels(site), found)


def differing(declared: Iterable[Object], ours: Mapping[str, str], found: Iterable[Object]) -> list[Finding]:
    """Return the same for objects that are declared, and the labels that say which of those found are the site's."""
    wanted = {key(one): one for one in declared}
    there = {key(one): one for one in found}
    return [*_missing(wanted, there), *_changed(wanted, there), *_strange(ours, wanted, there)]


def _missing(wanted: Mapping[Key, Object], there: Mapping[Key, Object]) -> Iterator[Finding]:
    for kind, name in wanted.keys() - there.keys():
        yield Finding("policy-missing", f"{kind} {name}", "no such object", "the declared policy", FIX)


def _changed(wanted: Mapping[Key, Object], there: Mapping[Key, Object]) -> Iterator[Finding]:
    for one in wanted.keys() & there.keys():
        differs = list(differences(wanted[one]["spec"], there[one].get("spec"), "spec"))
        if differs:
            more = f" and {len(differs) - SHOWN} more" if len(differs) > SHOWN else ""
            told = "; ".join(differs[:SHOWN]) + more
            yield Finding("policy-changed", " ".join(one), told, "as declared", BY_HAND)


def _strange(ours: Mapping[str, str], wanted: Mapping[Key, Object], there: Mapping[Key, Object]) -> Iterator[Finding]:
    for one in there.keys() - wanted.keys():
        if ours.items() <= (there[one]["metadata"].get("labels") or {}).items():
            yield Finding(
                NOT_DECLARED,
                " ".join(one),
                "an object with this site's labels",
                "no object",
                "Delete it, or declare it.",
            )


def differences(wanted: object, found: object, place: str) -> Iterator[str]:
    """Yield each place where two plain values differ, with what is there and what was declared."""
    for part in unlike(wanted, found, place):
        yield f"{part.place} is {said(part.found)}, declared {said(part.wanted)}"


def key(item: Object) -> Key:
    """Return what tells a policy from others: its kind, and its name with its namespace."""
    metadata = item["metadata"]
    return item["kind"], "/".join([*([metadata["namespace"]] if "namespace" in metadata else []), metadata["name"]])
