"""The verdict on intrusion detection: what is declared has to be at work, what is not has to be gone."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_site import PODS, counter, expected, healthy, silence
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Status, Verdict
from underlay.model import Capture, Engine
from underlay.plan.verification import Expected, ExpectedCapture
from underlay.report.document import Report, document
from underlay.report.terminal import show

NODE = "worker-1"
MIRROR = {"hook": "ingress", "kind": "tcx", "id": 99, "name": "underlay_mirror"}
OTHER = {**MIRROR, "id": 98, "name": "intruder"}
ALERT = {
    "rule": 1000001,
    "message": "probe\x1b[2J of the admin page",
    "count": 3,
    "last": "2026-01-02T03:04:05",
    "source": "10.244.1.10:4000",
    "target": "10.244.2.10:80",
    "protocol": "TCP",
}


def watched(point: Capture = Capture.POD_LINKS, engine: Engine = Engine.SURICATA) -> Expected:
    """Return what the dev site expects where every node has an engine."""
    capture = ExpectedCapture(point=point, engine=engine)
    plan = expected()
    return plan.model_copy(update={"nodes": tuple(node.model_copy(update={"capture": capture}) for node in plan.nodes)})


def at_work() -> dict[str, Any]:
    """Return the healthy evidence with a mirror and an engine on every node."""
    evidence = healthy()
    for report in evidence["nodes"].values():
        for name in report["facts"]["programs"]:
            report["facts"]["programs"][name].insert(0, dict(MIRROR))
        mirror = {"age": 0, "seen": 900, "mirrored": 900, "failed": 0, "repairs": 0, "devices": ["eth0"], "errors": []}
        engine = {"age": 3, "packets": 900, "lost": 0}
        report["facts"]["intrusion"] = {"mirror": mirror, "engine": engine, "alerts": [], "unreadable": 0}
    return evidence


def verdict(evidence: dict[str, Any], plan: Expected | None = None) -> Verdict:
    return judge(plan or watched(), Evidence.model_validate(evidence))


def red(found: Verdict) -> set[tuple[str, str]]:
    return {(check.rule, check.where) for check in found.checks if check.status is not Status.PASS}


def programs(evidence: dict[str, Any], device: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = evidence["nodes"][NODE]["facts"]["programs"][device]
    return found


def facts(evidence: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = evidence["nodes"][NODE]["facts"]["intrusion"]
    return found


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "the mirror is behind Cilium": (lambda e: programs(e, "lxc1").reverse(), "intrusion-mirror"),
    "the mirror is missing at a link": (lambda e: programs(e, "eth0").pop(0), "intrusion-mirror"),
    "another program stands before": (lambda e: programs(e, "eth0").insert(0, dict(OTHER)), "intrusion-mirror"),
    "another program stands behind": (lambda e: programs(e, "eth0").append(dict(OTHER)), "intrusion-mirror"),
    "the mirror has ended": (lambda e: facts(e).update(mirror=None), "intrusion-mirror"),
    "copies are not taken": (lambda e: facts(e)["mirror"].update(failed=100), "intrusion-mirror"),
    "a link refuses the mirror": (lambda e: facts(e)["mirror"]["errors"].append("lxc1: refused"), "intrusion-mirror"),
    "the engine never started": (lambda e: facts(e).update(engine=None), "intrusion-engine"),
    "the engine is silent": (lambda e: facts(e)["engine"].update(age=500), "intrusion-engine"),
    "the engine loses packets": (lambda e: facts(e)["engine"].update(lost=90), "intrusion-engine"),
}


def test_engines_and_mirrors_at_work_are_green() -> None:
    found = verdict(at_work())
    assert (found.status, red(found)) == (Status.PASS, set())
    told = {check.rule: check.found for check in found.checks if check.where == NODE}
    assert told["intrusion-mirror"] == "first at 2 of 2 links, 900 packets seen, 900 mirrored, 0 not taken, 0 repairs"
    assert told["intrusion-engine"].startswith("900 packets, 0 lost")


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_red_at_its_node_alone(name: str) -> None:
    change, rule = FAULTS[name]
    evidence = at_work()
    change(evidence)
    assert red(verdict(evidence)) == {(rule, NODE)}


def test_a_site_without_an_engine_has_no_check_of_one_and_finds_a_mirror_left_behind() -> None:
    assert not [check for check in verdict(healthy(), expected()).checks if check.rule.startswith("intrusion")]
    evidence = healthy()
    programs(evidence, "eth0").insert(0, dict(MIRROR))
    found = verdict(evidence, expected())
    assert red(found) == {("intrusion-mirror", NODE)}
    assert found.status is Status.PASS, "the update that removes it verifies before it is gone"


def test_the_uplink_needs_no_mirror_and_a_switch_mirror_has_to_bring_packets() -> None:
    evidence = healthy()
    for name, report in evidence["nodes"].items():
        packets = 0 if name == NODE else 9
        engine = {"age": 3, "packets": packets, "lost": 0}
        report["facts"]["intrusion"] = {"mirror": None, "engine": engine, "alerts": [], "unreadable": 0}
    assert red(verdict(evidence, watched(Capture.UPLINK))) == set()
    assert red(verdict(evidence, watched(Capture.SWITCH_MIRROR))) == {("intrusion-engine", NODE)}


def test_what_another_engine_does_not_tell_is_skipped() -> None:
    found = verdict(at_work(), watched(Capture.UPLINK, Engine.SNORT3))
    skipped = [check for check in found.checks if check.status is Status.SKIPPED]
    assert {check.rule for check in skipped} == {"intrusion-engine", "intrusion-mirror"}, (
        "a mirror that is not declared"
    )


def test_alerts_reach_the_verdict_and_the_screen_is_safe() -> None:
    evidence = at_work()
    facts(evidence)["alerts"].append(dict(ALERT))
    found = verdict(evidence)
    assert found.status is Status.PASS, "an alert is no fault of the underlay"
    rows = Report.model_validate(document(found)).alerts
    assert [(row.node, row.rule, row.count, row.target) for row in rows] == [(NODE, 1000001, 3, "10.244.2.10:80")]
    screen = io.StringIO()
    show(found, screen, 0.0)
    assert "3 times" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_alerts_come_with_the_most_frequent_first() -> None:
    evidence = at_work()
    for name, counts in (("cp-1", (2, 9)), (NODE, (3, 9))):
        told = [{**ALERT, "rule": number, "count": count} for number, count in enumerate(counts, 1)]
        evidence["nodes"][name]["facts"]["intrusion"]["alerts"] = told
    found = [(alert.node, alert.count) for alert in verdict(evidence).alerts]
    assert found == [("cp-1", 9), (NODE, 9), (NODE, 3), ("cp-1", 2)]


def test_a_former_engines_file_is_not_told() -> None:
    evidence = healthy()
    told = {"mirror": None, "engine": None, "alerts": [dict(ALERT)], "unreadable": 0}
    evidence["nodes"][NODE]["facts"]["intrusion"] = told
    assert verdict(evidence, expected()).alerts == ()


def test_the_drop_of_a_copy_is_no_cause() -> None:
    """The mirror's far end drops each copy; packets that are lost elsewhere must not be laid to that."""
    evidence = at_work()
    report = evidence["nodes"][NODE]
    report["facts"]["links"].append({"name": "underlay-ids", "ifindex": 77, "kind": "veth", "mtu": 9216, "up": True})
    silence(evidence, "cp-1", NODE)
    without = verdict(evidence)
    copy = counter("dropped", 1, PODS["cp-1"], PODS[NODE], ifindex=77, reason="TC_INGRESS", function="__netif_receive")
    report["counters"].append({**copy, "netns": report["namespace"]})
    assert verdict(evidence).causes == without.causes
