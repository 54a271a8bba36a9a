"""Machines behave as real ones: pinned SSH keys, a power-off resets settings, the host's kernel is out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.machine import FAKES
from tests.lab.host import Lab, snapshot

pytestmark = pytest.mark.lab

MACHINES = ("cp-1", "worker-1", "worker-2", "worker-3", "tor-a", "tor-b", "client")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("machines") / "state")
    made.good("up")
    yield made
    made.good("down")


def test_every_machine_answers_ssh_with_the_key_that_the_stack_file_pins(lab: Lab, tmp_path: Path) -> None:
    stack = yaml.safe_load((lab.state / "Pulumi.dev.yaml").read_text())["config"]
    site = stack["cilium-underlay:site"]
    access = {each["name"]: each["management"] for each in site["nodes"] + site["routers"]}
    addresses = {name: each["address"] for name, each in access.items()}
    known = tmp_path / "known_hosts"
    pinned = stack["cilium-underlay:hostKeys"]
    known.write_text("".join(f"{address} {pinned[name]}\n" for name, address in addresses.items()))
    options = ["-i", str(lab.state / "keys/operator"), "-o", f"UserKnownHostsFile={known}"]
    options += ["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"]
    for name, each in access.items():
        user = f"{each['user']}@{each['address']}"
        assert lab.good("exec", "--", "ssh", *options, user, "hostname").strip() == name
    assert {each["user"] for each in access.values()} == {"root", "ops"}
    known.write_text(f"{addresses['cp-1']} {pinned['tor-a']}\n")
    assert lab.run("exec", "--", "ssh", *options, f"root@{addresses['cp-1']}", "hostname").returncode == 255


def test_secrets_are_encrypted_in_the_stack_file(lab: Lab) -> None:
    config = yaml.safe_load((lab.state / "Pulumi.dev.yaml").read_text())["config"]
    for name in ("sshKey", "bgpPassword"):
        assert set(config[f"cilium-underlay:{name}"]) == {"secure"}
    assert lab.good("pulumi", "config", "get", "bgpPassword").strip() == (lab.state / "keys/bgp-password").read_text()


def test_nodes_of_a_rack_reach_each_other_and_routers_forward_by_default(lab: Lab) -> None:
    lab.good("shell", "cp-1", "ping", "-c1", "-W2", "172.30.1.12")
    assert lab.good("shell", "tor-a", "sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
    assert lab.good("shell", "cp-1", "sysctl", "-n", "net.ipv4.ip_forward").strip() == "0"


def test_router_daemons_run_with_their_own_shells(lab: Lab) -> None:
    assert "hostname tor-a" in lab.good("shell", "tor-a", "vtysh", "-c", "show running-config")
    assert "Daemon is up and running" in lab.good("shell", "tor-b", "birdc", "show", "status")
    assert "tor_a" in lab.good("shell", "client", "birdc", "show", "protocols")


def test_a_power_off_resets_settings_and_applies_sysctl_files(lab: Lab) -> None:
    program = "echo net.ipv4.conf.all.rp_filter=1 > /etc/sysctl.d/90-test.conf; sysctl -qw net.ipv4.ip_forward=1"
    lab.good("shell", "worker-1", "sh", "-c", program)
    lab.good("restart", "worker-1")
    read = lab.good("shell", "worker-1", "sysctl", "-n", "net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter")
    assert read.split() == ["0", "1"]
    lab.good("shell", "worker-1", "ping", "-c1", "-W2", "172.30.1.11")
    lab.good("status")


def test_a_router_keeps_its_configuration_over_a_restart(lab: Lab) -> None:
    lab.good("shell", "tor-a", "vtysh", "-c", "configure", "-c", "router bgp 65101", "-c", "end", "-c", "write")
    lab.good("restart", "tor-a")
    lab.good("shell", "tor-a", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; done")
    assert "router bgp 65101" in lab.good("shell", "tor-a", "vtysh", "-c", "show running-config")
    lab.good("shell", "cp-1", "ping", "-c1", "-W2", "172.30.1.1")


def test_up_boots_what_is_down_and_starts_what_ended(lab: Lab) -> None:
    lab.good("shell", "tor-a", "sh", "-c", "kill -9 $(pidof bgpd)")
    assert "bgpd" in lab.run("status").stdout.split("ended: ")[1]
    lab.run("shell", "worker-3", "sh", "-c", "kill -9 $(pidof containerd)")
    lab.good("up")
    lab.good("status")


@pytest.mark.parametrize("name", ["kernel/panic", "vm/swappiness", "fs/protected_symlinks"])
def test_settings_of_the_whole_kernel_do_not_reach_the_host(lab: Lab, name: str) -> None:
    host = Path("/proc/sys", name)
    before, value = snapshot().settings | {name: host.read_text()}, host.read_text().strip()
    other = "0" if value == "1" else "1"  # which the kernel takes for each of them
    try:
        done = lab.run("shell", "worker-1", "sh", "-c", f"echo {other} > /proc/sys/{name}")
        assert (done.returncode == 0) is (name in FAKES), done.stderr
        shown = lab.good("shell", "worker-1", "cat", f"/proc/sys/{name}").strip()
        assert shown == (other if name in FAKES else value)
        assert snapshot().settings | {name: host.read_text()} == before
    finally:
        if host.read_text() != before[name]:
            host.write_text(before[name])


def test_sysrq_is_out_of_reach(lab: Lab) -> None:
    done = lab.run("shell", "worker-1", "sh", "-c", "echo h > /proc/sysrq-trigger")
    assert done.returncode != 0


@pytest.mark.parametrize(
    "words", [["restart", "nobody"], ["shell"], ["logs", "cp-1", "nothing.log"], ["bogus"], ["exec"]]
)
def test_wrong_words_are_answered_in_one_line(lab: Lab, words: list[str]) -> None:
    done = lab.run(*words)
    assert done.returncode == 1
    assert done.stderr.startswith("lab: ")
    assert "Traceback" not in done.stderr


def test_logs_lists_and_prints_the_files_of_a_machine(lab: Lab) -> None:
    assert "containerd.log" in lab.good("logs", "cp-1").split()
    assert "containerd successfully booted" in lab.good("logs", "cp-1", "containerd.log")


def test_no_process_of_the_lab_holds_a_callers_pipe(lab: Lab) -> None:
    process = lab.start("restart", "client")
    assert process.wait(timeout=120) == 0
    out, _ = process.communicate(timeout=5)  # it ends only where nobody else holds the pipes' other ends
    assert out.startswith("client booted")
