"""Huawei's configuration: each fault is told with the end that is wrong, the rest of a router is passed over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan_sites import put, site
from underlay.model import Site
from underlay.plan.ends import declared_ends, differences, planned, unread
from underlay.plan.ends.end import End, is_address
from underlay.plan.ends.vrp import ends, ranges
from underlay.plan.routers import router_text


def declared() -> Site:
    return site(put("routers.0.platform", "vrp"), put("routers.0.managed", False))


TEXT = router_text(declared(), declared().router("tor-a"))
PEER, OTHER = "172.30.1.11", "172.30.1.12"


def told(text: str) -> tuple[list[str], list[str]]:
    """Return what differs at tor-a, and what is not understood."""
    read = declared_ends(declared(), {"tor-a": text})
    found = differences(planned(declared()), read)
    assert {one.wrong for one in found} <= {"tor-a"}
    return [one.sentence for one in found], unread(planned(declared()), read)


GROUP = " peer UNDERLAY-NODES listen-only\n"
MEMBER = f" peer {PEER} group UNDERLAY-NODES\n"
LIMIT = "peer UNDERLAY-NODES route-limit 512 idle-timeout 1"
POLICY = "peer UNDERLAY-NODES route-policy UNDERLAY-NODES-IN import"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("bgp 65101", "bgp 65109", "tor-a speaks as AS 65109 to cp-1; planned AS 65101"),
        (GROUP, f"{GROUP} peer UNDERLAY-NODES fake-as 65109\n", "tor-a speaks as AS 65109 to cp-1; planned AS 65101"),
        (f"peer {PEER} as-number 65010", f"peer {PEER} as-number 65009",
         "tor-a expects AS 65009 of cp-1, which has AS 65010"),
        (" peer UNDERLAY-NODES password cipher <bgp-password>\n", "", "tor-a has no password for cp-1"),
        ("timer keepalive 3 hold 9", "timer keepalive 3 hold 30",
         "tor-a proposes 30 s of hold time to cp-1; planned 9 s"),
        (" peer UNDERLAY-NODES timer keepalive 3 hold 9\n", "",
         "tor-a proposes 180 s of hold time to cp-1; planned 9 s"),
        (" peer UNDERLAY-NODES timer keepalive 3 hold 9\n", " timer keepalive 4 hold 12\n",
         "tor-a proposes 12 s of hold time to cp-1; planned 9 s"),
        (GROUP, f"{GROUP} peer UNDERLAY-NODES ebgp-max-hop\n", "tor-a allows 255 hops to cp-1; planned 1"),
        (GROUP, f"{GROUP} peer UNDERLAY-NODES valid-ttl-hops 2\n", "tor-a allows 2 hops to cp-1; planned 1"),
        (MEMBER, f"{MEMBER} peer {PEER} ignore\n", "tor-a has switched its session with cp-1 off"),
        ("\n graceful-restart\n", "\n", "tor-a keeps no routes of cp-1 while it restarts; planned otherwise"),
        ("  peer UNDERLAY-NODES enable\n", f"  undo peer {PEER} enable\n",
         "tor-a carries nothing with cp-1; planned ipv4"),
        ("  peer UNDERLAY-NODES enable\n", f"  peer {PEER} bfd enable\n  undo peer {PEER} enable\n",
         "tor-a carries nothing with cp-1; planned ipv4"),
        ("permit 10.244.0.0 16 greater-equal 24 less-equal 24", "permit 10.244.0.0 16 greater-equal 16",
         ("tor-a does not accept 10.244.0.0/16{24,24} from cp-1, and "
          "accepts 10.244.0.0/16{16,32} from cp-1, which is not planned")),
        (f"  {POLICY}\n", "",
         ("tor-a does not accept 10.244.0.0/16{24,24}, 198.18.10.0/24{32,32} from cp-1, and "
          "accepts everything from cp-1, which is not planned")),
        (POLICY, "peer UNDERLAY-NODES ip-prefix UNDERLAY-PODS import",
         "tor-a does not accept 198.18.10.0/24{32,32} from cp-1"),
        ("route-policy UNDERLAY-NODES-OUT deny node 10", "route-policy UNDERLAY-NODES-OUT permit node 10",
         "tor-a advertises everything to cp-1, which is not planned"),
        (LIMIT, "peer UNDERLAY-NODES route-limit 1", "tor-a ends its session with cp-1 beyond 1 prefixes; planned 512"),
        (LIMIT, "peer UNDERLAY-NODES route-limit 512 80 alert-only",
         "tor-a ends its session with cp-1 beyond no number of prefixes; planned 512"),
        (LIMIT, LIMIT.replace("idle-timeout 1", "idle-forever"),
         ("tor-a lets its session with cp-1, once its limit has ended it, come back by hand only; "
          "planned within a minute")),
        (LIMIT, LIMIT.replace("idle-timeout 1", "idle-timeout 60"),
         ("tor-a lets its session with cp-1, once its limit has ended it, come back after 60 min; "
          "planned within a minute")),
        (" peer 172.30.255.1 timer connect-retry 2\n", "", "tor-a dials tor-b every 32 s; planned 2 s"),
        (" peer 172.30.255.1 timer connect-retry 2\n", " peer 172.30.255.1 listen-only\n",
         "tor-a only waits for tor-b to dial; planned otherwise"),
        (MEMBER, f"{MEMBER} peer 172.30.1.77 as-number 65010\n",
         "tor-a has a neighbour 172.30.1.77 that is not planned"),
        (" peer 172.30.255.1 as-number 65102\n",
         " peer 172.30.255.1 as-number 65102\n peer 172.30.255.1 password cipher x\n",
         "tor-a has a password for tor-b; planned none"),
    ],
)  # fmt: skip
def test_a_fault_is_told(old: str, new: str, sentence: str) -> None:
    assert old in TEXT
    assert sentence in told(TEXT.replace(old, new, 1))[0]


def test_a_peer_that_is_not_there_is_told() -> None:
    text = "".join(line for line in TEXT.splitlines(keepends=True) if PEER not in line)
    assert told(text)[0] == ["tor-a has no neighbour 172.30.1.11 (cp-1)"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("timer keepalive 3 hold 9", "timer keepalive 3", "its hold time towards cp-1"),
        (f"peer {PEER} as-number 65010", f"peer {PEER} as-number x.y", "the number that it expects of cp-1"),
        (POLICY, "peer UNDERLAY-NODES filter-policy acl-name OPS import", "what it takes from cp-1"),
        (POLICY, "peer UNDERLAY-NODES route-policy import", "what it takes from cp-1"),
        (" if-match ip-prefix UNDERLAY-PODS\n", " if-match community-filter 1\n", "what it takes from cp-1"),
        (" if-match ip-prefix UNDERLAY-PODS\n", " if-match ip-prefix UNDERLAY-PODS\n goto next-node 20\n",
         "what it takes from cp-1"),
        ("UNDERLAY-PODS index 10 permit 10.244.0.0 16", "UNDERLAY-PODS index 10 permit 10.244.0.0 99",
         "what it takes from cp-1"),
        (LIMIT, "peer UNDERLAY-NODES route-limit many", "how many prefixes it takes from cp-1"),
    ],
)  # fmt: skip
def test_what_is_not_ours_leaves_one_value_unknown(old: str, new: str, words: str) -> None:
    assert old in TEXT
    assert f"tor-a: {words} is not understood" in told(TEXT.replace(old, new, 1))[1]


MORE = """\
 #
 ipv4-family vpn-instance BLUE
  peer 192.0.2.66 as-number 64998
  peer 172.30.1.11 ignore
 #
 ipv6-family unicast
  peer UNDERLAY-NODES route-limit 3
