"""The parts of the node's program that need neither root nor bcc."""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bpf import cilium, facts, filters, namespaces, probe, programs, responder, selftest


@pytest.fixture
def far_end() -> Iterator[int]:
    servers = responder.serve(0, "127.0.0.1")
    yield servers[0].server_address[1]
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_far_end_counts_tcp_and_udp_and_says_from_whom(far_end: int) -> None:
    said = {"source": "127.0.0.1", "by": "127.0.0.1"}
    assert probe.tcp("127.0.0.1", far_end) == {"sent": 65536, "received": 65536} | said
    assert probe.udp("127.0.0.1", far_end) == {"sent": 1200, "received": 1200} | said


def test_a_short_datagram_gets_no_answer(far_end: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.3)
        sender.sendto(b"x", ("127.0.0.1", far_end))
        with pytest.raises(TimeoutError):
            sender.recv(100)


def test_a_closed_port_is_an_error_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert probe.tcp("127.0.0.1", port)["error"] == "ECONNREFUSED"
    refused = probe.udp("127.0.0.1", port)
    assert (refused["error"], refused["icmp"], refused["from"]) == ("ECONNREFUSED", [3, 3], "127.0.0.1")


def test_a_stranger_on_the_port_is_no_responder() -> None:
    assert probe._answer(b"SSH-2.0-OpenSSH", 5)["error"] == "not a responder's answer"
    assert probe._answer(b'{"bytes": "many"}', 5)["error"] == "not a responder's answer"


@pytest.mark.parametrize("payload", [0, 1, 56, 1472])
def test_the_echo_requests_checksum_is_right(payload: int) -> None:
    packet = probe.echo_request(b"ab", 7, payload)
    words = struct.unpack(f"!{(len(packet) + 1) // 2}H", packet + bytes(len(packet) % 2))
    total = sum(words)
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    assert total == 0xFFFF
    assert len(packet) == payload + 8


def test_a_child_answers_and_a_late_one_is_ended() -> None:
    assert namespaces.Child(lambda: {"x": 1}).result(5.0) == {"x": 1}

    def sleep() -> dict[str, Any]:
        time.sleep(30)
        return {}

    begun = time.monotonic()
    assert "no answer within 0.2 s" in namespaces.Child(sleep).result(0.2)["error"]
    assert time.monotonic() - begun < 5


def test_a_childs_failure_is_a_sentence() -> None:
    def fail() -> dict[str, Any]:
        raise OSError(1, "not permitted")

    assert namespaces.Child(fail).result(5.0)["error"] == "PermissionError: [Errno 1] not permitted"


def test_a_missing_probe_pod_is_said() -> None:
    with pytest.raises(LookupError, match="no probe pod is known"):
        namespaces.holding(None)


def row(point: str, **more: Any) -> dict[str, Any]:
    base = {"point": point, "form": "bare", "netns": 7, "ifindex": 1, "protocol": 17}
    return base | ({"reason": "NO_SOCKET", "function": "__udp4_lib_rcv"} if point == "dropped" else {}) | more


def test_the_self_test_accepts_only_the_whole_truth() -> None:
    right = [row(point) for point in selftest.NEEDED]
    assert selftest.judge(right, 7) == []
    assert selftest.judge(right, 8)[0] == "event 'sent': found netns 7; expected 8"
    assert selftest.judge(right[1:], 7) == ["no event 'sent' for the self-test's datagram"]
    assert "ifindex 0" in selftest.judge([row("sent", ifindex=0), *right[1:]], 7)[0]
    nameless = [*right[:-1], row("dropped", reason="3")]
    assert selftest.judge(nameless, 7) == ["the drop at a closed port is not named as one"]
    assert len(selftest.judge([], 7)) == len(selftest.NEEDED)


def test_ciliums_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cilium, "STATE", tmp_path)
    monkeypatch.setattr(cilium, "PINS", tmp_path / "pins")
    assert cilium.facts() == {"marks": None, "host": None, "overlay_maps": None, "options": None}
    (tmp_path / "globals").mkdir()
    (tmp_path / "globals/node_config.h").write_text(
        "#define ENCAP4_IFINDEX 0\n#define ENCAP_IFINDEX 7\n// TUNNEL_MODE\n"
    )
    (tmp_path / "bpf/eth0").mkdir(parents=True)
    dump = {
        "objects": [{"name": "config.BPFHost", "values": {"TunnelProtocol": 1, "EnableBPFHostRouting": False, "X": 1}}]
    }
    (tmp_path / "bpf/eth0/bpf_host.json").write_text(json.dumps(dump))
    (tmp_path / "bpf/eth1").mkdir()
    (tmp_path / "bpf/eth1/bpf_host.json").write_text('{"tunnel_protocol": 2}')
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins/cilium_calls_overlay_2").touch()
    found = cilium.facts()
    assert found["marks"] == ["ENCAP_IFINDEX"]
    assert found["host"] == {
        "eth0": {"TunnelProtocol": 1, "EnableBPFHostRouting": False},
        "eth1": {"TunnelProtocol": 2},
    }
    assert found["overlay_maps"] == ["cilium_calls_overlay_2"]


