"""What routers answered, recorded from FRR 8.4 and BIRD 2.0.12, is read rightly; silence is never an empty table."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from underlay.collect import bird, frr, router_state, routers
from underlay.judge.evidence import Port, RouterReport
from underlay.model import Platform

DATA = Path(__file__).parent / "data"
OPENSSH_SESSIONS = 10
"""What `MaxSessions` is where nobody has set it."""
STAT = "12 (zebra) S 1 12\n13 (bgpd) T 1 13\n14 (odd) name) R 1 14\n"


def recorded(name: str) -> str:
    return (DATA / name).read_text()


def test_frr_sessions_and_table() -> None:
    sessions = {session.address: session for session in frr.sessions(recorded("frr-neighbors.json"))}
    assert list(sessions) == ["172.30.1.11", "172.30.1.12", "172.30.255.1", "172.30.255.3"]
    assert (sessions["172.30.1.11"].asn, sessions["172.30.1.11"].state) == (65010, "established")
    table = frr.table(recorded("frr-table.json"))
    assert table["10.244.1.0/24"] == ("172.30.1.11",)
    assert table["10.244.0.0/24"] == ("172.30.255.1",)


def test_frr_counts_best_and_multipath_only() -> None:
    paths = [
        {"bestpath": True, "nexthops": [{"ip": "192.0.2.1"}]},
        {"multipath": True, "nexthops": [{"ip": "192.0.2.2"}]},
        {"valid": True, "nexthops": [{"ip": "192.0.2.3"}]},
    ]
    assert frr.table(json.dumps({"routes": {"10.0.0.0/24": paths}})) == {"10.0.0.0/24": ("192.0.2.1", "192.0.2.2")}


def test_bird_sessions_and_table() -> None:
    sessions = {session.address: session for session in bird.sessions(recorded("bird-protocols.txt"))}
    assert list(sessions) == ["172.30.2.11", "172.30.2.12", "172.30.255.0"]
    assert (sessions["172.30.255.0"].asn, sessions["172.30.255.0"].state) == (65101, "established")
    table = bird.table(recorded("bird-routes.txt"))
    assert table["10.244.2.0/24"] == ("172.30.2.11",)
    assert table["10.244.1.0/24"] == ("172.30.255.0",)
    assert "172.30.2.0/24" not in table, "a connected network is not learned by BGP"


def test_routers_say_which_router_id_their_peer_has() -> None:
    peer = {"remoteAs": 65010, "bgpState": "Established", "remoteRouterId": "192.0.2.12"}
    [up] = frr.sessions(json.dumps({"172.30.1.12": peer}))
    [down] = frr.sessions(json.dumps({"172.30.1.12": {**peer, "bgpState": "Active"}}))
    assert (up.identity, down.identity) == ("192.0.2.12", "")
    told = {session.address: session.identity for session in bird.sessions(recorded("bird-protocols.txt"))}
    assert told["172.30.2.11"] == "172.30.2.11"


def test_bird_names_the_last_error() -> None:
    text = recorded("bird-protocols.txt").replace(
        "BGP state:          Established",
        "BGP state:          Active\n    Last error:       Socket: Connection refused",
        1,
    )
    session = bird.sessions(text)[0]
    assert (session.state, session.detail) == ("active", "Socket: Connection refused")


@pytest.mark.parametrize(
    "text", ["", "Unable to connect to server control socket (/run/bird/bird.ctl): No such file or directory"]
)
def test_a_silent_bird_is_no_empty_table(text: str) -> None:
    with pytest.raises(ValueError, match=r"no answer|Unable to connect"):
        bird.table(text)
    with pytest.raises(ValueError, match=r"no answer|Unable to connect"):
        bird.sessions(text)


IPV6 = """\