#
ospf 1
 peer 192.0.2.77
#
interface GE1/0/1
 ip address 192.0.2.1 255.255.255.0
#
bgp 64999 instance OTHER
 peer 192.0.2.78 as-number 1
"""


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace("#\nreturn", f"{MORE}#\nreturn"),
        f"sysname tor-a\n{TEXT}",
        TEXT.replace(GROUP, f"{GROUP} peer\n group\n"),
    ],
)
def test_what_else_a_router_does_is_no_difference(text: str) -> None:
    assert text != TEXT
    assert told(text) == ([], [])
    assert ranges(text, str) == {}


@pytest.mark.parametrize(
    ("line", "aspect", "own", "other"),
    [
        (f" peer {PEER} timer keepalive 5 hold 15\n", "hold", 15, 9),
        (f" peer {PEER} timer connect-retry 5\n", "hold", 9, 9),
        (f" peer {PEER} connect-interface LoopBack0 192.0.2.9\n", "address", "192.0.2.9", None),
        (f" peer {PEER} connect-interface LoopBack0\n", "address", None, None),
    ],
)
def test_a_peer_s_own_line_stands_before_its_group_s(line: str, aspect: str, own: object, other: object) -> None:
    found: dict[str, End] = ends(TEXT.replace(MEMBER, f"{MEMBER}{line}"), str)
    assert (getattr(found[PEER], aspect), getattr(found[OTHER], aspect)) == (own, other)


LINES = [*TEXT.splitlines(), *MORE.splitlines()]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_text_makes_the_reader_crash(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from(LINES), max_size=30))
    cut = [
        " " * (len(line) - len(line.lstrip())) + " ".join(line.split()[: data.draw(st.integers(0, 6))])
        for line in lines
    ]
    found = ends("\n".join(["bgp 1", *cut, *lines]), str)
    assert all(is_address(peer) and isinstance(end, End) for peer, end in found.items())
