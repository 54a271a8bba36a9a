"""A node is looked at before anything is changed, brought into its state, and given back exactly as it was."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from tests.unit.remote_node import BEFORE, PORTS, Node, Run, runner
from underlay.plan.prerequisites import OWNER_MARK, SYSCTL_FILE
from underlay.remote.prepare_node import RECORD


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.fixture
def run(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(node, monkeypatch, capsys)


def test_every_setting_is_applied_and_kept_for_the_next_start(node: Node, run: Run) -> None:
    code, result, _ = run("apply")
    assert (code, result["findings"], len(result["changed"])) == (0, [], 6)
    files = node.files()
    assert {key: files[f"proc/sys/{key}"].strip() for key in BEFORE} == node.data["settings"]
    assert files[SYSCTL_FILE[1:]].startswith(node.data["files"][0]["text"])


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


def test_a_record_of_a_former_version_is_understood(node: Node, run: Run) -> None:
    before = node.files()
    run("apply")
    node.put(RECORD, json.dumps(BEFORE))
    node.put(PORTS, "\n")
    run("apply")
    run("remove")
    assert node.files() == before


def renamed(node: Node, name: str, site_name: str = "dev") -> None:
    mine = f"# owner: site {node.data['site']}, machine {node.data['node']}"
    owner = f"# owner: site {site_name}, machine {name}"
    files = [{**file, "text": file["text"].replace(mine, owner)} for file in node.data["files"]]
    node.data.update(node=name, site=site_name, files=files)


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
    left = "this belongs to site dev, machine worker-1 now; nothing was removed"
    assert run("remove")[:2] == (0, {**result, "findings": [], "left": left})
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
    assert node.files()[SYSCTL_FILE[1:]].startswith(node.data["files"][0]["text"])


@pytest.mark.parametrize("action", ["look", "apply", "remove"])
def test_a_record_that_is_none_is_a_finding_and_nothing_is_changed(node: Node, run: Run, action: str) -> None:
    run("apply")
    node.put(RECORD, "{broken")
    before = node.files()
    code, result, _ = run(action)
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["record-unreadable"])
    assert node.files() == before


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/etc/sysctl.d/.90-underlay.conf")


def test_a_full_disk_is_a_finding_and_the_next_run_goes_on(
    node: Node, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("apply")
    node.put(SYSCTL_FILE[1:], f"{node.files()[SYSCTL_FILE[1:]]}# more\n")
    with monkeypatch.context() as patch:
        patch.setattr("underlay.remote.node_files.write", full)
        code, result, err = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["write-refused"])
    assert "No space left on device" in err
    assert run("apply")[1]["changed"] == [f"{SYSCTL_FILE} written"]


def test_what_a_first_apply_had_changed_when_it_failed_is_taken_back(
    node: Node, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = node.files()
    with monkeypatch.context() as patch:
        patch.setattr("underlay.remote.node_files.write", full)
        code, result, err = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["write-refused"])
    assert "What had been changed is taken back." in err
    assert (result["changed"], node.files()) == ([], before)
    assert run("apply")[0] == 0