Table master6:
fd00:10::/64         unicast [peer6 09:41:22.283] * (100) [AS65200i]
\tvia 2001:db8:255::1 on tor-a
\tType: BGP univ
\tBGP.next_hop: 2001:db8:255::1 fe80::1
"""


def test_birds_ipv6_table_adds_nothing_to_the_last_network_before_it() -> None:
    text = recorded("bird-routes.txt")
    ours, others = text.index("10.244.3.0/24"), text.index("172.30.1.0/24")
    last = text[:ours] + text[others:].rstrip("\n") + "\n" + text[ours:others]
    assert bird.table(last + IPV6) == bird.table(text)


@pytest.mark.parametrize(("said", "hold"), [(9000, 9.0), (0, 0.0), (None, None)])
def test_a_session_without_hold_time_is_not_one_of_which_it_is_not_said(said: int | None, hold: float | None) -> None:
    peer = {"bgpState": "Established"} | ({} if said is None else {"bgpTimerHoldTimeMsecs": said})
    assert frr.sessions(json.dumps({"192.0.2.1": peer}))[0].hold == hold
    timer = "" if said is None else f"    Hold timer:       0.000/{said // 1000}\n"
    text = "BIRD 2.0.12 ready.\nx BGP --- up 09:42:26.626 Established\n    Neighbor address: 192.0.2.1\n" + timer
    assert bird.sessions(text)[0].hold == hold


@pytest.mark.parametrize(("table", "kept"), [("default", True), ("tenant", False), (None, True), ("local", False)])
def test_a_tables_routes_count_where_packets_of_no_vrf_look(table: str | None, kept: bool) -> None:
    route = {"dst": "10.244.0.0/24", "gateway": "10.9.9.1", "dev": "vlan77"} | ({"table": table} if table else {})
    assert bool(routers.kernel(json.dumps([route]))) is kept


def test_the_kernels_routes() -> None:
    found = {route.target: route for route in routers.kernel(recorded("ip-route.json"))}
    assert found["10.244.0.0/24"].gateway == "172.30.2.12"
    assert found["172.30.2.0/24"].device == "rack-b"
    assert not any(target.startswith("127.") for target in found), "local routes are left out"
    several = [
        {
            "dst": "10.1.0.0/24",
            "nexthops": [{"gateway": "192.0.2.1", "dev": "a"}, {"gateway": "192.0.2.2", "dev": "b"}],
        },
        {"dst": "10.3.0.0/24", "gateway": "192.0.2.3", "dev": "c", "flags": ["dead", "linkdown"]},
        {"type": "blackhole", "dst": "10.2.0.1"},
    ]
    rows = routers.kernel(json.dumps(several))
    assert [(row.target, row.type, row.gateway) for row in rows] == [
        ("10.1.0.0/24", "unicast", "192.0.2.1"),
        ("10.1.0.0/24", "unicast", "192.0.2.2"),
        ("10.2.0.1/32", "blackhole", None),
    ]


def test_the_daemons_states() -> None:
    found = routers.processes(STAT, ("zebra", "bgpd"))
    assert [(process.name, process.state) for process in found] == [("zebra", "S"), ("bgpd", "T")]
    with pytest.raises(ValueError, match="no process"):
        routers.processes("", ("bird",))


class Shell:
    """Answers commands from a table."""

    def __init__(self, answers: dict[str, str], code: int = 0) -> None:
        self.answers = answers
        self.code = code

    async def run(self, command: str, limit: int) -> tuple[int, str, str]:
        """Return the answer to the first key that the command holds."""
        found = next((text for key, text in self.answers.items() if key in command), "")
        return self.code, found[:limit], "" if found else "\x1b[31mno such command"


KERNEL = {
    "date --rfc-3339=ns -r": "\n",
    "birdc show status": "BIRD 2.0.12 ready.\n",
    "ip_forward": "1\n",
    "ip -json neighbour": "[]",
    "nft --json": '{"nftables": []}',
    "-4 address": json.dumps(
        [{"ifname": "x", "flags": ["UP"], "operstate": "UP", "addr_info": [{"local": "192.0.2.2", "prefixlen": 24}]}]
    ),
    "netstat": "TcpExt: TCPMD5Failure\nTcpExt: 7\nIpExt: x\nIpExt: 1\nTcpExt: TCPMD5Failure\nTcpExt: 9\n",
}
"""What a healthy router's kernel says of itself, by a part of the command."""
LIMITED = re.compile(r"(! command -v nft >/dev/null \|\| )?timeout [59] ")


def read(answers: dict[str, str], code: int = 0) -> RouterReport:
    return asyncio.run(routers.read(Shell(answers, code), Platform.BIRD))  # type: ignore[arg-type]


def test_a_router_with_a_dead_daemon_still_tells_the_rest() -> None:
    report = read({**KERNEL, "ip -json route": recorded("ip-route.json"), "/proc/[": "1 (sshd) S 0\n"})
    assert report.processes == ()
    assert report.kernel
    assert (report.sessions, report.table) == (None, None)
    assert [error.partition(":")[0] for error in report.errors] == ["configuration", "sessions", "table"]
    assert "\x1b" not in "".join(report.errors), "what a machine says is made harmless"


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("ip -json route", "[" * 100_000),
        ("ip -json route", "[1]"),
        ("/proc/[", "1 (bird)"),
        ("ip -json route", '[{"dst": 5}]'),
    ],
    ids=["deep", "numbers", "short line", "no text"],
)
def test_a_hostile_part_hides_no_other(key: str, answer: str) -> None:
    good = {"ip -json route": recorded("ip-route.json"), "/proc/[": "1 (bird) S 0\n"}
    good |= {"birdc show p": "BIRD 2 ready.\n"}
    report = read(good | {key: answer})
    assert {"kernel": report.kernel, "processes": report.processes}[
        {"ip -json route": "kernel"}.get(key, "processes")
    ] is None
    assert report.sessions == ()
    assert any(error for error in report.errors)


