"""What an administrator adds to a planned session: told where it differs, passed over if harmless, or a doubt."""

from __future__ import annotations

import pytest

from tests.unit.plan_sites import put, site
from underlay.plan.ends import declared_ends, differences, planned, unread
from underlay.plan.ends.bird import ends as bird_ends
from underlay.plan.ends.end import LONGEST, NEVER, SOON
from underlay.plan.ends.frr import ends as frr_ends
from underlay.plan.routers import router_text

FRR, BIRD = (router_text(site(), site().router(name)) for name in ("tor-a", "tor-b"))
GLOBAL = " bgp bestpath as-path multipath-relax\n"
CLIENT = "  neighbor 172.30.255.3 next-hop-self\n"
LIMIT = "import limit 512 action restart;"
NODE, PEER = "    passive on;\n", "    connect retry time 2;\n"


def told(router: str, text: str) -> tuple[list[str], list[str]]:
    """Return what differs, and what is not understood, where a router has a text of its own."""
    read = declared_ends(site(), {router: text})
    return [one.sentence for one in differences(planned(site()), read)], unread(planned(site()), read)


BY_HAND = ", once its limit has ended it, come back by hand only; planned within a minute"
DIAL = " neighbor 172.30.255.1 timers connect 2\n"
FRR_FAULTS = [
    (GLOBAL, f"{GLOBAL} bgp graceful-restart stalepath-time 1\n",
     "tor-a keeps the routes of cp-1 for 1 s while it restarts; planned 120 s"),
    (" restart 1", "",
     f"tor-a lets its session with cp-1{BY_HAND}"),
    (" restart 1", " restart 90",
     "tor-a lets its session with cp-1, once its limit has ended it, come back after 90 min; planned within a minute"),
    ("172.30.255.1 timers connect 2", "172.30.255.1 timers connect 65535",
     "tor-a dials tor-b every 65535 s; planned 2 s"),
    (DIAL, "", "tor-a dials tor-b every 120 s; planned 2 s"),
    (DIAL, f"{DIAL} neighbor 172.30.255.1 passive\n", "tor-a only waits for tor-b to dial; planned otherwise"),
    (CLIENT, f"{CLIENT}  neighbor 172.30.255.3 maximum-prefix-out 1\n",
     "tor-a has another limit for client, which is not planned: maximum-prefix-out 1"),
]  # fmt: skip
BIRD_FAULTS = [
    ("graceful restart aware", "graceful restart no",
     "tor-b keeps no routes of worker-2 while it restarts; planned otherwise"),
    (NODE, f"{NODE}    disable after error on;\n",
     "tor-b leaves its session with worker-2 down once an error has ended it; planned otherwise"),
    (NODE, f"{NODE}    disable after cease {{ prefix limit hit }};\n",
     "tor-b leaves its session with worker-2 down once an error has ended it; planned otherwise"),
    (LIMIT, "import limit 512 action disable;",
     f"tor-b lets its session with worker-2{BY_HAND}"),
    (LIMIT, "import limit 512;",
     f"tor-b lets its session with worker-2{BY_HAND}"),
    (LIMIT, "import limit 512 action warn;",
     "tor-b ends its session with worker-2 beyond no number of prefixes; planned 512"),
    (LIMIT, f"{LIMIT} receive limit 2 action disable;",
     "tor-b has another limit for worker-2, which is not planned: receive limit 2"),
    (PEER, "    connect retry time 3600;\n", "tor-b dials tor-a every 3600 s; planned 2 s"),
    (PEER, f"{PEER}    passive;\n", "tor-b only waits for tor-a to dial; planned otherwise"),
    (NODE, f"{NODE}    disabled;\n", "tor-b has switched its session with worker-2 off"),
    ("    hold time 9;", "    hold time 9;\n    hold time 0;",
     "tor-b proposes 0 s of hold time to worker-2; planned 9 s"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("router", "text", "old", "new", "sentence"),
    [*(("tor-a", FRR, *row) for row in FRR_FAULTS), *(("tor-b", BIRD, *row) for row in BIRD_FAULTS)],
)
def test_a_statement_that_undoes_the_plan_is_told(router: str, text: str, old: str, new: str, sentence: str) -> None:
    assert old in text
    found, unclear = told(router, text.replace(old, new, 1))
    assert sentence in found
    assert unclear == []


@pytest.mark.parametrize(
    ("router", "text"),
    [
        ("tor-a", FRR.replace(GLOBAL, f"{GLOBAL} bgp graceful-restart stalepath-time 120\n")),
        ("tor-a", FRR.replace(GLOBAL, f"{GLOBAL} bgp graceful-restart stalepath-time 360\n")),
        ("tor-a", FRR.replace(CLIENT, f"{CLIENT}  neighbor 172.30.255.3 soft-reconfiguration inbound\n")),
        ("tor-a", FRR.replace(CLIENT, f"{CLIENT}  no neighbor 172.30.255.3 send-community\n")),
        ("tor-a", FRR.replace(GLOBAL, f"{GLOBAL} neighbor 172.30.1.11 bfd\n neighbor 172.30.1.11 tcp-mss 1400\n")),
        ("tor-b", BIRD.replace(NODE, f"{NODE}    disabled no;\n    disable after error off;\n    bfd on;\n")),
        ("tor-b", BIRD.replace(NODE, f"{NODE}    bfd {{ multiplier 5; }};\n    graceful restart time 90;\n")),
        ("tor-b", BIRD.replace(LIMIT, f"{LIMIT} import keep filtered on; export limit off; add paths rx;")),
        ("tor-b", BIRD.replace("    hold time 9;", "    hold time 240;\n    hold time 9;")),
        ("tor-b", BIRD.replace('worker-2";\n', 'worker-2";\n    ipv4 { debug all; };\n    ipv6 { import none; };\n')),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_harmless_statement_is_no_word(router: str, text: str) -> None:
    assert text not in {FRR, BIRD}
    assert told(router, text) == ([], [])


@pytest.mark.parametrize(
    ("router", "text", "keyword", "peer"),
    [
        ("tor-a", FRR.replace(CLIENT, f"{CLIENT}  neighbor 172.30.255.3 default-originate\n"), "default-originate",
         "client"),
        ("tor-a", FRR.replace(GLOBAL, f"{GLOBAL} neighbor 172.30.1.11 port 1179\n"), "port", "cp-1"),
        ("tor-a", FRR.replace(CLIENT, f"{CLIENT}  neighbor 172.30.255.3 capability orf prefix-list both\n"),
         "capability", "client"),
        ("tor-b", BIRD.replace(NODE, f'{NODE}    vrf "tenant";\n'), "vrf", "worker-2"),
        ("tor-b", BIRD.replace(LIMIT, f"{LIMIT} table tenant4;"), "table", "worker-2"),
        ("tor-b", BIRD.replace("next hop self", "next hop keep"), "next", "tor-a"),
        ("tor-b", BIRD.replace(NODE, f'{NODE}    keys {{ id 1; secret "sesame"; }};\n'), "keys", "worker-2"),
        ("tor-b", BIRD.replace(NODE, f'{NODE}    "sesame";\n'), "?", "worker-2"),
    ],
)  # fmt: skip
def test_a_statement_that_nobody_knows_is_a_doubt_and_no_difference(
    router: str, text: str, keyword: str, peer: str
) -> None:
    found, unclear = told(router, text)
    assert found == []
    assert f"{router}: what `{keyword}` does to its session with {peer} is not understood" in unclear
    assert "sesame" not in "".join(unclear)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("disabled SOMETIMES;", "whether it has switched off its session with"),
        ("disable after error (1 + 1);", "whether an error leaves it without"),
        ("graceful restart SOMETIMES;", "whether it keeps routes of a restarting"),
        ("hold time LONG;", "its hold time towards"),
    ],
)
def test_an_expression_of_bird_is_not_understood(new: str, words: str) -> None:
    last = "    graceful restart aware;\n"
    text = BIRD.replace(last, f"{last}    {new}\n", 1)
    assert f"tor-b: {words} worker-2 is not understood" in told("tor-b", text)[1]


def test_a_restart_time_that_is_not_declared_needs_no_stale_routes() -> None:
    declared = site(put("bgp.graceful_restart", None))
    text = router_text(declared, declared.router("tor-a"))
    text = text.replace(GLOBAL, f"{GLOBAL} bgp graceful-restart stalepath-time 1\n")
    assert differences(planned(declared), declared_ends(declared, {"tor-a": text})) == []


def test_what_is_not_said_is_as_the_daemons_do_it() -> None:
    frr = frr_ends("router bgp 1\n neighbor 192.0.2.1 remote-as 2\n", str)["192.0.2.1"]
    bird = bird_ends("protocol bgp x { local as 1; neighbor 192.0.2.1 as 2; ipv4 {}; }", str)["192.0.2.1"]
    for end, keeps in ((frr, 360), (bird, LONGEST)):
        assert (end.limit, end.again, end.further, end.retry) == (0, SOON, (), 120)
        assert (end.passive, end.keeps, end.stays, end.shut, end.graceful) == (False, keeps, False, False, True)
    fast = frr_ends("frr defaults datacenter\nrouter bgp 1\n neighbor 192.0.2.1 maximum-prefix 5\n", str)["192.0.2.1"]
    assert (fast.retry, fast.again) == (10, NEVER)


@pytest.mark.parametrize(("restart", "rendered"), [(360, False), (600, True)])
def test_routes_are_kept_for_a_longer_restart_than_frr_s_own(restart: int, rendered: bool) -> None:
    declared = site(put("bgp.graceful_restart", {"restart": restart}))
    text = router_text(declared, declared.router("tor-a"))
    assert (f" bgp graceful-restart stalepath-time {restart}\n" in text) == rendered
    assert differences(planned(declared), declared_ends(declared)) == []
    shorter = text.replace(f" bgp graceful-restart stalepath-time {restart}\n", "")
    told = differences(planned(declared), declared_ends(declared, {"tor-a": shorter}))
    assert [one.aspect for one in told] == ["keeps"] * 2 * rendered
