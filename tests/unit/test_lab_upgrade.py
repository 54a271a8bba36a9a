"""The upgrade campaign's own measure: what is lost is counted, for each kind of stream, and nothing else is."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from bpf.programs import MIRROR
from tests.lab.test_intrusion import NODES
from tests.lab.upgrade import changes, report, wire
from tests.lab.upgrade.mirror import Seen
from tests.lab.upgrade.wire import Ended, Sent, figures

SENT = [Sent(0.02 * number, 0.001) for number in range(50)]
LOST = (10, 11, 12)
"""Of a stream: the answers that the unwilling server does not give."""


def without(*numbers: int) -> list[Sent]:
    return [one._replace(waited=None) if number in numbers else one for number, one in enumerate(SENT)]


@pytest.mark.parametrize(
    ("sent", "lost", "gap", "slowest"),
    [
        (SENT, 0, 0, 1),
        (without(*LOST), 3, 60, 1),
        (without(3, 20, 21), 3, 40, 1),
        (without(48, 49), 2, 40, 1),
        (without(*range(50)), 50, 1000, 0),
        ([*SENT, Sent(1.0, 0.7)], 0, 0, 700),
        ([], 0, 0, 0),
    ],
)
def test_losses_are_counted_and_the_longest_is_named(sent: list[Sent], lost: int, gap: int, slowest: int) -> None:
    assert figures(sent) == {"sent": len(sent), "lost": lost, "gap": gap, "slowest": slowest}


@pytest.fixture(params=[(), LOST], ids=["willing", "unwilling"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[int, int]]:
    """Return the port of a server, and how many answers it owes at most."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_server(("127.0.0.1", 0)) as tcp:
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        for work, place in ((_echo, udp), (_accept, tcp)):
            threading.Thread(target=work, args=(place, request.param), daemon=True).start()
        yield port, len(request.param)
        tcp.shutdown(socket.SHUT_RDWR)
        udp.sendto(b"", udp.getsockname())


def after(count: int) -> Ended:
    """Return what ends a stream after so many ticks."""
    asked = iter(range(count))
    return lambda: next(asked, None) is None


def _echo(udp: socket.socket, unwilling: tuple[int, ...]) -> None:
    while said := udp.recvfrom(64):
        if not said[0]:
            return
        if struct.unpack("!I", said[0])[0] not in unwilling:
            udp.sendto(*said)


def _accept(tcp: socket.socket, unwilling: tuple[int, ...]) -> None:
    number = 0
    while True:
        try:
            call = tcp.accept()[0]
        except OSError:
            return
        if number in unwilling:
            call.close()
        else:
            threading.Thread(target=wire._answer, args=(call,), daemon=True).start()
        number += 1


@pytest.mark.parametrize("kind", ["datagrams", "connections"])
def test_a_stream_loses_what_its_server_does_not_answer(kind: str, server: tuple[int, int]) -> None:
    told = wire.send({"it": (kind, "127.0.0.1", server[0])}, after(30))["it"]
    assert (told["sent"], told["lost"]) == (30, server[1])


def test_an_open_connection_that_breaks_is_one_loss_and_another_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp:
        threading.Thread(target=_breaking, args=(tcp,), daemon=True).start()
        sent = wire.questions("127.0.0.1", tcp.getsockname()[1], after(30), "")
        tcp.shutdown(socket.SHUT_RDWR)
    assert [one.waited for one in sent].count(None) == 1
    assert sent[-1].waited is not None


def _breaking(tcp: socket.socket) -> None:
    with tcp.accept()[0] as call:
        for _ in range(5):
            call.sendall(call.recv(64))
        call.recv(64)
    _accept(tcp, ())


PREVIEW = """\
Diagnostics:
  underlay:cilium:Release (cilium):
    info: Cilium, version: 1.19.6 -> 1.20.2: restarts all agents, replaces the programs of every link
    a: 1 -> nothing: restarts all agents
    something else: 1 -> 2
"""


def test_a_preview_s_lines_are_read_as_they_stand() -> None:
    assert changes.said(PREVIEW) == (
        "Cilium, version: 1.19.6 -> 1.20.2: restarts all agents, replaces the programs of every link",
        "a: 1 -> nothing: restarts all agents",
    )


def test_each_result_has_its_place_in_the_page() -> None:
    stream = {"sent": 1500, "lost": 3, "gap": 60, "slowest": 12}
    row = {"name": "a value", "seconds": 61.2, "restarted": 4, "streams": {"pod to pod": stream}, "told": ["x"]}
    lines = report.changes([{**row, "wrong": [], "again": [], "mirror": {}}])
    assert "| pod to pod | 3 of 1,500 (60; 12) |" in lines
    assert "| a value | 4 | 61 s | 1 | none |" in lines
    assert not any("mirror" in line for line in lines)
    beside = {**row, "wrong": [], "again": [], "mirror": looked([([MIRROR, OURS], 70)], alerts=28)._asdict()}
    assert f"| a value | 70 | uplink: {MIRROR} {OURS} (70) | 30 | {NODES[0]} 28 | {NODES[0]}: told |" in report.changes(
        [beside]
    )


OURS = "cil_from_netdev"


def looked(*runs: list[tuple[list[str], int]], alerts: int = 30) -> Seen:
    links = {f"eth0 {number}": one for number, one in enumerate(runs)}
    return Seen(70, links, 30, {NODES[0]: alerts}, {NODES[0]: "told"})


@pytest.mark.parametrize(
    ("seen", "wrong"),
    [
        (looked([([MIRROR, OURS], 70)]), []),
        (looked([([OURS], 2), ([MIRROR, OURS], 68)]), []),
        (looked([([MIRROR, OURS], 60), ([OURS, MIRROR], 10)]), [f"eth0 0: {OURS} {MIRROR} (10 looks)"]),
        (looked([([MIRROR], 9)], [([MIRROR, OURS], 60), ([], 1)]), ["eth0 1:  (1 looks)"]),
        (looked([([MIRROR, OURS], 70)], alerts=29), [f"{NODES[0]}: 29 alerts of 30 flows"]),
    ],
)
def test_a_mirror_that_loses_its_place_or_a_flow_is_named(seen: Seen, wrong: list[str]) -> None:
    assert seen.wrong == wrong
