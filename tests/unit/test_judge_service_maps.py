"""A node's map of services against the API's endpoints where every exchange passed: tries do not hide it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.judge_site import PODS, SERVICE, healthy, verdict
from underlay.judge.verdict import Check, Status, Verdict

W1, STRANGER = "worker-1", "10.244.9.99"
MAPS: dict[str, tuple[Any, str]] = {
    "a pod that is gone": (
        {"count": 4, "pods": [*list(PODS.values())[:3], STRANGER]},
        f"Cilium's map of services has {STRANGER} behind {SERVICE} port 4271 (udp), which the API has not",
    ),
    "fewer pods": (
        {"count": 1, "pods": [PODS[W1]]},
        f"Cilium's map of services has 1 pods behind {SERVICE} port 4271 (udp)",
    ),
    "no entry": (None, f"Cilium's map of services has no entry for {SERVICE} port 4271 (udp)"),
}


def judged(held: Any, asked: int, **front: Any) -> Verdict:
    """Judge a site where worker-1's map has something else behind a port, and an exchange took some tries."""
    evidence = healthy()
    report = evidence["nodes"][W1]
    report["facts"]["service"]["ports"]["udp"] = held
    report["service"]["tcp"]["asked"] = asked
    evidence["survey"]["service"] |= front
    return verdict(evidence)


def probes(found: Verdict) -> Check:
    return next(one for one in found.checks if (one.rule, one.where) == ("service-probes", W1))


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_differs_is_red_where_an_exchange_took_another_try(name: str) -> None:
    held, text = MAPS[name]
    found = judged(held, 3)
    check = probes(found)
    assert (check.status, text in check.found) == (Status.FAIL, True), check.found
    assert [(cause.rule, cause.where, cause.sentence) for cause in found.causes] == [
        ("service-unknown-to-node", W1, f"{W1}: {text}")
    ]
    assert "tcp after 3 tries" in found.causes[0].witnesses[1]


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_differs_alone_is_a_note(name: str) -> None:
    held, text = MAPS[name]
    found = judged(held, 1)
    assert (found.status, probes(found).status) == (Status.PASS, Status.PASS)
    [note] = found.notes
    assert note.startswith(f"suspected, one witness only: {W1}: {text}")


def test_while_pods_come_and_go_another_try_is_no_witness() -> None:
    found = judged(MAPS["a pod that is gone"][0], 2, changing=True)
    assert (found.status, len(found.notes)) == (Status.PASS, 1)


@pytest.mark.parametrize(
    ("held", "front"),
    [({"count": 4, "pods": [*PODS.values()]}, {}), (None, {"pods": None})],
    ids=["the same pods", "the API's pods are not known"],
)
def test_another_try_alone_is_green_and_silent(held: Any, front: dict[str, Any]) -> None:
    found = judged(held, 3, **front)
    assert (found.status, found.notes) == (Status.PASS, ())
