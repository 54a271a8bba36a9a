"""A node is looked at before anything is changed, brought into its state, and given back exactly as it was."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan_sites import site
from underlay.plan.prerequisites import OWNER_MARK, SYSCTL_FILE, node_input
from underlay.remote import node_facts, prepare_node

BEFORE = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/rp_filter": "1",
    "net/ipv4/conf/eth0/rp_filter": "1",
    "net/ipv4/conf/eth0/accept_redirects": "1",
}
ADDRESSES = [
    {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}]},
    {"ifname": "eth0", "addr_info": [{"local": "172.30.1.12", "prefixlen": 24}]},
]
ROUTE = [{"dst": "10.244.255.254", "gateway": "172.30.1.1", "dev": "eth0"}]


class Node:
    """A node's files below a folder, and its answers about addresses and routes."""

    def __init__(self, root: Path) -> None:
        self.root, self.addresses, self.route = root, ADDRESSES, ROUTE
        declared = site()
        self.data: dict[str, Any] = node_input(declared, declared.node("worker-1"))
        self.put("sys/kernel/btf/vmlinux", "btf")
        self.put("proc/filesystems", "nodev\tbpf\nnodev\tcgroup2\n")
        self.put("sys/class/net/eth0/mtu", "1500\n")
        for key, value in BEFORE.items():
            self.put(f"proc/sys/{key}", f"{value}\n")

    def put(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def ask(self, *words: str) -> tuple[int, str]:
        return 0, json.dumps(self.route if "route" in words else self.addresses)

    def files(self) -> dict[str, str]:
        paths = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    made = Node(tmp_path)
    monkeypatch.setattr(node_facts, "run", made.ask)
    return made


Run = Callable[[str], tuple[int, dict[str, Any], str]]


@pytest.fixture
def run(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(action: str) -> tuple[int, dict[str, Any], str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(node.data)))
        code = prepare_node.main([action], node.root)
        out, err = capsys.readouterr()
        return code, json.loads(out), err

    return call


def test_every_setting_is_applied_and_kept_for_the_next_start(node: Node, run: Run) -> None:
    code, result, _ = run("apply")
    assert (code, result["findings"], len(result["changed"])) == (0, [], 5)
    files = node.files()
    assert {key: files[f"proc/sys/{key}"].strip() for key in BEFORE} == node.data["settings"]
    assert files[SYSCTL_FILE[1:]] == node.data["text"]


def test_a_second_run_changes_nothing(run: Run) -> None:
    run("apply")
    assert run("apply")[:2] == (0, {"node": "worker-1", "findings": [], "changed": []})


def test_removal_gives_back_the_node_byte_for_byte(node: Node, run: Run) -> None:
    before = node.files()
    run("apply")
    run("apply")
    assert run("remove")[0] == 0
    assert node.files() == before
    assert not (node.root / "var/lib/underlay").exists()


def test_removal_leaves_what_somebody_changed_since(node: Node, run: Run) -> None:
    run("apply")
    node.put("proc/sys/net/ipv4/conf/eth0/rp_filter", "1\n")
    node.put("proc/sys/net/ipv4/conf/all/rp_filter", "2\n")
    run("remove")
    assert node.files()["proc/sys/net/ipv4/conf/all/rp_filter"] == "2\n"


def test_a_setting_that_is_no_longer_wanted_is_given_back_at_once(node: Node, run: Run) -> None:
    run("apply")
    del node.data["settings"]["net/ipv4/conf/eth0/accept_redirects"]
    assert run("apply")[1]["changed"] == ["net/ipv4/conf/eth0/accept_redirects: back to 1"]


def test_a_restarted_node_still_knows_its_former_values(node: Node, run: Run) -> None:
    before = node.files()
    run("apply")
    for key, value in BEFORE.items():
        node.put(f"proc/sys/{key}", f"{value}\n")
    run("apply")
    run("remove")
    assert node.files() == before


def renamed(node: Node, name: str, site_name: str = "dev") -> None:
    mine = f"# owner: site {node.data['site']}, machine {node.data['node']}"
    text = node.data["text"].replace(mine, f"# owner: site {site_name}, machine {name}")
    node.data.update(node=name, site=site_name, text=text)


def test_a_renamed_node_is_taken_over_and_its_former_name_takes_nothing_away(node: Node, run: Run) -> None:
    before, data = node.files(), dict(node.data)
    run("apply")
    renamed(node, "worker-9")
    assert run("apply")[1]["changed"] == [f"{SYSCTL_FILE} written"]
    applied, new = node.files(), dict(node.data)
    node.data = data
    code, result, _ = run("remove")
    assert (code, result["changed"]) == (0, [])
    assert result["left"] == "this belongs to site dev, machine worker-9 now; nothing was removed"
    assert node.files() == applied
    node.data = new
    run("remove")
    assert node.files() == before


def test_what_another_site_has_set_is_neither_written_over_nor_given_back(node: Node, run: Run) -> None:
    run("apply")
    before = node.files()
    renamed(node, "worker-1", "berlin")
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["foreign-node-settings"])
    assert run("remove")[:2] == (0, {**result, "findings": [], "left": run("remove")[1]["left"]})
    assert node.files() == before


