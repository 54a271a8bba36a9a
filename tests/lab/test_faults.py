"""Each fault on the running site turns the next verdict red with its place and cause; healed, the verdict is green."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.lab.site import Judged, Site, running, until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

Inject = Callable[[Site], Callable[[], object]]
"""Breaks the site and returns what heals it."""


@dataclass(frozen=True)
class Fault:
    """A fault, the rule that has to name it, and words that the sentence has to hold."""

    name: str
    inject: Inject
    rule: str
    words: tuple[str, ...]


def commands(machine: str, break_: list[str], heal: list[str]) -> Inject:
    """Return a fault that one command in a machine makes, and another one heals."""

    def inject(site: Site) -> Callable[[], object]:
        site.inside(machine, *break_)
        return lambda: site.inside(machine, *heal)

    return inject


def stopped_router(site: Site) -> Callable[[], object]:
    site.inside("tor-b", "birdc", "down")
    return lambda: site.good("restart", "tor-b")


def unanswered_prefix(site: Site) -> Callable[[], object]:
    """Make tor-a refuse worker-1's pod network, while the session stays up."""
    node = json.loads(site.good("kubectl", "get", "ciliumnode", "worker-1", "-o", "json"))
    line = f"ip prefix-list UNDERLAY-PODS seq 1 deny {node['spec']['ipam']['podCIDRs'][0]}"
    site.inside("tor-a", "vtysh", "-c", "configure", "-c", line)
    return lambda: site.inside("tor-a", "vtysh", "-c", "configure", "-c", f"no {line}")


def asymmetric_strict(site: Site) -> Callable[[], object]:
    """Lead worker-3's pods over a second cable, whose strict reverse path check knows only the first."""
    pids = {row["machine"]: row["pid"] for row in json.loads(site.good("status", "--json"))}
    cable = ["ip", "link", "add", "second", "netns", str(pids["tor-b"]), "type", "veth"]
    site.good("exec", "--", *cable, "peer", "name", "eth1", "netns", str(pids["worker-3"]))
    site.inside("tor-b", "ip", "addr", "add", "172.30.9.1/30", "dev", "second")
    site.inside("tor-b", "ip", "link", "set", "second", "up")
    site.inside("worker-3", "ip", "addr", "add", "172.30.9.2/30", "dev", "eth1")
    site.inside("worker-3", "ip", "link", "set", "eth1", "up")
    site.inside("worker-3", "sysctl", "-qw", "net.ipv4.conf.eth1.rp_filter=1")
    pod = site.pods()["worker-3"]
    site.inside("tor-b", "ip", "route", "add", f"{pod}/32", "via", "172.30.9.2")
    return lambda: site.inside("tor-b", "ip", "link", "del", "second")


def tunnel_mode(site: Site) -> Callable[[], object]:
    """Force Cilium's own tunnel mode behind the release's back."""

    def set_mode(mode: str) -> None:
        patch = json.dumps({"data": {"routing-mode": mode, "tunnel-protocol": "vxlan"}})
        site.good("kubectl", "-n", "kube-system", "patch", "configmap", "cilium-config", "--type=merge", "-p", patch)
        site.good("kubectl", "-n", "kube-system", "rollout", "restart", "daemonset/cilium")
        site.good("kubectl", "-n", "kube-system", "rollout", "status", "daemonset/cilium", "--timeout=100s")

    set_mode("tunnel")
    return lambda: set_mode("native")


BCC = "/usr/lib/python3/dist-packages/bcc"
FORWARD = "net.ipv4.ip_forward"
FAULTS = [
    Fault("router process stopped", stopped_router, "router-process", ("tor-b", "bird is not running")),
    Fault(
        "forwarding off",
        commands("worker-2", ["sysctl", "-qw", f"{FORWARD}=0"], ["sysctl", "-qw", f"{FORWARD}=1"]),
        "forwarding-off",
        ("worker-2", "IPv4 forwarding is off"),
    ),
    Fault("strict reverse path", asymmetric_strict, "reverse-path", ("worker-3", "eth1", "rp_filter")),
    Fault("prefix missing at a router", unanswered_prefix, "route-missing", ("tor-a", "worker-1")),
    Fault("tunnel mode", tunnel_mode, "encapsulated", ("by vxlan (UDP port 8472)", "native routing is declared")),
]


@pytest.fixture(scope="module")
def site() -> Site:
    return running()


@contextmanager
def broken(site: Site, inject: Inject) -> Iterator[None]:
    heal = inject(site)
    try:
        yield
    finally:
        heal()


def green(site: Site) -> bool:
    return site.verify().code == 0


def red(site: Site, fault: Fault) -> Judged:
    """Return the first verdict that names the fault, or the last one of a minute: routers take seconds to react."""
    seen: list[Judged] = []

    def named() -> bool:
        seen.append(site.verify())
        return fault.rule in seen[-1].causes

    until(named, 60)
    return seen[-1]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_named_with_its_place_and_healed_it_is_silent(site: Site, fault: Fault) -> None:
    with broken(site, fault.inject):
        verdict = red(site, fault)
        assert verdict.code == 1, verdict.text
        assert fault.rule in verdict.causes, verdict.text
        sentence = verdict.causes[fault.rule]
        assert all(word in sentence for word in fault.words), sentence
        print(f"{fault.name}: {sentence}")
    assert until(lambda: green(site), 120), site.verify().text


def test_a_node_without_bcc_is_an_error_and_not_a_pass(site: Site) -> None:
    with broken(site, commands("worker-1", ["mount", "-t", "tmpfs", "none", BCC], ["umount", BCC])):
        verdict = site.verify()
        assert verdict.code == 3, verdict.text
        assert ("error", "kernel-evidence", "worker-1") in verdict.not_passed()
        assert {where for _, _, where in verdict.not_passed()} == {"worker-1"}
    assert until(lambda: green(site), 60), site.verify().text
