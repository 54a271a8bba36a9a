"""What a verification has seen, as far as pictures show it; without one everything is as declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from underlay.judge.evidence import Evidence
from underlay.judge.verdict import Status, Verdict
from underlay.model import Site

UP = "established"


@dataclass(frozen=True)
class Seen:
    """States by name; what is missing was not seen."""

    sessions: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """Node and router → whether both know it as established."""
    links: Mapping[frozenset[str], bool] = field(default_factory=dict)
    """Two routers, or a router and a peer outside → the same."""
    pods: Mapping[str, str] = field(default_factory=dict)
    """Node → its pod network."""
    failed: frozenset[str] = frozenset()
    """Nodes and routers with a failed check."""
    lost: frozenset[tuple[str, str]] = frozenset()
    """Pairs of nodes whose pods do not reach each other."""
    probed: frozenset[tuple[str, str]] = frozenset()
    """Pairs of nodes that were tried."""


def seen(site: Site, evidence: Evidence, verdict: Verdict) -> Seen:
    """Return what pictures show of a verification."""
    nodes = evidence.survey.nodes
    return Seen(
        sessions=dict(_sessions(site, evidence)),
        links=dict(_links(site, evidence)),
        pods={name: ", ".join(one.pod_cidrs) for name, one in nodes.items() if one.pod_cidrs},
        failed=frozenset(check.where for check in verdict.of(Status.FAIL)),
        lost=frozenset(_failed_probes(evidence)),
        probed=frozenset((name, probe.node) for name, report in evidence.nodes.items() for probe in report.probes),
    )


def _sessions(site: Site, evidence: Evidence) -> Iterator[tuple[tuple[str, str], bool]]:
    for node in site.nodes:
        told = evidence.survey.nodes.get(node.name)
        if told is None or told.sessions is None:
            continue
        up = {one.address for one in told.sessions if one.state.lower() == UP}
        for link in site.rack(node.rack).links:
            yield (node.name, link.router), str(link.address) in up


def _links(site: Site, evidence: Evidence) -> Iterator[tuple[frozenset[str], bool]]:
    for router in site.routers:
        report = evidence.routers.get(router.name)
        if report is None or report.sessions is None:
            continue
        up = {one.address for one in report.sessions if one.state.lower() == UP}
        for neighbor in router.neighbors:
            yield frozenset((router.name, neighbor.name)), str(neighbor.remote) in up


def _failed_probes(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for name, report in evidence.nodes.items():
        for probe in report.probes:
            if probe.failed():
                yield name, probe.node
