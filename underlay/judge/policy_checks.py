"""What is checked of policies: the cluster's objects, what each node enforces, and that pods' addresses are unique."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.judge.case import Case
from underlay.judge.evidence import NodeReport
from underlay.judge.intrusion_checks import Row
from underlay.judge.policy_evidence import AgentPod, PolicyFacts
from underlay.judge.verdict import KUBERNETES, Check, Judged, Status, result
from underlay.judge.views import NodeView, within
from underlay.plan.policies.drift import NOT_DECLARED, differing
from underlay.plan.policies.enforcement import Enforcement

STARTING = ("waiting-for-identity", "restoring", "")
"""States of a pod whose programs are made for the first time."""
AT_WORK = ("waiting-to-regenerate", "regenerating")
"""States of a pod whose agent has begun to take over what is new; whether it comes to an end is not known."""
SHOWN = 5
"""Things of one kind that a check names; the others are counted."""
LOST = "policies: "
"""What stands in a node's error where its agent was asked and did not answer."""
CLOSED = {"ingress": ("ingress",), "egress": ("egress",), "both": ("ingress", "egress")}
"""What the agent says of a pod, and the directions that are closed then; auditing closes none."""


def check_policies(case: Case) -> Iterator[Check]:
    """Yield what the cluster's policies are against the declared ones; nothing where none are declared."""
    found, declared = case.evidence.policies, case.policies
    if declared is None:
        return
    expected, fix = "every declared policy, unchanged", "Run `python3 -m underlay drift`, then `pulumi up --refresh`."
    status, text = _applied(case, declared) if found and not found.error else (Status.ERROR, _unread(case))
    bad = status in (Status.FAIL, Status.ERROR)
    yield Check("policies-applied", KUBERNETES, status, text, expected, fix if bad else "")


def _unread(case: Case) -> str:
    found = case.evidence.policies
    return found.error if found else "nobody read the cluster's policies"


def _applied(case: Case, declared: Enforcement) -> Judged:
    """Compare; a policy that is too many is told and not red: an update deletes only after it has verified."""
    there = case.evidence.policies.objects if case.evidence.policies else ()
    findings = sorted(differing(declared.objects, declared.labels, map(dict, there)), key=str)
    wrong = [one for one in findings if one.rule != NOT_DECLARED]
    told = [f"{one.rule} {one.where}: {one.found}" for one in (*wrong, *(one for one in findings if one not in wrong))]
    return result(not wrong, _few([*told, f"{len(declared.objects) - len(wrong)} as declared"]))


def policy_checks(node: NodeView, report: NodeReport, case: Case) -> Iterator[Row]:
    """Yield the checks of a node: what its agent enforces where policies are declared, and its pods' addresses."""
    facts = report.facts.policies
    if case.policies is not None:
        expected = "every policy taken over, each pod at its agent's revision and closed as declared"
        fix = "Look at `cilium-dbg endpoint list` and `cilium-dbg policy get` on the node, and at the agent's log."
        judged = _enforced(facts, case.policies) if facts else result(None, "no agent told its policies")
        yield "policies-enforced", judged, expected, fix
    expected, fix = "each pod's address in its node's own networks, and no other pod's", "Delete one of the pods named."
    judged = _addresses(node, facts, case) if facts else _untold(report)
    yield "pod-addresses", judged, expected, fix


def _untold(report: NodeReport) -> Judged:
    """Where no agent listens there is nobody to ask; one that does not answer proves nothing."""
    lost = [text for text in report.errors if LOST in text]
    return result(None, lost[0]) if lost else (Status.SKIPPED, "no agent told its pods")


def _enforced(facts: PolicyFacts, declared: Enforcement) -> Judged:
    """Compare what the agent holds, and what its pods' programs have of it."""
    wrong = [f"not taken over: {name}" for name in declared.names if name not in facts.policies]
    judged = [pod for pod in facts.pods if not pod.is_leaving and pod.state not in STARTING]
    late = [pod for pod in judged if pod.revision < facts.revision]
    wrong += [f"{pod.title} at revision {pod.revision}, {pod.state}" for pod in late if pod.state not in AT_WORK]
    wrong += [f"{pod.title} is {pod.enabled}, {found}" for pod in judged if (found := _open(pod, declared))]
    busy = [f"{pod.title} still at revision {pod.revision}, {pod.state}" for pod in late if pod.state in AT_WORK]
    more = f", {len(facts.pods) - len(judged)} come or go" if len(judged) < len(facts.pods) else ""
    held = sum(name in facts.policies for name in declared.names)
    text = f"{held} of {len(declared.names)} policies, {len(judged)} pods, revision {facts.revision}{more}"
    return result(False if wrong else None if busy else True, _few([text, *wrong, *busy]))


def _open(pod: AgentPod, declared: Enforcement) -> str:
    """Return which declared closure a pod's programs lack; nothing where they have all."""
    for closure in declared.closures:
        lacking = [one for one in closure.directions if one not in CLOSED.get(pod.enabled, ())]
        if lacking and closure.selects(pod.namespace, pod.labels):
            return f"{closure.policy} closes its {' and '.join(lacking)}"
    return ""


def _addresses(node: NodeView, facts: PolicyFacts, case: Case) -> Judged:
    """Compare each pod's address with its node's networks and with all other pods'."""
    pods = [pod for pod in facts.pods if pod.address and not pod.is_leaving]
    if not node.seen.pod_cidrs:
        return result(None, "the node's pod networks are not known")
    wrong = []
    for pod in pods:
        others = [name for name in case.holders.get(pod.address or "", ()) if name != f"{pod.title} on {node.name}"]
        if others:
            wrong.append(f"{pod.title} and {', '.join(others)} have {pod.address}")
        elif not any(within(pod.address or "", cidr) for cidr in node.seen.pod_cidrs):
            wrong.append(f"{pod.title} has {pod.address}, outside {', '.join(node.seen.pod_cidrs)}")
    return result(not wrong, _few([f"{len(pods)} pods", *wrong]))


def _few(texts: list[str]) -> str:
    """Return texts as one, the first of them in full."""
    more = len(texts) - SHOWN - 1
    return "; ".join([*texts[: SHOWN + 1], *([f"and {more} more"] if more > 0 else [])])
