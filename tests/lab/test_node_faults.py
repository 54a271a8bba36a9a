"""Every check of a node that a namespace can hold: injected, its finding on that node alone; healed, silence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.bed import NODES, SECOND, Bed, bed
from tests.lab.preflight_faults import FAULTS, HOOKS, ROUTES, TWO_ROUTERS, WITH_PROXY, Fault
from tests.lab.site import until
from tests.lab.test_bastion import asked, drift
from tests.unit.plan_sites import Data

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(300)]

HEALING = 20.0
"""Seconds until everything is silent: neighbours need a moment after a link was down."""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    yield from prepared(tmp_path_factory.mktemp("bed"))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    yield from prepared(tmp_path_factory.mktemp("bed"), two_routers=True)


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    yield from prepared(tmp_path_factory.mktemp("bed"), two_routers=True, routes="stack")


def prepared(folder: Path, *, two_routers: bool = False, routes: str = "node") -> Iterator[Bed]:
    with bed(folder, two_routers=two_routers, routes=routes) as made:
        for name in NODES:
            made.boxes[name].write("/run/hooks.py", Path(HOOKS).read_text(encoding="utf-8"))
        assert made.underlay("drift", "--repair", text=asked(made)).returncode == 0
        yield made


def found(there: Bed, site: Data | None = None) -> dict[str, set[str]]:
    """Return the rules of what is found on each node; a node that could not be asked has its error."""
    _, seen = drift(there, asked(there, site))
    return {one["node"]: {item["rule"] for item in one["findings"]} | {*filter(None, [one["error"]])} for one in seen}


def play(there: Bed, fault: Fault, site: Data | None = None) -> dict[str, set[str]]:
    """Inject a fault, look, heal; what is found once all is silent again is no part of it."""
    box = there.boxes[fault.machine]
    box.sh(fault.harm)
    try:
        told = found(there, site)
    finally:
        box.sh(fault.heal)
    end = time.monotonic() + HEALING
    while any((left := found(there, site)).values()):
        assert time.monotonic() < end, f"healed, and still found: {left}"
    return told


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_its_finding_on_that_node_and_healed_it_is_silent(one: Bed, name: str) -> None:
    assert play(one, FAULTS[name]) == {NODES[0]: set(FAULTS[name].rules), NODES[1]: set()}


@pytest.mark.parametrize("name", WITH_PROXY)
def test_a_fault_of_a_node_with_the_l7_proxy(one: Bed, name: str) -> None:
    site = {**one.site, "cilium": {**one.site["cilium"], "l7_proxy": True}}
    nobody: set[str] = set()
    assert play(one, WITH_PROXY[name], site) == {NODES[0]: set(WITH_PROXY[name].rules), NODES[1]: nobody}
    assert play(one, WITH_PROXY[name]) == {NODES[0]: nobody, NODES[1]: nobody}


@pytest.mark.parametrize("name", TWO_ROUTERS)
def test_a_fault_of_a_node_behind_two_routers(two: Bed, name: str) -> None:
    assert play(two, TWO_ROUTERS[name]) == {NODES[0]: set(TWO_ROUTERS[name].rules), NODES[1]: set()}


@pytest.mark.parametrize("name", ROUTES)
def test_a_fault_of_a_node_whose_routes_are_ours(routed: Bed, name: str) -> None:
    assert play(routed, ROUTES[name]) == {NODES[0]: set(ROUTES[name].rules), NODES[1]: set()}


def test_a_lost_route_is_written_again_and_is_there_after_a_restart(routed: Bed) -> None:
    show = ("ip", "-4", "route", "show", "10.244.0.0/16")
    box = routed.boxes[NODES[0]]
    before = box.run(*show)
    assert before.count("nexthop via") == len(routed.links)
    box.run("ip", "route", "del", "10.244.0.0/16")
    assert routed.underlay("drift", "--repair", text=asked(routed)).returncode == 0
    assert box.run(*show) == before
    routed.restart(NODES[0])
    assert routed.boxes[NODES[0]].run(*show) == before


def test_a_dead_uplink_takes_its_next_hop_and_gives_it_back(routed: Bed) -> None:
    """The kernel does both, without us: the route stays, only the dead next hop is passed over."""
    box, far = routed.boxes[NODES[0]], routed.boxes[SECOND]
    ask = ("ip", "-4", "route", "get", "10.244.9.9", "ipproto", "tcp", "sport")

    def ways() -> set[str]:
        return {box.run(*ask, str(port)).split("via ")[1].split()[0] for port in range(2000, 2032)}

    far.sh(f"ip link set {NODES[0]} down")
    try:
        assert until(lambda: ways() == {"172.30.2.1"}, HEALING)
        assert found(routed)[NODES[0]] == {"uplink-down", "gateway-not-on-link"}
    finally:
        far.sh(f"ip link set {NODES[0]} up")
    assert until(lambda: len(ways()) == len(routed.links), HEALING)


def test_a_service_that_does_not_read_its_file_is_told(one: Bed) -> None:
    box = one.boxes[NODES[0]]
    box.write("/usr/local/bin/systemctl", "#!/bin/sh\necho no bus >&2; exit 1\n", "755")
    box.sh("mkdir -p /run/systemd/netif")
    try:
        assert found(one) == {NODES[0]: {"file-drifted"}, NODES[1]: set()}
        done = one.underlay("drift", "--repair", text=asked(one))
    finally:
        box.sh("rm -r /run/systemd/netif /usr/local/bin/systemctl")
    assert (done.returncode, "[service-not-told] worker-2" in done.stderr) == (1, True)
    assert found(one) == {name: set() for name in NODES}
