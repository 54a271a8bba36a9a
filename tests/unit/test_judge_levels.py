"""Evidence of part: what a kernel cannot tell is an error with its reason, and everything else is judged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.judge_site import healthy, verdict
from underlay.judge.evidence import Counter
from underlay.judge.noise import UNNAMED, is_noise
from underlay.judge.verdict import Status

WHERE = "worker-1"
ALL = ("sent", "received", "dropped", "routed")


def judged(**evidence: Any) -> dict[str, tuple[Status, str]]:
    """Return the checks of a node whose kernel tells less."""
    found = healthy()
    found["nodes"][WHERE]["evidence"] |= evidence
    return {check.rule: (check.status, check.found) for check in verdict(found).checks if check.where == WHERE}


def errors(found: dict[str, tuple[Status, str]]) -> set[str]:
    return {rule for rule, (status, _) in found.items() if status is not Status.PASS}


def test_without_reasons_of_drops_only_what_rests_on_them_is_open() -> None:
    lack = "reasons of drops: kfree_skb of this kernel does not give them"
    found = judged(level="partial", points=ALL, reasons=False, lacking=[lack], backend="core")
    assert errors(found) == {"kernel-evidence", "reverse-path"}
    assert found["kernel-evidence"][0] is Status.ERROR
    assert lack in found["kernel-evidence"][1]
    assert found["reverse-path"][0] is Status.ERROR


@pytest.mark.parametrize(
    ("lost", "open_"),
    [("routed", {"route"}), ("sent", {"wire"}), ("received", {"wire"}), ("dropped", {"reverse-path"})],
)
def test_a_point_that_cannot_be_counted_leaves_its_checks_open(lost: str, open_: set[str]) -> None:
    points = [point for point in ALL if point != lost]
    found = judged(level="partial", points=points, reasons=lost != "dropped", lacking=[f"{lost}: no tracepoint"])
    assert errors(found) == {"kernel-evidence", *open_}
    assert all(found[rule][0] is Status.ERROR for rule in errors(found))


def test_what_young_kernels_alone_can_tell_costs_no_level_and_is_listed() -> None:
    lack = "md5: this kernel has no tracepoint tcp_hash_md5_mismatch"
    found = judged(points=ALL, reasons=True, lacking=[lack], backend="bcc", attach_seconds=0.6, peak_mib=120)
    assert errors(found) == set()
    assert f"by bcc, attached in 0.6 s with 120 MiB; not had: {lack}" in found["kernel-evidence"][1]


def row(reason: str, function: str) -> Counter:
    numbers = dict.fromkeys(("netns", "ifindex", "protocol", "count", "first", "last"), 1)
    texts = {"point": "dropped", "form": "bare", "source": "a", "target": "b", "reason": reason, "function": function}
    return Counter.model_validate(numbers | texts)


def test_noise_without_a_reason_is_known_by_its_function() -> None:
    assert is_noise(row(UNNAMED, "ping_rcv"))
    assert not is_noise(row(UNNAMED, "nf_hook_slow"))
    assert not is_noise(row("NETFILTER_DROP", "ping_rcv"))