@pytest.mark.parametrize("action", ["apply", "remove"])
def test_a_foreign_file_is_a_finding_and_stays(node: Node, run: Run, action: str) -> None:
    node.put(SYSCTL_FILE[1:], "# the hardening role's\nnet.ipv4.ip_forward = 0\n")
    before = node.files()
    code, result, err = run(action)
    assert code == 1
    assert [finding["rule"] for finding in result["findings"]] == ["foreign-file"]
    assert node.files() == before
    assert err.startswith(f'[foreign-file] worker-1, {SYSCTL_FILE}: found "# the hardening role\'s"; expected')


def test_a_file_of_ours_in_a_former_version_is_written_anew(node: Node, run: Run) -> None:
    node.put(SYSCTL_FILE[1:], f"{OWNER_MARK}\nnet/ipv4/ip_forward = 1\n")
    assert run("apply")[0] == 0
    assert node.files()[SYSCTL_FILE[1:]] == node.data["text"]


FAULTS: dict[str, tuple[Callable[[Node], object], str]] = {
    "no BTF": (lambda node: (node.root / "sys/kernel/btf/vmlinux").unlink(), "kernel-btf-missing"),
    "no bpffs": (lambda node: node.put("proc/filesystems", "nodev\tcgroup2\n"), "kernel-filesystem-missing"),
    "no cgroup2": (lambda node: node.put("proc/filesystems", "nodev\tbpf\n"), "kernel-filesystem-missing"),
    "another MTU": (lambda node: node.put("sys/class/net/eth0/mtu", "9000\n"), "uplink-mtu-differs"),
    "no such interface": (lambda node: (node.root / "sys/class/net/eth0/mtu").unlink(), "uplink-missing"),
    "another address": (lambda node: node.data.update(addresses=["172.30.1.13/24"]), "node-address-missing"),
    "another prefix length": (lambda node: node.data.update(addresses=["172.30.1.12/16"]), "node-address-missing"),
    "no route for pods": (lambda node: setattr(node, "route", []), "pod-route-not-by-uplink"),
    "pods behind the management network": (
        lambda node: setattr(node, "route", [{"dev": "mgmt0"}]),
        "pod-route-not-by-uplink",
    ),
    "another network plug-in": (lambda node: node.put("etc/cni/net.d/10-flannel.conflist", "{}"), "foreign-cni-config"),
    "a setting that the kernel lacks": (
        lambda node: node.data["settings"].update({"net/ipv4/nothing": "1"}),
        "kernel-setting-missing",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_its_finding_and_nothing_is_changed(node: Node, run: Run, name: str) -> None:
    inject, rule = FAULTS[name]
    inject(node)
    before = node.files()
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, [rule])
    assert node.files() == before


def test_all_faults_are_told_at_once(node: Node, run: Run) -> None:
    for name in ("no BTF", "another MTU", "another address", "no route for pods", "another network plug-in"):
        FAULTS[name][0](node)
    assert len(run("apply")[1]["findings"]) == 5


def test_cilium_s_own_file_and_route_are_no_faults(node: Node, run: Run) -> None:
    node.put("etc/cni/net.d/05-cilium.conflist", "{}")
    node.route = [{"dev": "cilium_host"}]
    assert run("apply")[0] == 0
