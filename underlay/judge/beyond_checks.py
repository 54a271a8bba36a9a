"""What is checked beyond pod to pod: between nodes themselves and pods, and at a service's address."""

# ruff: noqa: ARG001 - all checkers are called alike

from __future__ import annotations

from collections.abc import Iterator

from underlay.judge.case import Case
from underlay.judge.evidence import Front, NodeReport, Served
from underlay.judge.service_maps import repeated, stale
from underlay.judge.verdict import Judged, Status, result
from underlay.judge.views import NodeView, Pair

NOT_ASKED: Judged = (Status.SKIPPED, "the input of an older program asks for nothing beyond pods")


def nodes(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Both ways between a node and pods have to be open: its own network to a far pod, its pod to a far node."""
    following = case.expected.following(node.name)
    if case.expected.service is None:
        return NOT_ASKED
    if following is None:
        return Status.SKIPPED, "the only node of the site: there is no other one"
    other = case.nodes[following]
    wanted = {True: (other.name, other.seen.probe), False: (other.name, str(other.plan.address))}
    told: list[str] = []
    states: list[bool | None] = []
    for from_host, target in wanted.items():
        probe = node.beyond.get(from_host)
        if probe is None or (probe.node, probe.address) != target:
            states.append(None)
            told.append(_unasked(from_host, other))
            continue
        pair = Pair(node, other, probe, from_host)
        states.append(not pair.failed)
        told.append(pair.text if pair.failed else f"{pair.way}: {_numbers(pair)}")
    return result(False if False in states else None if None in states else True, "; ".join(told))


def _unasked(from_host: bool, other: NodeView) -> str:
    if from_host:
        return f"{other.name}'s pod was not asked" + ("" if other.seen.probe else ": no probe pod is known there")
    return f"{other.name} itself was not asked" + ("" if other.seen.kubelet else ": it does not say kubelet's port")


def _numbers(pair: Pair) -> str:
    items = pair.probe.exchanges()
    sources = sorted({item.source for item in items.values() if item.source})
    seen = f", which saw {', '.join(sources)}" if sources else ""
    return f"{len(items)} of {len(items)} exchanges{seen}"


def services(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Every exchange has to be answered in full, and not masqueraded; a pod that meets itself sees another address."""
    front, served = case.evidence.survey.service, report.service
    if case.expected.service is None:
        return NOT_ASKED
    if front is None:
        return result(None, f"the API shows no service {case.expected.service.name} with an address")
    if served is None:
        return result(None, "no probe pod that could ask" if node.seen.probe is None else "the pod did not ask")
    if served.address != front.address:
        return result(None, f"{served.address} was asked; the service has {front.address}")
    failed = {kind: item for kind, item in served.exchanges().items() if not item.passed}
    wrong = [*_strangers(served, node), *(() if failed else _stale(node, served, front, case))]
    told = [f"{kind} {item.received}/{item.sent} {item.error or ''}".rstrip() for kind, item in failed.items()]
    behind = "" if front.pods is None else f", {len(front.pods)} pods behind it"
    text = f"{front.address}{behind}: {len(served.exchanges()) - len(failed)} of {len(served.exchanges())} exchanges"
    return result(not (failed or wrong), "; ".join([text, *told, *wrong, *filter(None, [repeated(served)])]))


def _strangers(served: Served, node: NodeView) -> Iterator[str]:
    for kind, item in served.exchanges().items():
        if item.passed and node.seen.probe not in (item.source, item.by):
            yield f"{item.by or 'the far end'} saw {kind} from {item.source or 'an address that it does not say'}"


def _stale(node: NodeView, served: Served, front: Front, case: Case) -> Iterator[str]:
    """Yield what the node's map has wrong, where an exchange shows it."""
    if front.pods and case.expected.service and case.expected.service.replaced:
        found, late = stale(node, served, front)
        if late:
            yield found
