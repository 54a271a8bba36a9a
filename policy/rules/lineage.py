"""Lineage: how a cluster was born and what was applied to it does not change with the words of a declaration.

Three witnesses are compared with what is declared: the stack's record (a cluster component's `changedFrom`), the
history that a check for pull requests reads (earlier declarations and states, as `history` in the configuration), and
the live birth record (`kube-system`'s uid and time, the first release of Cilium, other network plug-ins).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyConfigSchema, PolicyResource, ResourceValidationArgs, Severity, StackValidationArgs

from ..marks import REDACTED, shown
from ..strict import (
    PASSED,
    About,
    Facts,
    Judgement,
    inputs,
    is_preview,
    not_applicable,
    resource_policy,
    stack_policy,
    undetermined,
    violation,
)
from .birth import BIRTH, FIRST_HOURS, OLDEST_HOURS, TOO_LATE, contradictions
from .cilium import brings_cilium
from .cluster_origin import ALLOWED, belongs_to_a_cluster
from .waivers import CLUSTER, allowed_changes, in_force, today

KEEPER = f"{CLUSTER}$command:local:Command::lineage"
STACK = "pulumi:pulumi:Stack"
RECORDS = {
    "type": "array",
    "items": {"type": "object"},
    "description": "earlier declarations: source, cluster, api, origin",
}

HISTORY = About(
    name="origin-agrees-with-history",
    description="A cluster that was once declared old is not declared new later, under whatever stack's name.",
    remediation="Put the former origin back: an upgrade, a new word or a new stack does not make a cluster new. Where "
    "the former word was the mistake, a waiver of `transition-cluster-origin` has to name the change (`old -> new`).",
    severity=Severity.CRITICAL,
    config=PolicyConfigSchema(
        properties={
            "history": RECORDS,
            "complete": {"type": "boolean", "default": True},
            "clusterOrigin": {"type": "string", "enum": ["new", "existing", "upgraded"]},
        }
    ),
)
SHAPE = About(
    name="running-clusters-keep-their-shape",
    description="What a running cluster cannot follow is not changed in place.",
    remediation="Put the old value back, or make the new cluster in a stack of its own; a waiver has to name the "
    "change (`old -> new`).",
    severity=Severity.CRITICAL,
)
BORN = About(
    name="cluster-was-born-with-cilium",
    description="The live birth record agrees: no other network plug-in, and Cilium from the beginning.",
    remediation="Read the record with `python -m underlay birth` and give it to the check for pull requests (--birth), "
    "or as `birth` in the pack's configuration; where it contradicts, the cluster has to be made anew. "
    "One that has only waited for its first network plug-in needs a greater `firstReleaseHours`, or a waiver of "
    "`first-release-too-late` in a stack of ours.",
    severity=Severity.CRITICAL,
    facts=Facts.LIVE,
    config=PolicyConfigSchema(
        properties={
            "birth": BIRTH,
            "firstReleaseHours": {"type": "number", "default": FIRST_HOURS},
            "oldestHours": {"type": "number", "default": OLDEST_HOURS},
        }
    ),
)
RECORDED = About(
    name="birth-is-recorded",
    description="A stack with Cilium keeps its cluster's birth record, which agrees with the declaration.",
    remediation="Keep the resource and the stack output `lineage`; where the record was lost, compare the declaration "
    "with the cluster and record it anew by a waiver of `lineage-missing`.",
    severity=Severity.HIGH,
    facts=Facts.LIVE,
    config=PolicyConfigSchema(properties={"history": RECORDS}),
)

KEPT = {
    "cluster": "transition-cluster-name",
    "origin": "transition-cluster-origin",
    "cni_owner": "transition-cni-owner",
    "routing_mode": "transition-routing-mode",
    "pod_pools": "transition-pod-pools",
    "pod_mask": "transition-pod-mask",
    "services": "transition-services-range",
    "cluster_id": "transition-cluster-id",
    "kube_proxy_replacement": "transition-kube-proxy-replacement",
}
"""Values of a record that stay for the life of a cluster, and the rule whose waiver allows their change."""


def history(args: ResourceValidationArgs) -> Judgement:
    """Compare a declared origin with every earlier declaration of the same cluster."""
    config = args.get_config()
    if args.resource_type == CLUSTER:
        declared, name, api = args.props.get("origin"), args.props.get("clusterName"), args.props.get("api")
    elif brings_cilium(args.resource_type, args.props) and not belongs_to_a_cluster(args):
        declared, name, api = config.get("clusterOrigin"), None, None
    else:
        return not_applicable("declares no origin")
    if declared != ALLOWED or "history" not in config:
        return not_applicable("no history was given" if declared == ALLOWED else "declares no new cluster")
    allowed = allowed_changes(args.props, today()).get(KEPT["origin"], set())
    wrong = [
        f"{shown(one.get('origin'))} in {shown(one.get('source'))}"
        for one in config["history"]
        if _same(one, name, api) and not {one.get("origin"), f"{one.get('origin')} -> {ALLOWED}"} & {ALLOWED, *allowed}
    ]
    if wrong:
        return violation(f"declared `new`, but it was {'; '.join(dict.fromkeys(wrong))}. {HISTORY.remediation}")
    if config.get("complete") is False:
        return undetermined("the history is cut off; fetch all of it (a checkout's `fetch-depth: 0`)")
    return PASSED


def _same(past: Mapping[str, Any], name: object, api: object) -> bool:
    """Tell whether an earlier declaration is about a cluster; about any, where a stack does not name its own."""
    return not name or name == past.get("cluster") or bool(api and api == past.get("api"))


def shape(args: ResourceValidationArgs) -> Judgement:
    """Compare what is declared with what was applied last."""
    if args.resource_type != CLUSTER:
        return not_applicable("no cluster component")
    before, now = args.props.get("changedFrom"), args.props.get("lineage") or {}
    if not before:
        return not_applicable("nothing was applied before, or nothing has changed")
    allowed = allowed_changes(args.props, today())
    wrong = [
        f"{key}: {change}"
        for key, rule in KEPT.items()
        if (change := _change(key, before.get(key), now.get(key))) and change not in allowed.get(rule, ())
    ]
    return violation(f"{'; '.join(wrong)}. {SHAPE.remediation}") if wrong else PASSED


def born(args: ResourceValidationArgs) -> Judgement:
    """Judge the live birth record of the cluster that Cilium goes into."""
    ours = args.resource_type == CLUSTER
    if not ours and (belongs_to_a_cluster(args) or not brings_cilium(args.resource_type, args.props)):
        return not_applicable("brings no Cilium into a cluster of its own")
    birth = args.get_config().get("birth")
    if birth:
        return _born(args, birth)
    if ours or is_preview():
        return not_applicable("no cluster was asked" + ("; its record is judged after the update" if ours else ""))
    return violation(f"no birth record was given. {BORN.remediation}")


def _born(args: ResourceValidationArgs, birth: Mapping[str, Any]) -> Judgement:
    before = args.props.get("changedFrom") or {}
    known = str((before.get("birth") or {}).get("uid") or "")
    may_be_late = TOO_LATE in in_force(args.props, today())
    missing, wrong = contradictions(birth, known, args.get_config(), may_be_late=may_be_late)
    if wrong:
        return violation(f"{'; '.join(wrong)}. {BORN.remediation}")
    return undetermined(f"{'; '.join(missing)}; read the record again") if missing else PASSED


def recorded(args: StackValidationArgs) -> Judgement:
    """Judge the record that a stack keeps, against its own declaration and history."""
    clusters = [one for one in args.resources if one.resource_type == CLUSTER]
    if not clusters or not any(brings_cilium(one.resource_type, inputs(one)) for one in args.resources):
        return not_applicable("no cluster component with Cilium")
    text = _record(args.resources)
    if text is None:
        lost = f"the stack keeps no birth record. {RECORDED.remediation}"
        return not_applicable("no cluster was asked") if is_preview() else violation(lost, clusters[0].urn)
    if text == REDACTED:
        return undetermined("the birth record is redacted in this state", clusters[0].urn)
    wrong = list(_disagrees(text, inputs(clusters[0]), args.get_config().get("history") or []))
    return violation(f"{'; '.join(wrong)}. {RECORDED.remediation}", clusters[0].urn) if wrong else PASSED


def _record(resources: list[PolicyResource]) -> Any:  # noqa: ANN401 - a text or plain data
    kept = [one.props.get("stdout") for one in resources if one.urn.endswith(KEEPER)]
    told = [one.props.get("lineage") for one in resources if one.resource_type == STACK]
    return next((one for one in (*kept, *told) if one), None)


def _disagrees(text: Any, facts: Mapping[str, Any], past: list[Mapping[str, Any]]) -> Iterator[str]:  # noqa: ANN401 - as above
    record: Mapping[str, Any] = json.loads(text) if isinstance(text, str) else text
    birth = record.get("birth") or {}
    if not birth.get("uid") or not birth.get("created"):
        yield "the record holds no birth"
    if record.get("origin") != facts.get("origin"):
        yield f"the record says origin {shown(record.get('origin'))}, the declaration {shown(facts.get('origin'))}"
    for one in past:
        if birth.get("uid") and one.get("uid") == birth["uid"] and one.get("origin") != facts.get("origin"):
            yield f"the same cluster was {shown(one.get('origin'))} in {shown(one.get('source'))}"


def _change(key: str, before: object, now: object) -> str:
    """Return a change as a waiver names it; empty where nothing changed or further pools were appended."""
    old, new = _items(before), _items(now)
    if old == new or (key == "pod_pools" and new[: len(old)] == old):
        return ""
    return f"{', '.join(old)} -> {', '.join(new)}"


def _items(value: object) -> list[str]:
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, float):
        return [f"{value:g}"]
    return [str(item) for item in value] if isinstance(value, Sequence) and not isinstance(value, str) else [str(value)]


POLICIES = [
    resource_policy(HISTORY, history),
    resource_policy(SHAPE, shape),
    resource_policy(BORN, born),
    stack_policy(RECORDED, recorded),
]
