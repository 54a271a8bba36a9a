"""What is checked of the cluster's own objects: what the site applied is there as planned, and an operator works."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from underlay.judge.case import Case
from underlay.judge.evidence import Survey
from underlay.judge.release_evidence import Revision
from underlay.judge.verdict import KUBERNETES, Check, Judged, Status, result
from underlay.plan.bgp import ADVERTISEMENT_KIND, LABELS, OVERRIDE_KIND, overridden
from underlay.plan.chart.objects import AGENT, CONFIG
from underlay.plan.policies.drift import FIX
from underlay.plan.unlike import said, unlike

POOL, NODE_CONFIG = "CiliumLoadBalancerIPPool", "CiliumBGPNodeConfig"
WIDEN = "declare a further network in addresses.load_balancers"
READ = "Look at what the kubeconfig may read."
DEFAULTS: Mapping[str, object] = {
    "connectRetryTimeSeconds": 120,
    "disabled": False,
    "ebgpMultihop": 1,
    "group": "cilium.io",
    "holdTimeSeconds": 90,
    "keepAliveTimeSeconds": 30,
    "kind": "CiliumBGPPeerConfig",
    "peerASN": 0,
    "peerPort": 179,
    "restartTimeSeconds": 120,
}
"""What the API server adds to these objects by itself: the defaults in the CRDs of Cilium 1.20.2."""
TAKEN_UP = (
    "Put it back, or declare it in site.cilium.values: an update leaves what Helm does not know, and each agent "
    "takes it up when it starts again. Delete a CiliumNodeConfig; for agents that are left behind look at "
    "`kubectl -n kube-system rollout status daemonset/cilium`."
)
PUT_BACK = (
    "Look at `helm -n kube-system history cilium`, and go back by `helm rollback`, or declare the change: an update "
    "sees none of it before something of the release changes in the site. After one that was cut off, or red, go on "
    "with `pulumi up`."
)
LOG = "Look at `kubectl -n kube-system get pods -l io.cilium/app=operator`, and at its log."


def check_objects(case: Case) -> Iterator[Check]:
    """Yield what Cilium's objects and options are against the planned ones, and whether an operator works."""
    if case.objects:
        judged = _applied(case)
        fix = READ if judged[0] is Status.ERROR else FIX
        yield _check("objects-applied", judged, "every object of Cilium's, as planned", fix)
    operators = case.evidence.survey.operators
    if operators is not None:
        judged = result(bool(operators), f"at work: {', '.join(operators) or 'none'}")
        yield _check("operator-ready", judged, "an operator of Cilium's that is Ready, or has just begun anew", LOG)
    if released := _released(case.evidence.survey):
        wanted = f"ConfigMap {CONFIG} and DaemonSet {AGENT} as the release made them, overridden nowhere"
        yield _check("release-options", released, wanted, TAKEN_UP)
    if (last := case.evidence.survey.revision) is not None:
        wanted = "Helm's last revision of the planned chart and values"
        yield _check("release-as-planned", _as_planned(last), wanted, PUT_BACK)


def _released(survey: Survey) -> Judged | None:
    """Judge what agents would restart into; None where nobody knows what was released, and no agent is left behind."""
    told = [
        f"{one.name} is {_word(one.found)}{f' by {one.by}' if one.by else ''}, released {_word(one.released)}"
        for one in survey.edited or ()
    ]
    told += survey.daemon or ()
    return None if survey.edited is None and not told else result(not told, "; ".join(told) or "as released")


def _as_planned(last: Revision) -> Judged:
    """Judge what Helm was told last; whoever told it is named as far as the API knows."""
    if not last.number:
        return result(False, "Helm knows no release cilium")
    writers = f", written by {' and '.join(last.by)}" if last.by else ""
    state = f" ({last.state})" if last.state else ""
    told = [f"{one.name} is {_or_nothing(one.found)}, planned {_or_nothing(one.planned)}" for one in last.differ]
    told += [f"{last.more} more"] if last.more else []
    good = not told and not last.state.startswith("uninstall")
    return result(good, f"revision {last.number} of {last.at}{writers}{state}: {'; '.join(told) or 'as planned'}")


def _or_nothing(text: str | None) -> str:
    return "nothing" if text is None else text


def object_notes(case: Case) -> Iterator[str]:
    """Yield what is no fault yet: a planned pool of services' addresses that has none left."""
    planned = {one["metadata"]["name"] for one in case.objects if one["kind"] == POOL}
    for name in case.evidence.survey.full:
        if name in planned:
            yield f"{POOL} {name} has no address left: the next service that needs one gets none; {WIDEN}"


def _word(value: str | None) -> str:
    return "nothing" if value is None else repr(value)


def _check(rule: str, judged: Judged, expected: str, fix: str) -> Check:
    status, found = judged
    return Check(rule, KUBERNETES, status, found, expected, "" if status is Status.PASS else fix)


def _applied(case: Case) -> Judged:
    """Compare each planned object, in the kinds that were read; further ones are told where they reach our sessions.

    One that complains is wrong too: sessions may go on by what it was before, until an agent starts anew.
    """
    survey = case.evidence.survey
    found = {(one.kind, one.name): one.spec for one in survey.objects}
    unread = sorted({one["kind"] for one in case.objects} - {*survey.kinds})
    wrong = []
    for one in case.objects:
        kind, name = one["kind"], one["metadata"]["name"]
        if (kind, name) not in found:
            wrong += [] if kind in unread else [f"{kind} {name} is not there"]
        parts = unlike(one["spec"], found.get((kind, name), one["spec"]), by_itself=_by_itself)
        wrong += [
            f"{kind} {name}: {part.place} is {said(part.found, str)}, planned {said(part.wanted, str)}"
            for part in parts
        ]
    planned = {(one["kind"], one["metadata"]["name"]) for one in case.objects}
    planned |= {(NODE_CONFIG, name) for name in case.nodes}
    wrong += [
        f"{one.kind} {one.name} says {one.condition}: {one.message}"
        for one in survey.troubles
        if (one.kind, one.name) in planned and not one.young
    ]
    wrong += _reaching(case, planned)
    told = [*wrong, *(f"{kind} was not read" for kind in unread)]
    return result(False if wrong else None if unread else True, "; ".join(told) or f"{len(case.objects)} as planned")


def _reaching(case: Case, planned: Container[tuple[str, str]]) -> Iterator[str]:
    """Yield each object that nobody planned and that changes the nodes' ends of their sessions all the same."""
    for one in case.evidence.survey.objects:
        if (one.kind, one.name) in planned:
            continue
        if one.kind == OVERRIDE_KIND and one.name in case.nodes and (changes := overridden(one.spec)):
            yield f"{one.kind} {one.name}, which is not planned, gives the node {', '.join(changes)}"
        if one.kind == ADVERTISEMENT_KIND and LABELS.items() <= one.labels.items():
            yield f"{one.kind} {one.name}, which is not planned, has the labels by which the nodes pick what they tell"


def _by_itself(name: str, value: object) -> bool:
    """Tell whether the API server adds a value by itself, alone or as a part of what it adds."""
    if isinstance(value, Mapping):
        return all(_by_itself(*one) for one in value.items())
    return value in (None, [], ()) or (name in DEFAULTS and value == DEFAULTS[name])
