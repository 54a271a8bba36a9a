"""From evidence to verdict: every check, every cause that has its witnesses, and what stays unexplained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from underlay.judge import (
    node_causes,
    path_causes,
    route_causes,
    router_causes,
    service_causes,
    session_causes,
    state_causes,
    transit_causes,
    unseen,
)
from underlay.judge.case import Case
from underlay.judge.ends import check_ends
from underlay.judge.evidence import Evidence, Survey
from underlay.judge.intrusion_checks import alerts
from underlay.judge.node_checks import check_node
from underlay.judge.object_checks import check_objects, object_notes
from underlay.judge.policy_checks import check_policies
from underlay.judge.router_checks import check_router
from underlay.judge.verdict import KUBERNETES, Cause, Check, Pairs, Status, Verdict
from underlay.plan.ends import Session
from underlay.plan.policies.enforcement import Enforcement
from underlay.plan.verification import Expected

SUSPECTED = "suspected, one witness only: "
UNREACHED = ("uplink-down", "next-hop-pinned")
FOLLOWS = {
    "path-mtu": ("encapsulated",),
    "router-wrong-next-hop": ("pod-network-twice",),
    "stray-prefix": ("pod-network-twice",),
    "no-route": ("uplink-down",),
    "next-hop-silent": ("uplink-down",),
    "router-neighbour-silent": (*UNREACHED, "router-port-down"),
    "session-down": (
        *UNREACHED,
        "router-port-down",
        "bgp-password",
        "router-neighbour-silent",
        "next-hop-silent",
        "no-route",
    ),
    "route-missing": UNREACHED,
    "own-network-unrouted": ("uplink-down",),
    "responder-closed": ("address-used-twice",),
    "cilium-drop": (
        *UNREACHED,
        "forwarding-off",
        "no-route",
        "refusing-route",
        "refusing-rule",
        "next-hop-silent",
        "address-used-twice",
        "encapsulated",
    ),
}
"""Causes that only follow from another one: a tunnel's header makes the path's MTU smaller, for instance."""
NODE_RULES = (*state_causes.RULES, *node_causes.RULES, *route_causes.RULES)
ROUTER_RULES = (*router_causes.RULES, *session_causes.RULES, *transit_causes.RULES)


def judge(
    expected: Expected,
    evidence: Evidence,
    sessions: Sequence[Session] = (),
    policies: Enforcement | None = None,
    objects: Sequence[Mapping[str, Any]] = (),
) -> Verdict:
    """Return the verdict on a site; planned sessions, declared policies, planned objects are compared where given."""
    return verdict(Case(expected, evidence, sessions, policies, objects))


def verdict(case: Case) -> Verdict:
    """Return the verdict on a case that is joined already."""
    named = _roots(_merged(_causes(case)))
    named += _merged(unseen.dropped(case, _explained(named)))
    named += _merged(transit_causes.lost_on_the_way(case, _explained(named)))
    named += _merged(unseen.refused(case, _explained(named)))
    suspected = [f"{SUSPECTED}{cause.sentence} ({'; '.join(cause.witnesses)})" for cause in named if not cause.proven]
    proven = [cause for cause in named if cause.proven]
    checks = tuple(_checks(case))
    found = (alert for node in case.nodes.values() for alert in alerts(node))
    return Verdict(
        site=case.expected.cluster,
        taken=case.evidence.taken,
        seconds=case.evidence.seconds,
        checks=checks,
        causes=tuple(proven),
        lost=tuple(unseen.lost(case, _explained(proven))),
        notes=(*suspected, *unseen.notes(case), *object_notes(case), *_complaints(case, checks)),
        alerts=tuple(sorted(found, key=lambda alert: -alert.count)),
    )


def _checks(case: Case) -> Iterable[Check]:
    for error in case.evidence.survey.errors:
        yield Check(
            "kubernetes-api",
            KUBERNETES,
            Status.ERROR,
            error,
            "an answer",
            "Look at the kubeconfig and the API server.",
        )
    if case.evidence.survey.undeclared:
        yield _undeclared(case.evidence.survey)
    for node in case.nodes.values():
        yield from check_node(node, case)
    for router in case.routers.values():
        yield from check_router(router, case)
    yield from check_ends(case)
    yield from check_policies(case)
    yield from check_objects(case)


def _undeclared(survey: Survey) -> Check:
    said = {name: f"{name}, a CiliumNode without a Node," for name in survey.left}
    found = survey.undeclared.items()
    told = "; ".join(f"{said.get(name, name)} has {', '.join(networks)}" for name, networks in found)
    fix = "Declare it, or take it out of the cluster: no router is told of its pods, and nothing of it was looked at."
    fix += f" Where the machine is gone: `kubectl delete ciliumnode {' '.join(survey.left)}`." if survey.left else ""
    return Check("nodes-declared", KUBERNETES, Status.FAIL, told, "no node but the declared ones", fix)


def _complaints(case: Case, checks: Sequence[Check]) -> Iterable[str]:
    """Yield what nodes and routers themselves report as gone wrong, unless a check shows it."""
    told = {node.name: node.report.errors for node in case.nodes.values() if node.report}
    told |= {router.name: router.report.errors for router in case.routers.values() if router.report}
    found: dict[str, list[str]] = {}
    for check in checks:
        found.setdefault(check.where, []).append(check.found)
    for name, errors in told.items():
        shown = found.get(name, [])
        yield from (f"{name} reports: {error}" for error in errors if not any(error in text for text in shown))


def _causes(case: Case) -> Iterable[Cause]:
    for node in case.nodes.values():
        for node_rule in NODE_RULES if node.report else ():
            yield from node_rule(node, case)
    for router in case.routers.values():
        for router_rule in ROUTER_RULES:
            yield from router_rule(router, case)
    for rule in (*path_causes.RULES, *service_causes.RULES):
        yield from rule(case)


def _merged(causes: Iterable[Cause]) -> list[Cause]:
    """Join causes that say the same sentence: their witnesses, pairs and machines add up."""
    found: dict[tuple[str, str], Cause] = {}
    for cause in causes:
        key = (cause.rule, cause.sentence)
        old = found.get(key, cause)
        witnesses = tuple(dict.fromkeys((*old.witnesses, *cause.witnesses)))
        found[key] = replace(
            cause, witnesses=witnesses, pairs=cause.pairs | old.pairs, machines=cause.machines | old.machines
        )
    return list(found.values())


def _roots(causes: list[Cause]) -> list[Cause]:
    """Leave out each cause that only follows from another one."""
    by_rule: dict[str, list[Cause]] = {}
    for cause in causes:
        by_rule.setdefault(cause.rule, []).append(cause)
    roots = {rule: [by_rule[root] for root in found if root in by_rule] for rule, found in FOLLOWS.items()}
    return [cause for cause in causes if not any(_follows(cause, found) for found in roots.get(cause.rule, ()))]


def _follows(cause: Cause, roots: list[Cause]) -> bool:
    """Say whether causes of one rule that are about the same machines explain all pairs of a cause."""
    related = [root for root in roots if root.machines <= cause.machines or cause.machines <= root.machines]
    return bool(related) and cause.pairs <= frozenset().union(*(root.pairs for root in related))


def _explained(causes: Iterable[Cause]) -> Pairs:
    return frozenset(pair for cause in causes if cause.proven for pair in cause.pairs)