@pytest.mark.parametrize(("more", "found"), [((), False), (("TUNNEL_MODE", "ENABLE_HOST_ROUTING"), True)])
def test_a_release_before_1_20_has_macros_in_place_of_constants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], found: bool
) -> None:
    monkeypatch.setattr(cilium, "STATE", tmp_path)
    (tmp_path / "globals").mkdir()
    lines = [f"#define {name} 1\n" for name in ("HOST_ID", *more)]
    (tmp_path / "globals/node_config.h").write_text("".join(lines))
    (tmp_path / "bpf/eth0").mkdir(parents=True)
    (tmp_path / "bpf/eth0/bpf_host.json").write_text('{"EnableBPFHostRouting": true, "TunnelProtocol": 2}')
    assert cilium.facts()["host"] == {"*": {"TunnelProtocol": found, "EnableBPFHostRouting": found}}


def test_the_running_agents_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cilium, "PROC", tmp_path)
    asked = ("routing-mode", "devices", "mtu", "ipam")
    assert cilium.facts(asked)["options"] is None
    for number, name in ((7, "kubelet"), (80, "cilium-agent")):
        (tmp_path / f"{number}/root/tmp/config").mkdir(parents=True)
        (tmp_path / f"{number}/comm").write_text(f"{name}\n")
    agent = tmp_path / "80"
    for option, value in (("routing-mode", "native"), ("devices", "eth0"), ("mtu", "1500"), ("debug", "true")):
        (agent / "root/tmp/config" / option).write_text(value)
    (agent / "cmdline").write_text("cilium-agent\0--config-dir=/tmp/config\0--mtu=1400\0")
    (agent / "environ").write_text("HOME=/\0CILIUM_MTU=1300\0CILIUM_DEVICES=eth1\0")
    assert cilium.facts(asked)["options"] == {"routing-mode": "native", "devices": "eth1", "mtu": "1400"}
    assert cilium.facts()["options"] is None, "nobody asked"


def test_bgp_connections_come_from_the_kernels_table(tmp_path: Path) -> None:
    table = tmp_path / "tcp"
    lines = (
        "sl local remote st",
        "0: 0C011EAC:9C40 01011EAC:00B3 01 x",
        "1: 0C011EAC:9C41 01011EAC:00B3 02 x",
        "2: 0C011EAC:0016 01011EAC:D431 01 x",
    )
    table.write_text("\n".join(lines) + "\n")
    assert facts.bgp_connections(table) == [{"local": "172.30.1.12", "remote": "172.30.1.1"}]


def test_a_connection_that_one_reading_leaves_out_is_there() -> None:
    row = "0: 0C011EAC:9C40 01011EAC:00B3 01 x\n"
    texts = iter(["head\n", f"head\n{row}{row}", f"head\n{row}"])
    table = cast("Path", SimpleNamespace(read_text=lambda: next(texts)))
    assert facts.bgp_connections(table) == [{"local": "172.30.1.12", "remote": "172.30.1.1"}]
    empty = cast("Path", SimpleNamespace(read_text=lambda: "head\n"))
    assert facts.bgp_connections(empty) == []


def entry(verdict: int | None, target: str = "") -> bytes:
    """Return an entry of the legacy table: head, target offset, size, and a target with its verdict."""
    body = struct.pack("H", 40) + target.encode().ljust(30, b"\0") + struct.pack("i", verdict or 0) + bytes(4)
    return bytes(88) + struct.pack("HH", 112, 112 + len(body)) + bytes(20) + body


def test_the_legacy_tables_verdicts() -> None:
    entries = entry(-1) + entry(None, "LOG") + entry(-2)
    assert filters._verdicts(entries, 0, len(entry(-1)) + len(entry(None, "LOG"))) == [-1, None, -2]


class Neighbour(dict[str, Any]):
    """A message of the kernel of one neighbour."""

    def get_attr(self, _: str) -> str:
        """Return its address."""
        return "192.0.2.1"


@pytest.mark.parametrize(("held", "told"), [(300, []), (420, ["neighbours: 120 of 420 left out"])])
def test_what_a_report_has_no_room_for_is_counted(held: int, told: list[str]) -> None:
    class Kernel:
        def get_neighbours(self, **_: int) -> list[Neighbour]:
            return [Neighbour(ifindex=2, state=2)] * held

    reading = facts.Facts(Kernel(), ["eth0"])
    assert len(reading._neighbours()) == 300
    assert reading.errors == told


def test_a_kernel_without_tcx_has_no_programs_there_and_says_why_to_who_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(programs, "bpf", refused)
    assert programs.tcx(1, "ingress") == []
    with pytest.raises(OSError, match="Invalid argument"):
        programs.tcx_ids(1, "ingress")


class Message(dict[str, Any]):
    """A message of the kernel with attributes."""

    def __init__(self, attributes: dict[str, Any], **fields: int) -> None:
        super().__init__(fields)
        self.attributes = attributes

    def get_attr(self, name: str) -> Any:
        """Return an attribute; None for one that the message lacks."""
        return self.attributes.get(name)


def test_all_next_hops_of_a_route_are_told() -> None:
    hops = [Message({"RTA_GATEWAY": gateway}, oif=3) for gateway in ("172.30.1.1", "172.30.1.2")]
    several = Message({"RTA_MULTIPATH": hops, "RTA_TABLE": 254}, type=1, proto=3, dst_len=0)
    one = Message({"RTA_GATEWAY": "172.30.1.1", "RTA_TABLE": 254}, type=1, proto=3, dst_len=0)

    class Kernel:
        def get_routes(self, **_: int) -> list[Message]:
            return [several, one]

    found = facts.Facts(Kernel(), ["eth0"])._routes()
    assert [(row["gateway"], row["hops"]) for row in found] == [
        (None, ["172.30.1.1", "172.30.1.2"]),
        ("172.30.1.1", []),
    ]
