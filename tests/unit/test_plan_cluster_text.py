"""A cluster file is changed in its values and nowhere else, whatever it looks like; else it is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.unit.plan_sites import put, site
from underlay.plan.cluster_file import empty_keys, file_keys
from underlay.plan.cluster_scalars import Scalar, is_plain, written
from underlay.plan.cluster_text import NotMerged, merged

KEYS: dict[str, Scalar] = {
    "USERNAME": "root",
    "MASTER-1": "10.0.0.1",
    "CILIUM_BGP_ENABLE": False,
    "PASSWORD": "a: b #c",
}


def test_a_new_file_holds_the_keys_in_the_vendor_s_order() -> None:
    balanced = site(put("addresses.load_balancers", ["198.51.100.0/24"]))
    assert merged("", file_keys(balanced)).splitlines()[1:] == [
        "USERNAME: root",
        "MASTER-1: 172.30.1.11",
        "ACCESS_EXTERNAL_LOAD_BALANCE: false",
        "VIRTUAL_IP: 172.30.1.11",
        "NETWORK_PROVIDER: cilium",
        "CILIUM_IPV4POOL_CIDR: 10.244.0.0/16",
        "CILIUM_BGP_ENABLE: false",
        "LOAD_BALANCER_CIDR: 198.51.100.0/24",
        "CILIUM_NETWORK_MODE: underlay",
        "PROXY_MODE: ebpf",
    ]


def test_the_installer_s_own_bgp_is_written_where_it_is_declared() -> None:
    keys = file_keys(site(put("cluster.file_bgp", {"peer": "172.30.1.1", "asn": 65101})))
    lines = merged("", keys).splitlines()
    assert lines[7:10] == [
        "CILIUM_BGP_ENABLE: true",
        "CILIUM_BGP_PEER_ADDRESS: 172.30.1.1",
        "CILIUM_BGP_PEER_ASN: 65101",
    ]


TEMPLATE = """\
USERNAME: root
PASSWORD:
MASTER-1:
MASTER-2: 10.0.0.9   # the second
MASTER-3:
VIRTUAL_IP:
TAINT_MANAGE: yes   # as printed

