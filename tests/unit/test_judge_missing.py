"""Missing data is never a pass: what was not read, asked, seen or sent leaves its check red or unjudged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.judge_site import NETWORKS, PODS, counter, expected, healthy, verdict
from tests.unit.test_judge_checks import one
from underlay.judge.evidence import Evidence, Link
from underlay.judge.judge import judge
from underlay.judge.verdict import Status, Verdict
from underlay.judge.views import below
from underlay.model import load_site
from underlay.plan.verification import expectations

W1, W2 = "worker-1", "worker-2"
STACK = Path(__file__).parents[2] / "Pulumi.dev.yaml"
Change = Callable[[dict[str, Any]], object]
"""Changes the report of worker-1."""


def looks(**changes: Any) -> Change:
    return lambda report: [look.update(changes) for look in report["facts"]["lookups"]]


def via(address: str) -> Change:
    return lambda report: [look["out"].update(gateway=address) for look in report["facts"]["lookups"]]


def seen_via(address: str) -> Change:
    return lambda report: [row.update(gateway=address) for row in report["counters"] if row["point"] == "routed"]


def first(*path: str) -> Change:
    """Keep only the first entry of a list."""

    def change(report: dict[str, Any]) -> None:
        for key in path[:-1]:
            report = report[key]
        report[path[-1]] = report[path[-1]][:1]

    return change


def without(point: str, far: str) -> Change:
    """Forget what was counted for a far pod at a point."""

    def change(report: dict[str, Any]) -> None:
        report["counters"] = [
            row
            for row in report["counters"]
            if row["point"] != point or PODS[far] not in (row["source"], row["target"])
        ]

    return change


def full_of(size: int) -> Change:
    return lambda report: [probe["full"].update(bytes=size) for probe in report["probes"]]


def cilium(**changes: Any) -> Change:
    return lambda report: report["facts"]["cilium"].update(changes)


def selftest(**changes: Any) -> Change:
    return lambda report: report["evidence"]["selftest"].update(changes)


BLIND: Change = lambda report: report.update(evidence={"level": "none", "selftest": None})  # noqa: E731
SAME_PROBE: Change = lambda report: report.update(probes=report["probes"][:1] * 3)  # noqa: E731
SILENT_ENDS: Change = lambda report: [probe["tcp"].pop("source") for probe in report["probes"]]  # noqa: E731
CASES: tuple[tuple[str, str, Change, Status], ...] = (
    ("kernel-evidence", "a self-test that went wrong", selftest(wrong=["netns 0"]), Status.ERROR),
    ("kernel-evidence", "a self-test that nobody saw", selftest(seen=[]), Status.ERROR),
    ("wire", "a self-test that nobody saw", selftest(seen=[]), Status.ERROR),
    ("no-tunnel", "host unread", cilium(host=None), Status.ERROR),
    ("no-tunnel", "maps unread", cilium(overlay_maps=None), Status.ERROR),
    ("no-tunnel", "constant absent", cilium(host={"eth0": {"EnableBPFHostRouting": False}}), Status.ERROR),
    ("no-tunnel", "a sign outweighs what is unread", cilium(host=None, marks=["TUNNEL_MODE"]), Status.FAIL),
    ("no-tunnel", "macros of 1.19", cilium(host={"*": {"TunnelProtocol": False}}), Status.PASS),
    ("no-tunnel", "macros of 1.19, a tunnel", cilium(host={"*": {"TunnelProtocol": True}}), Status.FAIL),
    ("host-routing", "macros of 1.19", cilium(host={"*": {"EnableBPFHostRouting": False}}), Status.PASS),
    ("host-routing", "macros of 1.19, the other part", cilium(host={"*": {"EnableBPFHostRouting": True}}), Status.FAIL),
    ("reverse-path", "no kernel events", BLIND, Status.ERROR),
    ("reverse-path", "one look-up of three", first("facts", "lookups"), Status.ERROR),
    ("reverse-path", "no way back asked", looks(back={}), Status.ERROR),
    ("reverse-path", "an empty answer", looks(back={"eth0": {"message": "netlink"}}), Status.ERROR),
    ("route", "one look-up of three", first("facts", "lookups"), Status.ERROR),
    ("route", "answers via another node", via("172.30.1.11"), Status.FAIL),
    ("route", "look-ups seen via a stranger", seen_via("9.9.9.9"), Status.FAIL),
    ("route", "no look-up seen for one", without("routed", W2), Status.FAIL),
    ("wire", "nothing sent to one", without("sent", W2), Status.FAIL),
    ("wire", "nothing received from one", without("received", W2), Status.FAIL),
    ("probes", "the same probe three times", SAME_PROBE, Status.ERROR),
    ("probes", "one probe of three", first("probes"), Status.ERROR),
    ("probes", "a full packet that is none", full_of(84), Status.ERROR),
    ("source-address", "far ends that do not say it", SILENT_ENDS, Status.ERROR),
)


@pytest.mark.parametrize(("rule", "_name", "change", "status"), CASES, ids=lambda value: value or "")
def test_missing_data_is_no_pass(rule: str, _name: str, change: Change, status: Status) -> None:
    evidence = healthy()
    change(evidence["nodes"][W1])
    found = verdict(evidence)
    assert one(found, rule).status is status, one(found, rule)
    assert found.status is not Status.PASS


@pytest.mark.parametrize("rule", ["reverse-path", "route", "wire", "probes"])
def test_a_node_without_probe_pod_spoils_the_others_checks(rule: str) -> None:
    evidence = healthy()
    evidence["survey"]["nodes"][W2]["probe"] = None
    for part in ("probes", "counters"):
        evidence["nodes"][W1][part] = [row for row in evidence["nodes"][W1][part] if PODS[W2] not in row.values()]
    facts = evidence["nodes"][W1]["facts"]
    facts["lookups"] = [look for look in facts["lookups"] if look["target"] != PODS[W2]]
    assert one(verdict(evidence), rule).status is Status.ERROR


def test_a_node_that_the_site_does_not_declare_is_red() -> None:
    evidence = healthy()
    evidence["survey"]["undeclared"] = {"worker-9": ["10.244.9.0/24"]}
    found = verdict(evidence)
    assert found.status is Status.FAIL
    assert one(found, "nodes-declared", "kubernetes").found == "worker-9 has 10.244.9.0/24"
    evidence["survey"]["left"] = ["worker-9"]
    check = one(verdict(evidence), "nodes-declared", "kubernetes")
    assert check.found == "worker-9, a CiliumNode without a Node, has 10.244.9.0/24"
    assert "`kubectl delete ciliumnode worker-9`" in check.fix


@pytest.mark.parametrize(("value", "status"), [(0, Status.FAIL), (None, Status.ERROR)])
def test_a_router_that_does_not_forward_is_red_although_no_packet_needs_it(value: int | None, status: Status) -> None:
    evidence = healthy()
    evidence["routers"]["tor-b"]["forwarding"] = value
    found = verdict(evidence)
    assert (one(found, "router-forwarding", "tor-b").status, found.status) == (status, status)


def alone() -> Verdict:
    """Return the verdict on a site of one node."""
    declared = yaml.safe_load(STACK.read_text())["config"]["cilium-underlay:site"]
    for name in ("nodes", "racks", "routers"):
        declared[name] = declared[name][:1]
    declared["routers"][0]["neighbors"] = []
    declared["security_groups"][0]["nodes"] = ["cp-1"]
    evidence = healthy()
    for part in (evidence["nodes"], evidence["survey"]["nodes"]):
        for name in set(part) - {"cp-1"}:
            del part[name]
    report, router = evidence["nodes"]["cp-1"], evidence["routers"]["tor-a"]
    report |= {"probes": [], "counters": []}
    report["facts"]["lookups"] = []
    router |= {
        "sessions": router["sessions"][:1],
        "table": {NETWORKS["cp-1"]: ["172.30.1.11"]},
        "kernel": [{"target": NETWORKS["cp-1"], "type": "unicast", "gateway": "172.30.1.11"}],
    }
    evidence["routers"] = {"tor-a": router}
    return judge(expectations(load_site(declared)), Evidence.model_validate(evidence))


def test_a_site_of_one_node_has_nothing_to_probe_and_passes() -> None:
    found = alone()
    assert found.status is Status.PASS
    skipped = {check.rule for check in found.of(Status.SKIPPED)}
    assert skipped == {"reverse-path", "route", "wire", "probes", "source-address", "node-probes"}
    assert not any(check.fix for check in found.of(Status.SKIPPED))


@pytest.mark.parametrize("change", [{"ready": False}, {"agent_ready": False}, {"agent": None, "agent_ready": False}])
def test_a_node_or_agent_that_is_not_ready_is_red(change: dict[str, Any]) -> None:
    evidence = healthy()
    evidence["survey"]["nodes"][W1] |= change
    assert one(verdict(evidence), "node-ready").status is Status.FAIL
    evidence["survey"]["errors"] = ["agents: HTTP 403"]
    assert one(verdict(evidence), "node-ready").status is Status.ERROR


def test_what_a_machine_reports_as_gone_wrong_is_a_note() -> None:
    evidence = healthy()
    evidence["nodes"][W1]["errors"] = ["filters: PermissionError: no"]
    evidence["routers"]["tor-a"]["errors"] = ["odd"]
    assert verdict(evidence).notes == (f"{W1} reports: filters: PermissionError: no", "tor-a reports: odd")


LINKS = {
    2: Link(name="eth1", ifindex=2, kind=None, mtu=9000, up=True, master=4),
    3: Link(name="eth2", ifindex=3, kind=None, mtu=9000, up=True, master=4),
    4: Link(name="bond0", ifindex=4, kind="bond", mtu=9000, up=True),
    5: Link(name="bond0.7", ifindex=5, kind="vlan", mtu=9000, up=True, lower=4),
    6: Link(name="br0", ifindex=6, kind="bridge", mtu=9000, up=True),
    7: Link(name="eth3", ifindex=7, kind=None, mtu=9000, up=True, master=6),
    8: Link(name="eth0", ifindex=8, kind="veth", mtu=9000, up=True, lower=2),
}


@pytest.mark.parametrize(
    ("uplink", "members"),
    [("bond0", {2, 3}), ("bond0.7", {2, 3, 4}), ("br0", set()), ("eth0", set()), ("eth1", set())],
)
def test_the_devices_below_an_uplink(uplink: str, members: set[int]) -> None:
    """A bridge counts for itself, and a veth's link lies in another namespace."""
    assert below(LINKS, {uplink}) == members


def test_what_the_slaves_of_a_bonded_uplink_receive_counts() -> None:
    evidence = healthy()
    report = evidence["nodes"][W1]
    eth0 = report["facts"]["links"][0]
    eth0["kind"] = "bond"
    slaves = [{"name": f"ens{n}", "ifindex": n, "kind": None, "mtu": 1500, "up": True, "master": 3} for n in (11, 12)]
    report["facts"]["links"] += slaves
    for number, row in enumerate(report["counters"]):
        row["ifindex"] = 11 + number % 2 if row["point"] == "received" else 3
    report["counters"].append(counter("sent", 1, PODS[W1], PODS[W2], ifindex=11))
    check = one(verdict(evidence), "wire")
    assert check.status is Status.PASS
    assert "75 sent, 75 received bare" in check.found, "what a bond has sent is not counted again at its slave"


def test_the_dev_site_expects_one_next_hop_each() -> None:
    plan = expected()
    assert all(len(plan.next_hops(router.name, node.name)) == 1 for router in plan.routers for node in plan.nodes)
