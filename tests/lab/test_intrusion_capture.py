"""An engine at each capture point of the small fabric: what it sees and does not, and that nobody else notices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpf.mirror.instructions import NEXT
from lab.paths import repo
from lab.toolchain import ensure
from tests.lab.ids_ground import ADDRESSES, BAD, GOOD, Detection, extend, send
from tests.lab.minifabric import Fabric, fabric
from underlay.judge.verdict import Status, Verdict

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(240)]

POD1, POD2, POD3, CLIENT = (ADDRESSES[name] for name in ("pod1", "pod2", "pod3", "client"))
BETWEEN = [(POD1, POD2), (POD2, POD1)]
OUTSIDE = [(CLIENT, POD1)]
SAME_NODE = [(POD1, POD3), (POD3, POD1)]
NAMES = {address: name for name, address in ADDRESSES.items()}
MODERATE, PAUSE = 10_000, 0.0002
FLOOD = 60_000
"""Datagrams of 1,400 bytes: a ring of 32 MiB holds 22,000 of them while nobody reads it."""
TOO_MANY = 30_000
"""More than the ring holds by far; a busy machine may drop some of the flood on its way to the node."""
STRAYS = 10
"""Packets of address resolution that may come between two readings."""
INTRUDER = f"""
import sys, time
from bpf.mirror import instructions, kernel
passes = instructions._one(instructions.MOVE_NUMBER, 0, number={NEXT}) + instructions._one(instructions.EXIT)
program = kernel.Program(passes, b"intruder")
program.attach(int(sys.argv[1]))
print("attached", flush=True)
time.sleep(60)
"""
ORDER = """
import json, socket, sys
from bpf.programs import tcx_ids
print(json.dumps({name: tcx_ids(number, "ingress") for number, name in socket.if_nameindex() if name in sys.argv[1:]}))
"""

Start = Callable[..., Detection]


@pytest.fixture(scope="module")
def lab() -> Iterator[Fabric]:
    ensure(["engine"])
    with fabric() as running:
        extend(running)
        yield running


@pytest.fixture
def start(lab: Fabric, tmp_path: Path) -> Iterator[Start]:
    made: list[Detection] = []

    def make(**keys: str) -> Detection:
        made.append(Detection(lab, tmp_path / str(len(made)), **keys))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.stop()


def in_node(lab: Fabric, *words: str) -> subprocess.Popen[str]:
    """Start a program of this repository in node1's network."""
    enter = ["setpriv", "--pdeathsig", "KILL", "nsenter", "--net", "--target", str(lab.machines["node1"].pid)]
    return subprocess.Popen([*enter, sys.executable, "-c", *words], cwd=repo(), stdout=subprocess.PIPE, text=True)


def order(lab: Fabric) -> dict[str, list[int]]:
    """Return the numbers of the programs at each device's ingress of node1."""
    said, _ = in_node(lab, ORDER, "eth0", "lxc1", "lxc3").communicate(timeout=30)
    return dict(json.loads(said))


SKIPPED = ("agent-options", "dns", "pod-addresses")
NOT_THERE = {(rule, node) for rule in SKIPPED for node in ("node1", "node2")} | {("router-services", "tor")}
"""The small fabric has neither a cluster DNS nor agents, nor addresses for services: these checks are skipped."""


def red(verdict: Verdict) -> set[tuple[str, str]]:
    """Return what did not pass, and the pairs of nodes that lost a packet."""
    lost = {(pair.source, pair.target) for pair in verdict.lost}
    return lost | {(check.rule, check.where) for check in verdict.checks if check.status is not Status.PASS}


def flows(lab: Fabric, detection: Detection, pairs: list[tuple[str, str]]) -> None:
    for source, target in pairs:
        send(lab, NAMES[source], NAMES[target], GOOD)
        send(lab, NAMES[source], NAMES[target], BAD)
    detection.until(lambda: len(detection.alerts()) >= len(pairs), "the alerts")


def test_the_uplink_shows_what_passes_between_nodes_and_from_outside_and_nothing_within_a_node(
    lab: Fabric, start: Start
) -> None:
    detection = start(capture="uplink")
    for source, target in SAME_NODE:
        send(lab, NAMES[source], NAMES[target], BAD)
    flows(lab, detection, [*BETWEEN, *OUTSIDE])
    assert detection.alerts() == [*BETWEEN, *OUTSIDE], "one alert each, with the pods' own addresses"


