"""A thousand nodes' reports are judged within seconds, and what a machine says cannot make it longer or wrong."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.unit.judge_big import NODES, big_expected, big_healthy
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Status

SECONDS = 5.0


@pytest.fixture(scope="module")
def healthy() -> Iterator[dict[str, Any]]:
    """Yield healthy evidence; the collector leaves out what other tests hold, as in a process alone."""
    gc.collect()
    gc.freeze()
    yield big_healthy()
    gc.unfreeze()


def timed(evidence: dict[str, Any]) -> tuple[float, Any]:
    """Return the seconds of processor time that validation and judging take, and the verdict."""
    expected = big_expected()
    begun = time.process_time()
    found = judge(expected, Evidence.read(evidence))
    return time.process_time() - begun, found


def test_a_thousand_healthy_nodes_are_silent_within_the_bound(healthy: dict[str, Any]) -> None:
    seconds, found = timed(healthy)
    assert len(found.of(Status.PASS)) > 10 * NODES
    assert (found.status, found.causes, found.lost, found.notes) == (Status.PASS, (), (), ())
    assert seconds <= SECONDS, f"{NODES} reports took {seconds:.1f} s"


def test_one_router_that_cuts_hundreds_is_one_cause_within_the_bound(healthy: dict[str, Any]) -> None:
    evidence = deepcopy(healthy)
    evidence["routers"]["tor-3"]["forwarding"] = 0
    for report in evidence["nodes"].values():
        for probe in report["probes"]:
            probe |= {kind: {"sent": 2, "error": "ETIMEDOUT"} for kind in ("ping", "full", "tcp", "udp", "http")}
    seconds, found = timed(evidence)
    assert ("router-forwarding-off", "tor-3") in {(cause.rule, cause.where) for cause in found.causes}
    assert seconds <= SECONDS, f"{NODES} reports took {seconds:.1f} s"
