"""What is counted beside probes: segments sent again, refused TCP-MD5 signatures, ICMP errors, failed look-ups."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lab.conversation import BACKENDS, Conversation
from tests.lab.minifabric import Fabric
from tests.lab.minisite import ADDRESSES, GATEWAYS, NETWORKS, PODS
from underlay.judge.evidence import Counter, NodeReport, Point

pytestmark = [pytest.mark.lab, pytest.mark.namespaces]

NODE, ROUTER = ADDRESSES["node1"], GATEWAYS["node1"]
TCP, SYN_SENT = 6, 2
PORT = 179
SIGNED = """
import socket, struct, sys, time
def sign(sock, far, key):
    address = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(far))
    sock.setsockopt(socket.IPPROTO_TCP, 14, address + struct.pack("=BBHI80s", 0, 0, len(key), 0, key))
role, near, far, key, seconds = sys.argv[1:]
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if key: sign(sock, far, key.encode())
if role == "listen":
    sock.bind((near, 179)); sock.listen(); print("up", flush=True); time.sleep(float(seconds))
sock.settimeout(float(seconds))
try: sock.connect((far, 179))
except TimeoutError: print("silence")
else: print("connected")
"""
"""A speaker with a TCP-MD5 key; the kernel's structure is tcp_md5sig."""
DIAL_BOTH = """
import socket, sys, time
for port in (179, 8080):
    sock = socket.socket(); sock.setblocking(False); sock.connect_ex((sys.argv[1], port)); globals()[port] = sock
time.sleep(2.5)
"""


class Talks:
    """node1's program by both backends at once, attached."""

    def __init__(self, lab: Fabric) -> None:
        self.all = [Conversation(lab.machines["node1"], "node1", backend) for backend in BACKENDS]
        self._each(Conversation.begin)

    def probe(self) -> None:
        """Send the probes and watch all addresses."""
        self._each(Conversation.probe)

    def reports(self) -> list[NodeReport]:
        """Return what both have seen."""
        found = [talk.report() for talk in self.all]
        assert [report.evidence.backend for report in found] == list(BACKENDS)
        assert all(report.evidence.lacking == () for report in found)
        return found

    def rows(self, point: Point) -> list[list[Counter]]:
        """Return the counters of both at a point."""
        return [[row for row in report.counters if row.point == point] for report in self.reports()]

    def _each(self, step: Callable[[Conversation], None]) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(step, self.all))


@pytest.fixture
def talks(lab: Fabric) -> Talks:
    return Talks(lab)


@contextlib.contextmanager
def listening(lab: Fabric, key: str) -> Iterator[None]:
    speaker = lab.machines["node1"].start("python3", "-c", SIGNED, "listen", NODE, ROUTER, key, "60")
    assert speaker.stdout
    assert speaker.stdout.readline() == b"up\n"
    try:
        yield
    finally:
        speaker.kill()
        speaker.communicate()


def dial(lab: Fabric, key: str, seconds: float) -> str:
    """Return what the router's speaker says of its call to node1."""
    return lab.machines["tor"].run("python3", "-c", SIGNED, "dial", ROUTER, NODE, key, str(seconds))


@pytest.mark.parametrize(
    ("ours", "theirs", "fault"), [("one", "two", "mismatch"), ("one", "", "required"), ("", "two", "unexpected")]
)
def test_a_refused_signature_is_counted(lab: Fabric, talks: Talks, ours: str, theirs: str, fault: str) -> None:
    talks.probe()
    with listening(lab, ours):
        assert dial(lab, theirs, 0.4) == "silence\n"
    for rows in talks.rows("md5"):
        assert [(row.source, row.target, row.protocol, row.reason) for row in rows] == [(ROUTER, NODE, TCP, fault)]


def test_a_right_signature_is_not_counted(lab: Fabric, talks: Talks) -> None:
    talks.probe()
    with listening(lab, "one"):
        assert dial(lab, "one", 10) == "connected\n"
    assert talks.rows("md5") == [[], []]


def test_an_unanswered_session_is_counted_and_foreign_connections_are_not(lab: Fabric, talks: Talks) -> None:
    talks.probe()
    tor, node = lab.machines["tor"], lab.machines["node1"]
    tor.run("iptables-legacy", "-A", "INPUT", "-p", "tcp", "-j", "DROP")
    try:
        node.run("python3", "-c", DIAL_BOTH, ROUTER)
    finally:
        tor.run("iptables-legacy", "-F", "INPUT")
    for rows in talks.rows("resent"):
        ours = [row for row in rows if (row.source, row.target) == (NODE, ROUTER)]
        assert {(row.protocol, row.port) for row in ours} == {(TCP, PORT)}, "port 8080 is none of ours"
        assert SYN_SENT in {row.state for row in ours}


def test_a_probes_own_segments_its_look_ups_and_refusals(lab: Fabric, talks: Talks) -> None:
    lab.machines["node1"].run("ip", "route", "add", "unreachable", NETWORKS["node2"])
    try:
        talks.probe()
    finally:
        lab.machines["node1"].run("ip", "route", "del", "unreachable", NETWORKS["node2"])
    for report in talks.reports():
        flow = (PODS["node1"], PODS["node2"])
        mine = [row for row in report.counters if (row.source, row.target) == flow]
        assert {row.icmp for row in mine if row.point == "refused"} == {(3, 1)}
        assert {row.error for row in mine if row.point == "routed" and row.error} == {-113}
        resent = [row for row in mine if row.point == "resent"]
        assert {row.state for row in resent} == {SYN_SENT}
        assert report.pod
        assert {row.netns for row in resent} == {report.pod.namespace}
