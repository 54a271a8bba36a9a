"""Each thing that a node may lack or have too much of is one finding, at its place, before anything is changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.node_faults import FAULTS, HEALTHY, TOGETHER
from tests.unit.remote_node import Node, Run, runner
from underlay.plan.prerequisites import KEPT, RULES


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.fixture
def run(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr("underlay.remote.node_files.run", lambda *_: (0, ""))
    return runner(node, monkeypatch, capsys)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_its_finding_and_nothing_is_changed(node: Node, run: Run, name: str) -> None:
    inject, rule = FAULTS[name]
    inject(node)
    before = node.files()
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, [rule])
    assert node.files() == before


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_in_order_is_no_fault(node: Node, run: Run, name: str) -> None:
    HEALTHY[name](node)
    assert run("apply")[:1] == (0,)


def test_all_faults_are_told_at_once(node: Node, run: Run) -> None:
    for name in TOGETHER:
        FAULTS[name][0](node)
    assert len(run("apply")[1]["findings"]) == len(TOGETHER)


def test_every_rule_that_can_be_waived_has_a_fault() -> None:
    several = {"egress-next-hop-missing"}
    assert {rule for _, rule in FAULTS.values()} - {"kernel-setting-missing"} == set(RULES) - several


def test_cilium_s_own_tables_are_no_fault(node: Node, run: Run) -> None:
    node.put("sys/class/net/cilium_host/mtu", "1500\n")
    node.answers["table 2004"] = [{"dst": "default"}]
    assert run("apply")[0] == 0


def test_a_missing_next_hop_is_told_where_a_rack_has_several_routers(node: Node, run: Run) -> None:
    node.data["gateways"] = ["172.30.1.1", "172.30.9.1"]
    node.kernel.largest["172.30.9.1"] = 1500
    node.answers["route show default"] = [{"dst": "default", "gateway": "172.30.1.1"}]
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["egress-next-hop-missing"])
    node.answers["route show default"] = [{"nexthops": [{"gateway": "172.30.1.1"}, {"gateway": "172.30.9.1"}]}]
    assert run("apply")[0] == 0


def test_a_waived_fault_is_told_and_stops_nothing(node: Node, run: Run) -> None:
    FAULTS["firewalld"][0](node)
    node.data["waived"] = {"firewalld-running": "its zones are trusted here"}
    code, result, _ = run("apply")
    assert (code, result["findings"]) == (0, [])
    assert [(one["rule"], one["reason"]) for one in result["waived"]] == [
        ("firewalld-running", "its zones are trusted here")
    ]


def test_a_waived_fault_that_is_looked_at_before_and_after_is_told_once(node: Node, run: Run) -> None:
    FAULTS["pods behind another router"][0](node)
    node.data["waived"] = {"pod-route-not-by-gateway": "a firewall stands there"}
    code, result, _ = run("apply")
    assert (code, [one["rule"] for one in result["waived"]]) == (0, ["pod-route-not-by-gateway"])


def test_a_look_changes_nothing_and_names_each_drift(node: Node, run: Run) -> None:
    run("apply")
    assert run("look")[:2] == (0, {"node": "worker-1", "findings": [], "changed": []})
    node.put("proc/sys/net/ipv4/ip_forward", "0\n")
    node.put("etc/sysctl.d/90-underlay.conf", node.data["files"][0]["text"] + "net.ipv4.ip_forward = 0\n")
    before = node.files()
    code, result, _ = run("look")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["setting-drifted", "file-drifted"])
    assert result["findings"][0]["where"] == "worker-1, /proc/sys/net/ipv4/ip_forward"
    assert node.files() == before


def test_a_service_that_is_there_gets_its_file_and_is_told(
    node: Node,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[str, ...]] = []

    def tell(*words: str) -> tuple[int, str]:
        told.append(words)
        return 0, ""

    monkeypatch.setattr("underlay.remote.node_files.run", tell)
    for folder in ("run/systemd/netif", "run/NetworkManager", "etc/systemd/networkd.conf.d"):
        (node.root / folder).mkdir(parents=True)
    before, folders = node.files(), node.folders()
    run("apply")
    assert "ManageForeignRoutes=no" in node.files()["etc/systemd/networkd.conf.d/90-underlay.conf"]
    run("apply")
    run("remove")
    assert (node.files(), node.folders()) == (before, folders)
    reload = ("nmcli", "general", "reload", "conf")
    assert told == [("systemctl", "try-restart", "systemd-networkd.service"), reload] * 2


def test_a_service_that_cannot_be_told_is_a_finding_and_is_tried_again(
    node: Node,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("underlay.remote.node_files.run", lambda *_: (1, "Failed to connect to bus"))
    (node.root / "run/systemd/netif").mkdir(parents=True)
    for _ in range(2):
        code, result, _ = run("apply")
        assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["service-not-told"])


def test_the_page_on_nodes_lists_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "nodes.md").read_text(encoding="utf-8")
    assert [f"| `{rule}` | {means} |" for rule, means in RULES.items() if f"| `{rule}` | {means} |" not in page] == []


def test_every_finding_of_a_node_is_explained() -> None:
    folder = Path(__file__).parents[2] / "underlay" / "remote"
    paths = [*folder.glob("node_*.py"), *(folder / name for name in ("machine.py", "prepare_node.py"))]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    told = set(re.findall(r'(?:Trouble|refuse_another_site)\(\s*"([a-z-]+)"', text))
    assert told - {*RULES, *KEPT} == set()
    assert set(KEPT) <= told
