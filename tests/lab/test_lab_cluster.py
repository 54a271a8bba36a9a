"""The installer's stand-in: cluster file in, kubeconfig out; kubelets register with certificates of their own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.host import Lab, Snapshot, snapshot, wait_until_gone
from tests.lab.site import until

pytestmark = pytest.mark.lab

FILE = """\
USERNAME: root
MASTER-1: 172.30.1.11
ACCESS_EXTERNAL_LOAD_BALANCE: false
VIRTUAL_IP: 172.30.1.11
NETWORK_PROVIDER: cilium
CILIUM_IPV4POOL_CIDR: 10.244.0.0/16
CILIUM_BGP_ENABLE: false
CILIUM_NETWORK_MODE: underlay
PROXY_MODE: ebpf
TIMEZONE: Asia/Shanghai
"""
NODES = {"cp-1", "worker-1", "worker-2", "worker-3"}


@pytest.fixture(scope="module")
def before() -> Snapshot:
    return snapshot()


@pytest.fixture(scope="module")
def lab(before: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("cluster") / "state")
    made.good("up")
    yield made
    made.good("down")
    assert wait_until_gone(made) == set()
    assert snapshot() == before


@pytest.fixture(scope="module")
def kubeconfig(lab: Lab) -> str:
    return lab.good("install", "-f", str(written(lab, FILE)))


def written(lab: Lab, text: str) -> Path:
    path = lab.state.parent / "cluster-dev.yaml"
    path.write_text(text)
    return path


def nodes(lab: Lab) -> dict[str, Any]:
    found = json.loads(lab.good("kubectl", "get", "nodes", "-o", "json"))["items"]
    return {item["metadata"]["name"]: item for item in found}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("MASTER-1: 172.30.1.11", "MASTER-1: 172.30.1.99", "expected a control-plane machine"),
        ("MASTER-1: 172.30.1.11", "MASTER-1: 172.30.1.12", "expected a control-plane machine"),
        ("NETWORK_PROVIDER: cilium", "NETWORK_PROVIDER: flannel", "NETWORK_PROVIDER: found 'flannel'"),
        ("underlay", "sideways", "expected underlay or overlay"),
        ("10.244.0.0/16", "10.244.0.1/16", "an IPv4 network"),
        ("PROXY_MODE: ebpf", "proxy_mode: ebpf", "keys are upper case"),
        ("VIRTUAL_IP: 172.30.1.11", "VIRTUAL_IP: 172.30.1.50", "VIRTUAL_IP is 172.30.1.50"),
        ("TIMEZONE: Asia/Shanghai", "MASTER-2: 172.30.1.12", "makes one master"),
    ],
)
def test_a_wrong_cluster_file_is_refused_by_key(lab: Lab, old: str, new: str, expected: str) -> None:
    done = lab.run("install", "-f", str(written(lab, FILE.replace(old, new))))
    assert done.returncode == 1
    assert done.stdout == ""
    assert expected in done.stderr


def test_every_node_registers_with_its_fabric_address(lab: Lab, kubeconfig: str) -> None:
    assert "server: https://192.168.250.11:6443" in kubeconfig
    assert set(nodes(lab)) == NODES
    wide = lab.good("kubectl", "get", "nodes", "-o", "jsonpath={.items[*].status.addresses[0].address}")
    assert set(wide.split()) == {"172.30.1.11", "172.30.1.12", "172.30.2.11", "172.30.2.12"}


def test_the_control_plane_node_is_labelled_and_open_to_pods(lab: Lab, kubeconfig: str) -> None:
    assert kubeconfig
    shown = json.loads(lab.good("kubectl", "get", "node", "cp-1", "-o", "json"))
    assert "node-role.kubernetes.io/control-plane" in shown["metadata"]["labels"]
    taints = {taint["key"] for taint in shown["spec"].get("taints", [])}
    assert taints <= {"node.kubernetes.io/not-ready"}


def test_a_second_install_returns_the_same_kubeconfig_quickly(lab: Lab, kubeconfig: str) -> None:
    begin = time.monotonic()
    assert lab.good("install", "-f", str(written(lab, FILE))) == kubeconfig
    assert time.monotonic() - begin < 3


def test_another_cluster_is_refused_while_one_is_there(lab: Lab, kubeconfig: str) -> None:
    assert kubeconfig
    done = lab.run("install", "-f", str(written(lab, FILE.replace("10.244.0.0/16", "10.128.0.0/16"))))
    assert done.returncode == 1
    assert "CILIUM_IPV4POOL_CIDR" in done.stderr


def test_kubelet_refuses_strangers(lab: Lab, kubeconfig: str) -> None:
    assert kubeconfig
    url = "https://172.30.1.12:10250/pods"
    code = lab.good("shell", "cp-1", "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", url)
    assert code == "401"


def test_kubelet_renews_its_lease_after_a_power_off(lab: Lab, kubeconfig: str) -> None:
    assert kubeconfig
    lease = ["kubectl", "-n", "kube-node-lease", "get", "lease", "worker-1", "-o", "jsonpath={.spec.renewTime}"]
    lab.good("restart", "worker-1")
    before = lab.good(*lease)
    deadline = time.monotonic() + 45
    while (renewed := lab.good(*lease)) == before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert renewed > before


def test_the_control_plane_comes_back_with_its_data(lab: Lab, kubeconfig: str) -> None:
    assert kubeconfig
    identity = ["kubectl", "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]
    before = lab.good(*identity)
    lab.good("restart", "cp-1")
    deadline = time.monotonic() + 60
    while lab.run(*identity).stdout != before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert lab.good(*identity) == before


def test_the_host_is_as_it_was_before_the_cluster(before: Snapshot, lab: Lab, kubeconfig: str) -> None:
    assert kubeconfig
    kubelets = ("shell", "worker-2", "cat", "/proc/sys/kernel/panic")
    assert until(lambda: lab.good(*kubelets).strip() == "10"), "kubelet sets a value of its own"
    assert snapshot() == before


def test_uninstall_gives_fresh_machines(lab: Lab, kubeconfig: str) -> None:
    lab.good("uninstall")
    lab.good("status")
    assert not (lab.state / "kubeconfig").exists()
    lab.good("shell", "cp-1", "test", "!", "-e", "/etc/kubernetes")
    assert lab.good("install", "-f", str(written(lab, FILE))) != kubeconfig