def test_pod_links_show_traffic_within_a_node_too_and_the_chain_goes_on(lab: Fabric, start: Start) -> None:
    before = order(lab)
    assert lab.verify().status is Status.PASS
    detection = start(capture="pod-links")
    flows(lab, detection, [*BETWEEN, *OUTSIDE, *SAME_NODE])
    assert detection.alerts() == [*BETWEEN, *OUTSIDE, *SAME_NODE]
    told = detection.counters()
    assert told["failed"] == 0
    assert told["seen"] == told["mirrored"] > 0
    assert order(lab) == {name: [told["program"], *ids] for name, ids in before.items()}
    told_not_passed = red(lab.verify()) - NOT_THERE
    assert told_not_passed == {("intrusion-mirror", "node1")}, "all is as it was, and a mirror that nobody declared"
    detection.stop()
    assert order(lab) == before, "the links are given back exactly"
    assert "underlay-ids" not in lab.machines["node1"].run("ip", "link")
    assert lab.verify().status is Status.PASS


def test_a_killed_mirror_leaves_no_program_and_starts_again(lab: Fabric, start: Start) -> None:
    before = order(lab)
    detection = start(capture="pod-links")
    assert detection.mirror
    detection.mirror.kill()
    detection.mirror.wait()
    assert order(lab) == before
    detection.state.unlink()
    detection.start_mirror()
    flows(lab, detection, SAME_NODE)
    assert detection.alerts() == SAME_NODE, "the engine goes on reading the same device"


def test_the_mirror_follows_pod_links_and_takes_its_first_place_back(lab: Fabric, start: Start) -> None:
    detection = start(capture="pod-links")
    node = lab.machines["node1"]
    node.run("ip", "link", "add", "lxcnew", "type", "veth", "peer", "name", "newpod")
    detection.until(lambda: "lxcnew" in detection.counters()["devices"], "the new link")
    node.run("ip", "link", "del", "lxcnew")
    detection.until(lambda: "lxcnew" not in detection.counters()["devices"], "the end of it")
    number = node.run("cat", "/sys/class/net/lxc1/ifindex").strip()
    intruder = in_node(lab, INTRUDER, number)
    assert intruder.stdout
    assert intruder.stdout.readline() == "attached\n"
    detection.until(lambda: detection.counters()["repairs"] == 1, "the repair")
    told = detection.counters()
    assert (order(lab)["lxc1"][0], told["repairs"]) == (told["program"], 1)
    intruder.kill()
    intruder.communicate()


@pytest.mark.parametrize("capture", ["uplink", "pod-links"])
def test_the_engine_reads_every_packet_at_a_moderate_rate(lab: Fabric, start: Start, capture: str) -> None:
    detection = start(capture=capture)
    begun = time.monotonic()
    send(lab, "pod2", "pod1", "count-me", MODERATE, PAUSE)
    rate = MODERATE / (time.monotonic() - begun)
    detection.until(lambda: detection.statistics_of("udp") >= MODERATE * 0.99, "the engine's numbers")
    detection.stop()
    seen, lost = detection.statistics_of("udp"), detection.statistics()["capture"]["kernel_drops"]
    print(f"{capture}: {MODERATE} sent at {rate:.0f} a second, {seen} read by the engine, {lost} lost")
    assert abs(seen - MODERATE) <= MODERATE / 100
    assert lost == 0


def test_an_engine_that_is_too_slow_reports_its_loss(lab: Fabric, start: Start) -> None:
    detection = start(capture="pod-links")
    process = detection.engine_process()
    os.kill(process, signal.SIGSTOP)
    try:
        send(lab, "pod2", "pod1", "x" * 1400, FLOOD)
    finally:
        os.kill(process, signal.SIGCONT)
    detection.until(lambda: detection.statistics()["capture"]["kernel_drops"] > 0, "the loss in its numbers")
    told = detection.counters()
    detection.stop()
    final = detection.statistics()
    read, lost = final["decoder"]["pkts"], final["capture"]["kernel_drops"]
    print(f"{FLOOD} sent to an engine at rest: {told['mirrored']} mirrored, {read} read, {lost} reported as lost")
    assert told["failed"] == 0
    assert told["mirrored"] > TOO_MANY
    assert abs(told["mirrored"] - read - lost) <= STRAYS


def test_a_rule_that_the_engine_refuses_ends_it(start: Start) -> None:
    wrong = 'alert udp any any -> any any (msg:"wrong"; no_such_keyword; sid:9;)'
    with pytest.raises(AssertionError, match="no_such_keyword"):
        start(rules=[wrong])
