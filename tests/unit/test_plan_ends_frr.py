"""FRR's configuration as it may stand on a router that does more than ours: read, or not understood, never a crash."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.plan_sites import site
from underlay.plan.ends import Difference, declared_ends, differences, planned, unread
from underlay.plan.ends.bird import ends as bird_ends
from underlay.plan.ends.end import End
from underlay.plan.ends.frr import ends as frr_ends
from underlay.plan.ends.frr import ranges as frr_ranges
from underlay.plan.routers import router_text

TEXT = router_text(site(), site().router("tor-a"))
BIRD = router_text(site(), site().router("tor-b"))
PEER = "172.30.1.11"


def end(text: str) -> End:
    """Return cp-1's end at tor-a."""
    return frr_ends(text, str)[PEER]


def told(text: str) -> list[Difference]:
    """Return what differs at tor-a."""
    return differences(planned(site()), declared_ends(site(), {"tor-a": text}))


OTHERS = """\
ip prefix-list OPS seq 5 permit any
ip prefix-list OPS description permit what is ours
ip prefix-list ODD seq 5 permit 10.0.0.0/8 ge what
ip prefix-list ODD
route-map OPS
route-map OPS permit
route-map OPS permit 10
 description what is ours
 match community OPS
 on-match next
exit
!
router ospf
 ospf router-id 192.0.2.1
 neighbor 192.0.2.77
 neighbor 192.0.2.78 priority 3
exit
!
router bgp 64999 vrf BLUE
 neighbor 192.0.2.66 remote-as 64998
 neighbor 172.30.1.11 remote-as 64997
 neighbor 172.30.1.11 shutdown
 no neighbor
exit
!
"""
MORE = """\
 !
 address-family ipv6 unicast
  no neighbor UNDERLAY-NODES activate
  neighbor UNDERLAY-NODES route-map OPS in
  neighbor UNDERLAY-NODES maximum-prefix 3
 exit-address-family
 !
 address-family l2vpn evpn
  neighbor 172.30.255.1 route-map OPS out
 exit-address-family
exit
!
"""


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT}{OTHERS}",
        f"{OTHERS}{TEXT}",
        TEXT.replace(" exit-address-family\nexit\n!\n", f" exit-address-family\n{MORE}"),
        TEXT.replace(
            " neighbor UNDERLAY-NODES passive\n", " neighbor UNDERLAY-NODES passive\n neighbor\n no neighbor\n"
        ),
    ],
)
def test_what_else_a_router_does_is_no_difference(text: str) -> None:
    assert text != TEXT
    assert told(text) == []
    assert unread(planned(site()), declared_ends(site(), {"tor-a": text})) == []


@pytest.mark.parametrize(("told_as", "number"), [("1.10", 65546), ("0.65101", 65101), ("65101", 65101), ("1.x", None)])
def test_a_number_is_read_in_either_notation(told_as: str, number: int | None) -> None:
    text = TEXT.replace("router bgp 65101", f"router bgp {told_as} as-notation dot").replace("65010", told_as)
    assert (end(text).asn, end(text).peer_asn) == (number, number)


@pytest.mark.parametrize(
    ("entry", "takes"),
    [
        ("permit any", ("0.0.0.0/0{0,32}",)),
        ("deny any", ("!0.0.0.0/0{0,32}",)),
        ("permit 10.244.0.0/16 le 24", ("10.244.0.0/16{16,24}",)),
        ("permit 10.244.0.0/16 ge 24", ("10.244.0.0/16{24,32}",)),
        ("permit 10.244.0.0/99", None),
        ("permit 10.244.0.0", None),
        ("permit 10.244.0.0/16 ge 24 le 24 more", None),
        ("allow 10.244.0.0/16", None),
    ],
)
def test_an_entry_is_read_or_its_list_is_not_understood(entry: str, takes: tuple[str, ...] | None) -> None:
    text = TEXT.replace("permit 10.244.0.0/16 ge 24 le 24", entry)
    services = ("198.18.10.0/24{32,32}",)
    assert end(text).takes == (takes and tuple(sorted({*takes, *services})))
    assert end(text).limit == 512


