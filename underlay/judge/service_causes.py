"""Why a service's address does not answer: what the API has behind it, and what the node's own maps have."""

from __future__ import annotations

from collections.abc import Iterator

from underlay.judge.case import Case
from underlay.judge.evidence import Front, Served
from underlay.judge.service_maps import stale, wrong
from underlay.judge.verdict import KUBERNETES, Cause
from underlay.judge.views import NodeView


def without_pods(case: Case) -> Iterator[Cause]:
    """Find a service behind which the API has no pod that is ready."""
    front, failed = case.evidence.survey.service, list(_failed(case))
    if front and front.pods == () and failed:
        name = f"{case.expected.namespace}/{case.expected.service.name if case.expected.service else ''}"
        running = [node.name for node in case.nodes.values() if node.seen.probe]
        sentence = f"service {name} ({front.address}) has no pod behind it that is ready"
        told = ["its EndpointSlices hold no ready address", _told(*failed[0])]
        told += [f"{len(running)} responder pods run: its selector does not meet them, or they are not ready"]
        fix = (
            f"Compare the service's selector with its pods' labels, and look at the pods in {case.expected.namespace}."
        )
        yield Cause("service-without-pods", KUBERNETES, sentence, tuple(told if running else told[:2]), fix)


def unknown_on_node(case: Case) -> Iterator[Cause]:
    """Find nodes whose Cilium does not know the service, or other pods behind it than the API has.

    Where all exchanges passed at once, the map is the only witness.
    """
    front = case.evidence.survey.service
    if front and front.pods and case.expected.service and case.expected.service.replaced:
        for node in case.nodes.values():
            if node.report and (served := node.report.service):
                sentence, told = _witnesses(node, served, front)
                fix = "Restart the node's Cilium agent, and read its log; compare `cilium-dbg service list`."
                if sentence:
                    yield Cause("service-unknown-to-node", node.name, f"{node.name}: {sentence}", told, fix)


def _witnesses(node: NodeView, served: Served, front: Front) -> tuple[str, tuple[str, ...]]:
    """Return what the node's map has wrong, and who says so."""
    api = f"the API has {len(front.pods or ())} pods behind {front.address}"
    failed = [kind for kind, item in served.exchanges().items() if not item.passed]
    if failed:
        found = wrong(node, served, front, failed)
        return found, (api, found, _told(node, served))
    found, late = stale(node, served, front)
    return found, (api, *([f"from the pod on {node.name} to {served.address}: {late}"] if late else []))


def _failed(case: Case) -> Iterator[tuple[NodeView, Served]]:
    for node in case.nodes.values():
        served = node.report.service if node.report else None
        if served and not all(item.passed for item in served.exchanges().values()):
            yield node, served


def _told(node: NodeView, served: Served) -> str:
    failed = {kind: item for kind, item in served.exchanges().items() if not item.passed}
    parts = [f"{kind} {item.error or 'unanswered'} after {item.asked} tries" for kind, item in failed.items()]
    return f"from the pod on {node.name} to {served.address}: {', '.join(parts)}"


RULES = (without_pods, unknown_on_node)
"""Rules that are asked once."""
