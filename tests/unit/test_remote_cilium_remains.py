"""What Cilium has left on a node goes with its preparation, unless it was there before or an agent still runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.remote_node import Node, Run, runner
from underlay.remote import SECONDS, cilium_remains, prepare_node

SAVED = """\
*mangle
:POSTROUTING ACCEPT [0:0]
:CILIUM_POST_mangle - [0:0]
-A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_mangle" -j CILIUM_POST_mangle
-A CILIUM_POST_mangle -j RETURN
COMMIT
"""
LEFT = ("etc/cni/net.d/05-cilium.conflist", "opt/cni/bin/cilium-cni", "sys/fs/bpf/cilium/links/eth0")
NEIGH = "proc/sys/net/ipv4/fib_multipath_use_neigh"


def ruleset(*chains: str, policy: str = "accept") -> str:
    """Return what nft says of empty hooks of the table `mangle`."""
    hooks = [{"family": "ip", "table": "mangle", "name": name, "policy": policy} for name in chains]
    return json.dumps({"nftables": [{"chain": hook} for hook in hooks]})


class Asked(Node):
    """A node that remembers which programs were run."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[str] = []
        self.put(NEIGH, "0\n")

    def ask(self, *words: str) -> tuple[int, str]:
        self.asked.append(" ".join(words))
        return super().ask(*words)

    def runs_cilium(self) -> None:
        """Leave what Cilium leaves."""
        for path in LEFT:
            self.put(path, "cilium's")
        self.put("sys/class/net/cilium_host/mtu", "1500\n")
        self.put(NEIGH, "1\n")
        self.answers |= {"iptables-save": SAVED, "ipset list": "cilium_node_set_v4\nother\n"}
        self.asked.clear()