@pytest.mark.parametrize("line", ["call OPS", "on-match next", "match ip address prefix-list", "continue 20"])
def test_a_line_of_a_map_that_is_not_ours_leaves_its_filter_unknown(line: str) -> None:
    first = " match ip address prefix-list UNDERLAY-PODS\n"
    text = TEXT.replace(first, f"{first} {line}\n", 1)
    assert text != TEXT
    assert end(text).takes is None


@pytest.mark.parametrize(
    ("old", "new", "aspect"),
    [
        ("timers 3 9", "timers 3", "hold"),
        ("timers 3 9", "timers a b", "keepalive"),
        ("maximum-prefix 512 restart 1", "maximum-prefix many", "limit"),
        ("UNDERLAY-NODES passive", "UNDERLAY-NODES ebgp-multihop far", "hops"),
        ("UNDERLAY-NODES remote-as 65010", "UNDERLAY-NODES remote-as auto", "peer_asn"),
        ("route-map UNDERLAY-NODES-IN in", "route-map UNDERLAY-NODES-IN", "asn"),
    ],
)
def test_a_word_out_of_place_leaves_one_value_unknown(old: str, new: str, aspect: str) -> None:
    assert old in TEXT
    found = end(TEXT.replace(old, new, 1))
    assert getattr(found, aspect) in ({65101} if aspect == "asn" else {None})


GROUP = " neighbor UNDERLAY-NODES passive\n"
MEMBER = f" neighbor {PEER} description cp-1\n"
LIMIT = "  neighbor UNDERLAY-NODES maximum-prefix 512 restart 1\n"
PLAIN = TEXT.replace(" neighbor UNDERLAY-NODES timers 3 9\n", "")


@pytest.mark.parametrize(
    ("text", "aspect", "found", "other"),
    [
        (TEXT.replace("512 restart 1", "512 warning-only"), "limit", 0, 0),
        (TEXT.replace("512 restart 1", "512 80 warning-only force"), "limit", 0, 0),
        (TEXT.replace(LIMIT, f"{LIMIT}  neighbor {PEER} maximum-prefix 9 warning-only\n"), "limit", 0, 512),
        (TEXT.replace("512 restart 1", "512 warning-only").replace(
            LIMIT.replace("512 restart 1", "512 warning-only"), f"  neighbor {PEER} maximum-prefix 9\n"),
         "limit", 9, 0),
        (PLAIN, "hold", 180, 180),
        (PLAIN.replace(GROUP, f" timers bgp 4 12\n{GROUP}"), "hold", 12, 12),
        (PLAIN.replace(GROUP, f" timers bgp 4 12\n{GROUP}"), "keepalive", 4, 4),
        (TEXT.replace(GROUP, f" timers bgp 4 12\n{GROUP}"), "hold", 9, 9),
        (PLAIN.replace(GROUP, f" timers bgp 4 x\n{GROUP}"), "hold", None, None),
        (TEXT.replace(MEMBER, f"{MEMBER} neighbor {PEER} timers 5 15\n"), "hold", 15, 9),
        (TEXT.replace(MEMBER, f"{MEMBER} neighbor {PEER} timers connect 7\n"), "hold", 9, 9),
        (TEXT.replace(GROUP, f"{GROUP} neighbor UNDERLAY-NODES shutdown message for now\n"), "shut", True, True),
        (TEXT.replace(MEMBER, f"{MEMBER} neighbor {PEER} shutdown message for now\n"), "shut", True, False),
        (TEXT.replace(GROUP, f"{GROUP} neighbor UNDERLAY-NODES shutdown rtt 50 count 3\n"), "shut", False, False),
        (TEXT.replace(GROUP, f" bgp shutdown\n{GROUP}"), "shut", True, True),
        (TEXT.replace(GROUP, f" bgp graceful-restart-disable\n{GROUP}"), "graceful", False, False),
        (TEXT.replace(GROUP, f" bgp graceful-restart restart-time 1\n{GROUP}"), "graceful", True, True),
        (TEXT.replace(GROUP, f" bgp graceful-restart-disable\n{GROUP}").replace(
            MEMBER, f"{MEMBER} neighbor {PEER} graceful-restart-helper\n"), "graceful", True, False),
    ],
)  # fmt: skip
def test_a_neighbour_s_own_word_stands_before_its_group_s_and_that_before_what_holds_for_all(
    text: str, aspect: str, found: object, other: object
) -> None:
    ends = frr_ends(text, str)
    assert (getattr(ends[PEER], aspect), getattr(ends["172.30.1.12"], aspect)) == (found, other)