NTP_SERVER_IP: 'null'
CILIUM_NETWORK_MODE: overlay
"""


def test_the_vendor_s_template_is_filled_in_place() -> None:
    text = merged(TEMPLATE, {"MASTER-1": "10.0.0.1", "CILIUM_NETWORK_MODE": "underlay"}, empty_keys(site()))
    assert text == TEMPLATE.replace("MASTER-1:", "MASTER-1: 10.0.0.1").replace("overlay", "underlay").replace(
        "10.0.0.9   #", "   #"
    )


SAME: dict[str, tuple[str, dict[str, Any]]] = {
    "a YAML 1.1 truth": ("A: yes\n", {"A": True}),
    "another": ("A: Off\n", {"A": False}),
    "quotes": ("A: 'root'\n", {"A": "root"}),
    "a number in quotes": ('A: "065"\n', {"A": "065"}),
    "a number": ("A: 65010\n", {"A": 65010}),
    "an empty text for nothing": ('A: ""\n', {}),
}


@pytest.mark.parametrize("name", SAME)
def test_a_value_that_says_the_same_stays_as_it_is_written(name: str) -> None:
    text, keys = SAME[name]
    assert merged(text, keys, [] if keys else ["A"]) == text


CHANGED: dict[str, tuple[str, str]] = {
    "line ends of Windows": ("A: 1\r\nMASTER-1: x\r\n", "A: 1\r\nMASTER-1: 10.0.0.1\r\n"),
    "no end of the last line": ("MASTER-1: x", "MASTER-1: 10.0.0.1"),
    "a comment in its place": ("MASTER-1:   x  # c\n", "MASTER-1:   10.0.0.1  # c\n"),
    "single quotes": ("MASTER-1: 'x'\n", "MASTER-1: '10.0.0.1'\n"),
    "double quotes": ('"MASTER-1": "x"\n', '"MASTER-1": "10.0.0.1"\n'),
    "a byte order mark": ("\ufeffMASTER-1: x\n", "\ufeffMASTER-1: 10.0.0.1\n"),
    "an indentation": ("  A: 1\n  MASTER-1: x\n", "  A: 1\n  MASTER-1: 10.0.0.1\n"),
    "a text of several lines": ("MASTER-1: |\n  x\n  y\n\n# c\nA: 1\n", "MASTER-1: 10.0.0.1\n\n# c\nA: 1\n"),
    "marks of a document": ("---\nMASTER-1: x\n...\n", "---\nMASTER-1: 10.0.0.1\n...\n"),
    "a number for a text": ("MASTER-1: 10\n", "MASTER-1: 10.0.0.1\n"),
    "an alias": ("A: &a x\nMASTER-1: *a\n", "A: &a x\nMASTER-1: 10.0.0.1\n"),
    "an anchor that nobody needs": ("MASTER-1: &a x\n", "MASTER-1: 10.0.0.1\n"),
    "a truth in quotes": ("MASTER-1: 10.0.0.1\nA: 'no'\n", "MASTER-1: 10.0.0.1\nA: 'no'\n"),
    "lists and mappings of others": (
        "A:\n- x # c\nB: {y: [1]}\nMASTER-1: x",
        "A:\n- x # c\nB: {y: [1]}\nMASTER-1: 10.0.0.1",
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_everything_but_the_value_stays(name: str) -> None:
    before, after = CHANGED[name]
    assert merged(before, {"MASTER-1": "10.0.0.1"}) == after


APPENDED = {
    "# c\n": "# c\nA: false\n",
    "B: 1\n\n# c\n": "B: 1\nA: false\n\n# c\n",
    "  B: 1\n": "  B: 1\n  A: false\n",
    "B: |+\n  x\n\n": "B: |+\n  x\n\nA: false\n",
    "B: 1\n...\n": "B: 1\nA: false\n...\n",
    "B: 1": "B: 1\nA: false",
    "B: 1\r\n": "B: 1\r\nA: false\r\n",
    "\ufeff": "\ufeffA: false\n",
}


@pytest.mark.parametrize("text", APPENDED)
def test_a_further_key_goes_behind_the_last(text: str) -> None:
    assert merged(text, {"A": False}) == APPENDED[text]


REFUSED = {
    "a key twice": ("A: 1\nMASTER-1: x\nMASTER-1: y\n", "MASTER-1 stands in lines 2 and 3"),
    "somebody's key twice": ("A: 1\nB: 2\nA: 3\n", "A stands in lines 1 and 3"),
    "two documents": ("A: 1\n---\nB: 1\n", "it holds 2 documents"),
    "a list": ("- A\n", "it holds no lines of KEY: value at line 1"),
    "braces": ("{A: 1}\n", "it holds no lines of KEY: value at line 1"),
    "a tab for an indentation": ("A: 1\n\tMASTER-1: x\n", "it is not YAML"),
    "a tab behind a value": ("MASTER-1: 'x'\t# c\n", "it is not YAML"),
    "a list for a value": ("MASTER-1:\n- x\n", "MASTER-1 holds a list or a mapping"),
    "an anchor that others need": ("MASTER-1: &a x\nA: *a\n", "line 1: other keys point to MASTER-1"),
    "an anchor that is not there": ("A: *a\n", "points to `a`, which is not there"),
    "an anchor twice": ("A: &a x\nB: &a y\n", "gives the name `a` a second time"),
    "merged keys": ("A: &a {B: 1}\n<<: *a\n", "merges keys of elsewhere"),
    "a key that is a list": ("? [A]\n: 1\n", "a key that is no plain word"),
    "an end of line that only some know": ("A: 1 # c\x85MASTER-1: x\n", "U+0085"),
    "a control character": ("A: \x00\n", "it is not YAML"),
    "endless nesting": ("A: " + "[" * 20_000, "line 1 is nested deeper than 20 levels"),
    "a text without an end at the end": ("A: |\n  x", "A could not be changed without changing more"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_changed_safely_is_refused_by_name(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(NotMerged) as caught:
        merged(text, {"MASTER-1": "10.0.0.1"})
    assert message in str(caught.value)


def test_anchors_that_multiply_cost_nothing() -> None:
    bomb = "L0: &l0 [x, x]\n" + "".join(f"L{i}: &l{i} [*l{i - 1}, *l{i - 1}]\n" for i in range(1, 60))
    assert merged(bomb, {"MASTER-1": "10.0.0.1"}) == f"{bomb}MASTER-1: 10.0.0.1\n"


def test_no_message_shows_a_value() -> None:
    for text in ("PASSWORD: 'sesame\n", "PASSWORD: &p sesame\nA: *p\n", "PASSWORD: sesame\nPASSWORD: sesame\n"):
        with pytest.raises(NotMerged) as caught:
            merged(text, {"PASSWORD": "open"})
        assert "sesame" not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=30), style=st.sampled_from([None, "'", '"']))
def test_readers_of_both_versions_read_what_is_written(text: str, style: str | None) -> None:
    if any("\ud800" <= one <= "\udfff" for one in text):
        return
    line = f"A: {written(text, style)}\n"
    assert yaml.safe_load(line) == {"A": text}
    assert YAML(typ="safe", pure=True).load(line) == {"A": text}


@pytest.mark.parametrize(
    "text",
    ["yes", "No", "y", "on", "null", "~", "0o17", "017", "1e3", "1_000", "1:20", "2026-01-01", "0x1f", "", "-a", ".5"],
)
def test_a_word_that_readers_differ_about_is_quoted(text: str) -> None:
    assert not is_plain(text)


NAMES = [*KEYS, "MASTER-2", "TIMEZONE", "IAM_ENDPOINT"]
VALUES = [
    "",
    " x",
    " yes",
    " 'x y'",
    ' "a\\tb"',
    " |\n  x\n\n  y",
    " >-\n  x",
    " [1, {a: b}]",
    " {}",
    "\n  - x",
    " &a x",
    " *a",
]
VALUES += [" 10.0.0.1", " x\n  y", " !!str 1", " ~", " 2026-01-01", "\n# c\n  x", " 'it''s'", "  #c"]
ENDS = ["", "  # c", "\t# c", "   "]
BETWEEN = ["", "# c\n", "\n", "  # c\n", "   \n"]
Part = tuple[str, str, str, str]
"""A key, its value, the rest of its line, and what stands below it."""
LEAST = 30
"""Files that have to be accepted; the others are refused, and prove nothing of what is changed."""
FILES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES), st.sampled_from(ENDS), st.sampled_from(BETWEEN)),
    unique_by=lambda part: part[0],  # a key twice is refused, and would hide all else
    max_size=6,
)


def assemble(parts: list[Part], mark: str, head: str, *, closed: bool) -> str:
    text = head + "".join(f"{key}:{value}{end}\n{between}" for key, value, end, between in parts)
    return (text if closed else text.rstrip("\n")).replace("\n", mark)


def test_any_file_is_refused_or_changed_in_its_values_only() -> None:
    outcomes: list[bool] = []

    @settings(max_examples=150, deadline=None)
    @given(
        parts=FILES,
        mark=st.sampled_from(["\n", "\r\n"]),
        head=st.sampled_from(["", "\ufeff", "---\n", "# c\n"]),
        closed=st.booleans(),
    )
    def each(parts: list[Part], mark: str, head: str, closed: bool) -> None:
        before = assemble(parts, mark, head, closed=closed)
        try:
            after = merged(before, KEYS, ["MASTER-2"])
        except NotMerged:
            outcomes.append(False)
            return
        outcomes.append(True)
        changed_in_values_only(parts, mark, before, after)

    each()
    assert sum(outcomes) >= LEAST, f"{sum(outcomes)} of {len(outcomes)} files were accepted; the others prove nothing"


def changed_in_values_only(parts: list[Part], mark: str, before: str, after: str) -> None:
    """Expect our keys' values, everything else as it was, and a second run that changes nothing."""
    content = yaml.safe_load(after)
    assert {key: content[key] for key in KEYS} == KEYS
    assert not content.get("MASTER-2")
    assert merged(after, KEYS, ["MASTER-2"]) == after
    was = yaml.safe_load(before) or {}
    assert {key: one for key, one in content.items() if key not in KEYS} == {
        key: one if key != "MASTER-2" else content[key] for key, one in was.items() if key not in KEYS
    }
    lines = set(before.lstrip("\ufeff").replace(mark, "\n").split("\n"))
    assert not lines - set(after.lstrip("\ufeff").replace(mark, "\n").split("\n")) - owned(parts)
    if "\n" in before:
        assert after.count("\r") == (after.count("\n") if mark == "\r\n" else 0)


def owned(parts: list[Part]) -> set[str]:
    """Return the lines that belong to values of ours; an indented comment below a text of lines is text."""
    ours = [(f"{key}:{value}{end}", value) for key, value, end, _ in parts if key in (*KEYS, "MASTER-2")]
    below = {"  # c", "   ", ""} if any(value[1:2] in ("|", ">") for _, value in ours) else set()
    return {line for text, _ in ours for line in (*text.split("\n"), *text.rstrip().split("\n"))} | below
