"""What is checked of the cluster's DNS: every probe pod asks it for a name that every cluster has."""

from __future__ import annotations

from underlay.judge.case import Case
from underlay.judge.evidence import NodeReport
from underlay.judge.verdict import Judged, Status, result
from underlay.judge.views import NodeView


def dns(node: NodeView, report: NodeReport, case: Case) -> Judged:
    """Compare the answer with the API server's own service; without a DNS there is nothing that could be judged."""
    expected, said, known = case.expected.dns, report.dns, case.evidence.survey.dns
    if expected is None:
        return Status.SKIPPED, "the input names no cluster DNS"
    if said is None:
        return result(None, "no probe pod that could ask" if node.seen.probe is None else "the pod did not ask")
    asked = f"{said.name} at {said.server}"
    if said.answers == (str(expected.address),) and not said.error:
        return result(True, f"{asked}: {said.answers[0]} in {said.ms} ms")
    told = said.error or ", ".join(said.answers) or "no address"
    if known is not None and str(expected.server) not in known:
        others = f"there is {', '.join(known)}" if known else "there is none"
        return result(None, f"{asked}: {told}; kube-system has no kube-dns service with that address, {others}")
    return result(False, f"{asked}: {told} after {said.asked} questions")
