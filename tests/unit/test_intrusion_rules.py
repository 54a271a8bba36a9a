"""The grammar of rules: what is right passes, each kind of mistake is told once, with its place."""

from __future__ import annotations

import pytest

from underlay.model import Engine
from underlay.plan.intrusion.rules import BLOCKS, MALFORMED, SID, VARIABLE, complaints

OPTIONS = '(msg:"a"; content:"x"; sid:1; rev:1;)'
GOOD = (
    f"alert tcp any any -> $HOME_NET 80 {OPTIONS}",
    f"alert udp [10.0.0.0/8, !10.1.0.0/16] any <> any [53,5353,1024:] {OPTIONS}",
    f"alert ip !$HOME_NET any -> 10.0.0.1 !$HTTP_PORTS {OPTIONS}",
    'alert http any any -> any any (msg:"with \\; and \\" in it"; content:"|0d 0a|GET|20|"; pcre:"/a\\;b/i"; sid:7;)',
    'alert tcp any any -> any any (msg:"not"; content:!"x"; depth:4; sid:8; )',
    f"alert modbus any any -> any any {OPTIONS}",
    "# alert, said a comment",
    "",
)
BAD = {
    f"allert tcp any any -> any any {OPTIONS}": MALFORMED,
    f"alert tpc any any -> any any {OPTIONS}": MALFORMED,
    f"alert any any any -> any any {OPTIONS}": MALFORMED,
    f"alert ssl any any -> any any {OPTIONS}": MALFORMED,
    f"alert tcp any any any any {OPTIONS}": MALFORMED,
    f"alert tcp any any => any any {OPTIONS}": MALFORMED,
    f"alert tcp 10.0.0.256 any -> any any {OPTIONS}": MALFORMED,
    f"alert tcp [10.0.0.1 any -> any any {OPTIONS}": MALFORMED,
    f"alert tcp any 70000 -> any any {OPTIONS}": MALFORMED,
    f"alert tcp any 20:10 -> any any {OPTIONS}": MALFORMED,
    "alert tcp any any -> any any": MALFORMED,
    'alert tcp any any -> any any (msg:"a"; sid:1;': MALFORMED,
    'alert tcp any any -> any any (msg:"a; sid:1;)': MALFORMED,
    'alert tcp any any -> any any (msg:"a"; sid:1)': MALFORMED,
    'alert tcp any any -> any any (msg:"a;b"; sid:1;)': MALFORMED,
    'alert tcp any any -> any any (msg:"a"; sid:one;)': MALFORMED,
    "alert tcp any any -> any any (msg:a; sid:1;)": MALFORMED,
    'alert tcp any any -> any any (msg:"a"; content:"|0d 0|"; sid:1;)': MALFORMED,
    'alert tcp any any -> any any (msg:"a"; content:"|0d"; sid:1;)': MALFORMED,
    'alert tcp any any -> any any (content:"x"; sid:1;)': SID,
    'alert tcp any any -> any any (msg:"a";)': SID,
    f"alert tcp $NOBODY any -> any any {OPTIONS}": VARIABLE,
    f"alert tcp any $NO_PORTS -> any any {OPTIONS}": VARIABLE,
    f"drop tcp any any -> any any {OPTIONS}": BLOCKS,
}
"""Rule → the kind of complaint."""


@pytest.mark.parametrize("text", GOOD)
def test_a_right_rule_passes(text: str) -> None:
    assert list(complaints([text], Engine.SURICATA)) == []


@pytest.mark.parametrize("text", BAD)
def test_a_wrong_rule_is_told_with_its_kind(text: str) -> None:
    found = list(complaints(["# first", text], Engine.SURICATA))
    assert {one.kind for one in found} == {BAD[text]}
    assert {one.index for one in found} == {1}
    assert all(one.found and one.expected for one in found)


def test_a_number_may_stand_once_only() -> None:
    found = list(complaints([GOOD[0], GOOD[4], GOOD[2]], Engine.SURICATA))
    assert [(one.kind, one.index) for one in found] == [(SID, 2)]


def test_snort_takes_a_semicolon_in_a_text() -> None:
    assert list(complaints(['alert tcp any any -> any any (msg:"a;b"; sid:1;)'], Engine.SNORT3)) == []


def test_snort_has_headers_without_ends() -> None:
    assert list(complaints([f"alert http {OPTIONS}"], Engine.SNORT3)) == []
    assert [one.kind for one in complaints([f"alert http {OPTIONS}"], Engine.SURICATA)] == [MALFORMED]


@pytest.mark.parametrize("text", ["(", ")", "(;)", "alert (((", '"' * 300, "[" * 2000 + "(;)", "\\", "alert \\ (\\;)"])
def test_nonsense_is_a_complaint_and_no_crash(text: str) -> None:
    assert list(complaints([text], Engine.SURICATA))