def test_a_limit_that_only_warns_is_no_limit() -> None:
    told_of = [one.sentence for one in told(TEXT.replace("512 restart 1", "512 warning-only")) if one.aspect == "limit"]
    assert told_of[0] == "tor-a ends its session with cp-1 beyond no number of prefixes; planned 512"


def test_a_family_that_is_off_until_it_is_activated_carries_nothing() -> None:
    silent = TEXT.replace("  neighbor UNDERLAY-NODES activate\n", "").replace(
        " neighbor UNDERLAY-NODES passive\n", " neighbor UNDERLAY-NODES passive\n no bgp default ipv4-unicast\n"
    )
    assert end(silent).families == ()
    own = TEXT.replace(
        "  neighbor UNDERLAY-NODES activate\n", f"  no neighbor UNDERLAY-NODES activate\n  neighbor {PEER} activate\n"
    )
    assert end(own).families == ("ipv4",)


def test_a_range_of_another_kind_is_passed_over() -> None:
    lines = "".join(
        f" bgp listen range {network} peer-group UNDERLAY-NODES\n" for network in ("2001:db8::/64", "10.9.0.0/24")
    )
    text = TEXT.replace(
        " neighbor UNDERLAY-NODES passive\n", f"{lines} bgp listen range\n neighbor UNDERLAY-NODES passive\n"
    )
    assert [*frr_ranges(text, str)] == ["10.9.0.0/24"]


LINES = [*TEXT.splitlines(), *OTHERS.splitlines(), *MORE.splitlines()]
WORDS = sorted({word for line in LINES for word in line.split()})


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_text_of_frr_makes_the_reader_crash(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.sampled_from(LINES), max_size=30))
    broken = [
        f"{' ' if line.startswith(' ') else ''}{' '.join(line.split()[: data.draw(st.integers(0, 6))])}"
        for line in lines
    ]
    text = "\n".join(["router bgp 1", *broken, *lines])
    found = [*frr_ends(text, str).values(), *frr_ranges(text, str).values()]
    assert all(isinstance(end, End) for end in found)


@pytest.mark.parametrize("line", ["neighbor range;", "neighbor;", "neighbor as;", "neighbor range 2001:db8::/64 as 1;"])
def test_a_neighbour_of_bird_that_is_none_is_passed_over(line: str) -> None:
    text = f"{BIRD}\nprotocol bgp other {{ {line} }}\n"
    read = declared_ends(site(), {"tor-b": text})
    assert differences(planned(site()), read) == []
    assert unread(planned(site()), read) == []


@pytest.mark.parametrize("entry", ["OTHERS", "10.244.0.0/16-", "10.244.0.0/16{24}", "2001:db8::/32", "10.244.0.0/99"])
def test_an_entry_that_bird_alone_understands_leaves_the_filter_unknown(entry: str) -> None:
    text = BIRD.replace("define UNDERLAY_PODS = [ ", f"define UNDERLAY_PODS = [ {entry}, ")
    assert bird_ends(text, str)["172.30.2.11"].takes is None
    assert bird_ends(BIRD, str)["172.30.2.11"].takes is not None