class Counting(Shell):
    """Counts the commands that run at once."""

    def __init__(self) -> None:
        super().__init__({})
        self.now = self.most = 0

    async def run(self, command: str, limit: int) -> tuple[int, str, str]:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return await super().run(command, limit)


@pytest.mark.parametrize("platform", [Platform.FRR, Platform.BIRD])
def test_no_more_commands_run_at_once_than_sshd_lets_by_itself(platform: Platform) -> None:
    shell = Counting()
    asyncio.run(routers.read(shell, platform))  # type: ignore[arg-type]
    assert 1 < shell.most < OPENSSH_SESSIONS // 2, "one is the echoes', and each counts twice for a moment"


STATUS = """\
BIRD 2.0.12 ready.
BIRD 2.0.12
Current server time is 2026-11-30 18:43:00.491
Last reboot on 2026-11-30 18:42:58.483
Last reconfiguration on {}
Daemon is up and running
"""


@pytest.mark.parametrize(
    ("loaded", "files"),
    [
        ("2026-11-30 18:42:58.483", ()),
        ("2026-11-30 18:40:00.000", ("underlay.conf",)),
        ("2026-11-29 23:59:59", ("bird.conf", "underlay.conf")),
    ],
)
def test_files_that_bird_has_not_read_since_they_changed(loaded: str, files: tuple[str, ...]) -> None:
    told = [f"2026-11-30 {time}.000000001+00:00\n" for time in ("18:39:00", "18:42:58", "18:43:00")]
    assert bird.unloaded("".join(told) + STATUS.format(loaded)) == files
    assert bird.unloaded("") is None, "no file of ours"
    assert bird.unloaded("".join(told) + "Unable to connect to server control socket") is None
    for strange in (told[2] + STATUS.format(loaded), "".join(told) + STATUS.format("Monday")):
        with pytest.raises(ValueError, match="is not understood"):
            bird.unloaded(strange)
    with pytest.raises(ValueError, match="the router says 2026-11-30 20:43:00"):
        bird.unloaded("".join([*told[:2], told[2].replace("18:", "20:")]) + STATUS.format(loaded))


def test_half_an_answer_is_none() -> None:
    """A command that `timeout` has ended says less than there is."""
    report = read({"ip -json route": recorded("ip-route.json"), "/proc/[": "1 (bird) S 0\n"}, code=124)
    assert (report.kernel, report.processes) == (None, None)
    assert {"kernel: no answer within 5 s", "md5: no answer within 9 s"} <= set(report.errors)


def test_no_command_runs_without_limit() -> None:
    commands = [*routers.COMMON.values(), *frr.COMMANDS.values(), *bird.COMMANDS.values()]
    assert all(LIMITED.match(command) for command in commands)


def test_the_commands_are_constant() -> None:
    commands = [*routers.COMMON.values(), *frr.COMMANDS.values(), *bird.COMMANDS.values()]
    assert not any(mark in command for command in commands for mark in "{}%$`")


def test_the_kernels_own_state_is_read() -> None:
    found = read(KERNEL | {"ip -json route": "[]", "ip -json neighbour": '[{"dst": "192.0.2.1", "dev": "x"}]'})
    assert (found.forwarding, found.filters, found.md5) == (1, (), {"TCPMD5Failure": 2})
    assert found.ports == (Port(name="x", up=True, networks=("192.0.2.2/24",)),)
    assert found.neighbours
    assert found.neighbours[0].state == "none"


def test_only_chains_that_drop_are_reported() -> None:
    rule = {"family": "ip", "table": "t", "chain": "c"}
    match = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "192.0.2.1"}}
    chain = {"family": "ip", "table": "t", "name": "c", "hook": "forward", "policy": "accept"}
    parts = [{"chain": chain}, {"rule": rule | {"expr": [match, {"drop": None}]}}, {"rule": rule | {"expr": [match]}}]
    parts += [{"chain": chain | {"name": "open"}}, {"chain": {"family": "ip", "table": "t", "name": "own"}}]
    found = router_state.filters(json.dumps({"nftables": parts}))
    assert found is not None
    assert [(one.chain, one.hook, one.rules) for one in found] == [("c", "forward", ("ip daddr 192.0.2.1 drop",))]
    assert router_state.filters("") is None, "a router without nftables says nothing, and that is no filter"