@pytest.fixture
def node(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


@pytest.fixture
def run(node: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr(cilium_remains, "WAIT", 0)
    monkeypatch.setattr(cilium_remains, "PAUSE", 0)
    return runner(node, monkeypatch, capsys)


def left(node: Node) -> set[str]:
    return {path for path in LEFT if (node.root / path).exists()}


def test_all_of_it_goes(node: Asked, run: Run) -> None:
    run("apply")
    node.runs_cilium()
    node.answers["nft -j list ruleset"] = ruleset("POSTROUTING")
    assert run("remove")[0] == 0
    assert (left(node), node.files()[NEIGH]) == (set(), "0\n")
    comment = "--comment cilium-feeder: CILIUM_POST_mangle -j CILIUM_POST_mangle"
    wanted = [
        "ip link delete cilium_host",
        f"iptables -t mangle -D POSTROUTING -m comment {comment}",
        "iptables -t mangle -F CILIUM_POST_mangle",
        "iptables -t mangle -X CILIUM_POST_mangle",
        "ipset destroy cilium_node_set_v4",
        "nft delete chain ip mangle POSTROUTING",
    ]
    assert [line for line in node.asked if line in wanted] == wanted
    assert "ipset destroy other" not in node.asked


def test_what_was_there_before_stays(node: Asked, run: Run) -> None:
    node.put("etc/cni/net.d/05-cilium.conflist", "somebody's")
    node.answers["nft -j list ruleset"] = ruleset("POSTROUTING")
    run("apply")
    node.runs_cilium()
    run("remove")
    assert left(node) == {"etc/cni/net.d/05-cilium.conflist"}
    assert "nft delete chain ip mangle POSTROUTING" not in node.asked


def test_a_table_that_no_iptables_makes_is_somebody_s_own(node: Asked, run: Run) -> None:
    run("apply")
    node.runs_cilium()
    node.answers["nft -j list ruleset"] = ruleset("POSTROUTING").replace("mangle", "guests")
    run("remove")
    assert not [line for line in node.asked if line.startswith("nft delete")]


def test_a_hook_that_drops_is_nobody_s_remains(node: Asked, run: Run) -> None:
    run("apply")
    node.runs_cilium()
    node.answers["nft -j list ruleset"] = ruleset("POSTROUTING", policy="drop")
    run("remove")
    assert not [line for line in node.asked if line.startswith("nft delete")]


def test_nothing_is_touched_while_an_agent_runs(node: Asked, run: Run) -> None:
    run("apply")
    node.runs_cilium()
    node.put("proc/77/comm", "cilium-agent\n")
    _, result, _ = run("remove")
    assert "cilium-agent still runs: what it has made stays" in result["changed"]
    assert (left(node), [line for line in node.asked if "delete" in line or "-X" in line]) == (set(LEFT), [])


def test_a_note_that_the_plug_in_still_writes_goes_too(node: Asked, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("apply")
    node.runs_cilium()
    node.put("proc/78/comm", "cilium-cni\n")

    def writes_and_ends(_: float) -> None:
        assert "opt/cni/bin/cilium-cni" not in node.files()
        node.put("run/cilium/deleteQueue/note", "{}")
        (node.root / "proc/78/comm").unlink()

    monkeypatch.setattr("underlay.remote.cilium_remains.time.sleep", writes_and_ends)
    assert run("remove")[0] == 0
    assert not [path for path in ("run/cilium", "proc/78/comm") if (node.root / path).exists()]


def test_both_waits_end_before_the_command_does() -> None:
    assert cilium_remains.WAIT + cilium_remains.CALL < SECONDS


def test_what_an_agent_kept_goes_by_the_next_removal(node: Asked, run: Run) -> None:
    run("apply")
    node.runs_cilium()
    node.put("proc/77/comm", "cilium-agent\n")
    run("remove")
    assert prepare_node.RECORD in node.files()
    (node.root / "proc/77/comm").unlink()
    assert run("remove")[0] == 0
    assert (left(node), node.files()[NEIGH], prepare_node.RECORD in node.files()) == (set(), "0\n", False)


def test_what_a_broken_off_removal_left_goes_by_the_next_one(
    node: Asked, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("apply")
    node.runs_cilium()
    with monkeypatch.context() as broken:
        broken.setattr(cilium_remains, "_devices", refused)
        code, result, _ = run("remove")
    told = [(finding["rule"], finding["found"]) for finding in result["findings"]]
    assert (code, told) == (1, [("write-refused", "no more processes")])
    run("remove")
    assert (left(node), prepare_node.RECORD in node.files()) == (set(), False)


def test_a_setting_that_cannot_be_given_back_is_told_and_stops_nothing(
    node: Asked, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("apply")
    node.runs_cilium()
    whole = Path.write_text

    def write(path: Path, text: str, **more: str) -> int:
        return refused() if NEIGH in str(path) else whole(path, text, **more)

    monkeypatch.setattr(Path, "write_text", write)
    code, result, _ = run("remove")
    assert code == 0
    assert "net/ipv4/fib_multipath_use_neigh cannot be set back to 0: no more processes" in result["changed"]
    assert left(node) == set()


def refused(*_: object, **__: object) -> int:
    raise OSError(11, "no more processes")


def test_what_is_mounted_inside_is_never_walked_into(node: Asked, run: Run) -> None:
    run("apply")
    node.runs_cilium()
    node.put("run/cilium/cgroupv2/pods", "a process's group")
    node.put("proc/self/mountinfo", "40 30 0:30 / /run/cilium/cgroupv2 rw - cgroup2 none rw\n")
    assert run("remove")[0] == 0
    assert "umount /run/cilium/cgroupv2" in node.asked
    assert (node.root / "run/cilium/cgroupv2/pods").exists()
    assert left(node) == set()


def test_what_cannot_be_removed_is_told_and_stops_nothing(node: Asked, run: Run) -> None:
    run("apply")
    node.runs_cilium()
    stubborn = node.root / LEFT[0]
    stubborn.unlink()
    stubborn.mkdir()
    code, result, _ = run("remove")
    assert code == 0
    assert [line for line in result["changed"] if line.startswith(f"{stubborn} cannot be removed: ")]
    assert left(node) == {LEFT[0]}


PINS_MOUNTED = "41 30 0:31 / /sys/fs/bpf rw - bpf none rw\n"


@pytest.mark.parametrize(
    ("before", "kept", "goes"),
    [("", "maps.debug", True), (PINS_MOUNTED, "maps.debug", False), ("", "somebody's", False)],
)
def test_the_pins_file_system_goes_where_an_agent_mounted_it(
    node: Asked, run: Run, before: str, kept: str, *, goes: bool
) -> None:
    node.put("proc/self/mountinfo", before)
    run("apply")
    node.runs_cilium()
    node.put("proc/self/mountinfo", PINS_MOUNTED)
    node.put(f"sys/fs/bpf/{kept}", "")
    run("remove")
    assert ("umount /sys/fs/bpf" in node.asked) is goes


@pytest.mark.parametrize("told", ["installer's", "unknown"])
def test_what_somebody_else_has_brought_stays(node: Asked, run: Run, told: str) -> None:
    if told == "unknown":
        node.put("sys/class/net/cilium_host/mtu", "1500\n")  # it ran before the node was prepared
    run("apply")
    node.data["brings_cilium"] = told == "unknown"
    node.runs_cilium()
    run("remove")
    assert left(node) == set(LEFT)
