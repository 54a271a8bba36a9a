"""A cause is left out where it follows from another one, and never because something else is broken elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.judge_site import PODS, healthy, planned, silence, verdict
from underlay.judge.verdict import Status

W1, W3 = "worker-1", "worker-3"
Data = dict[str, Any]


def uplink_down(evidence: Data, name: str, *, probes: bool = True) -> None:
    """Switch a node's uplink off; without probes nobody has probed anybody."""
    evidence["nodes"][name]["facts"]["links"][0]["up"] = False
    for other in PODS:
        if probes and other != name:
            silence(evidence, name, other)
            silence(evidence, other, name)
        if not probes:
            evidence["nodes"][other] |= {"probes": [], "counters": []}


def session_down(evidence: Data, name: str, router: str = "tor-b") -> None:
    """End a node's session with its router, which keeps the routes."""
    own = str(planned(name).address)
    next(one for one in evidence["routers"][router]["sessions"] if one["address"] == own)["state"] = "active"
    evidence["survey"]["nodes"][name]["sessions"][0]["state"] = "idle"
    evidence["nodes"][name]["facts"]["bgp"] = []


@pytest.mark.parametrize("probes", [True, False])
def test_a_session_is_told_of_beside_another_node_s_dead_uplink(probes: bool) -> None:
    evidence = healthy()
    uplink_down(evidence, W1, probes=probes)
    session_down(evidence, W3)
    found = verdict(evidence)
    assert found.status is Status.FAIL
    assert [(cause.rule, W3 in cause.sentence) for cause in found.causes] == [
        ("uplink-down", False),
        ("session-down", True),
    ]


@pytest.mark.parametrize("probes", [True, False])
def test_a_session_that_its_own_node_s_dead_uplink_ended_is_not_told(probes: bool) -> None:
    evidence = healthy()
    uplink_down(evidence, W3, probes=probes)
    session_down(evidence, W3)
    assert [cause.rule for cause in verdict(evidence).causes] == ["uplink-down"]
