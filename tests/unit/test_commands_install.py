"""The cluster file is merged, not overwritten; the installer gets its path and gives the kubeconfig."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.commands_api import kubeconfig
from tests.unit.plan_sites import site
from underlay.commands.common import Failure
from underlay.commands.install import install, merged, update
from underlay.plan.cluster_file import absent_keys, file_keys

KEYS = file_keys(site())
EXISTING = """\
# from the console, 2026-01-01
USERNAME: admin   # changed by hand
PASSWORD: "p@ss: word"
MASTER-1: 192.0.2.1
TAINT_MANAGE: yes
NTP_SERVER_IP: 'null'
CILIUM_NETWORK_MODE: overlay   # the vendor's default

IAM_ENDPOINT:
"""


def test_a_new_file_holds_the_keys_in_the_vendor_s_order() -> None:
    assert merged("", KEYS, "x").splitlines()[1:] == [
        "USERNAME: root",
        "MASTER-1: 172.30.1.11",
        "ACCESS_EXTERNAL_LOAD_BALANCE: false",
        "VIRTUAL_IP: 172.30.1.11",
        "NETWORK_PROVIDER: cilium",
        "CILIUM_IPV4POOL_CIDR: 10.244.0.0/16",
        "CILIUM_BGP_ENABLE: false",
        "CILIUM_NETWORK_MODE: underlay",
        "PROXY_MODE: ebpf",
    ]


def test_what_is_not_ours_stays_byte_for_byte() -> None:
    lines = merged(EXISTING, KEYS, "x").splitlines()
    for kept in (
        "# from the console, 2026-01-01",
        "USERNAME: root    # changed by hand",  # a comment keeps its column
        'PASSWORD: "p@ss: word"',
        "TAINT_MANAGE: yes",
        "NTP_SERVER_IP: 'null'",
        "CILIUM_NETWORK_MODE: underlay  # the vendor's default",
        "IAM_ENDPOINT:",
    ):
        assert kept in lines
    assert lines.index("MASTER-1: 172.30.1.11") == 3


FORMER = """\
MASTER-1: 172.30.1.11
MASTER-2: 10.0.0.9   # the second

# about the third
MASTER-3: 10.0.0.8
EXTERNAL_LOAD_BALANCE_IP: 192.0.2.1
# about time
NTP_SERVER_IP: 192.0.2.2
"""


def test_keys_that_must_be_absent_go_and_comments_around_them_stay() -> None:
    text = merged(FORMER, {"MASTER-1": "172.30.1.11"}, "x", absent_keys(site()))
    assert text.splitlines() == [
        "MASTER-1: 172.30.1.11",
        "",
        "# about the third",
        "# about time",
        "NTP_SERVER_IP: 192.0.2.2",
    ]


@pytest.mark.parametrize("text", ["{MASTER-1: 172.30.1.11, MASTER-2: 10.0.0.9}\n", "MASTER-2: >\n  10.0.0.9\n"])
def test_keys_that_must_be_absent_go_however_they_are_written(text: str) -> None:
    content = yaml.safe_load(merged(text, KEYS, "x", absent_keys(site())))
    assert content == KEYS


def test_the_same_keys_give_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "build/cluster-dev.yaml"
    assert update(path, KEYS)
    before = path.read_bytes()
    assert not update(path, KEYS)
    assert path.read_bytes() == before


def test_the_file_is_closed_to_others_even_if_it_was_open(tmp_path: Path) -> None:
    path = tmp_path / "cluster-dev.yaml"
    path.write_text(EXISTING, encoding="utf-8")
    path.chmod(0o644)
    update(path, KEYS)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [\n", "just words\n"])
def test_a_file_that_is_no_cluster_file_is_never_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cluster-dev.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Failure, match="nothing was written"):
        update(path, KEYS)
    assert path.read_text(encoding="utf-8") == text


def installer(text: str) -> list[str]:
    return [sys.executable, "-c", text, "-f", "cluster-dev.yaml"]


def test_the_installer_gets_the_file_s_path_and_gives_the_kubeconfig(tmp_path: Path) -> None:
    path = tmp_path / "cluster-dev.yaml"
    path.write_text(kubeconfig("https://192.0.2.1:6443"), encoding="utf-8")
    command = installer("import sys; assert sys.argv[1] == '-f'; print(open(sys.argv[2]).read(), end='')")
    assert install(command, "cluster-dev.yaml", path) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise SystemExit(3)", "ended with code 3"),
        ("print('done')", "printed no kubeconfig"),
        ("print('clusters: [')", "printed no kubeconfig"),
    ],
)
def test_an_installer_that_fails_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(Failure, match=message):
        install(installer(text), "cluster-dev.yaml", tmp_path / "cluster-dev.yaml")


def test_an_installer_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="installer /no/such: No such file or directory"):
        install(["/no/such"], "cluster-dev.yaml", tmp_path / "cluster-dev.yaml")
