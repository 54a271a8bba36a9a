"""Pages: short names, and declared texts that cannot do anything in Markdown or HTML; the preview's reader."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from underlay import remote
from underlay.report.page import Diff, Items, Page, Section, Table, Words, anchor, rule_link, together
from underlay.report.page_html import html
from underlay.report.page_markdown import LONGEST, markdown
from underlay.report.review.change import changes
from underlay.report.review.judged import judged
from underlay.report.review.preview import SECRET, SIGNATURE, Unreadable, read_preview

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</pre></details><b>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "@everyone see #1",
    "a | b\n# heading",
    "```\n\n# out of the fence",
    "\x1b[31mred\x1b[0m\u202egnp.exe",
    '"><svg onload=alert(1)>',
    "https://evil.example www.evil.example",
)


def page(text: str) -> Page:
    table, diff = Table(("a", "b"), [(text, rule_link("pod-mask"))]), Diff(text, [f"+{text}", f"-{text}"])
    return Page(text, text, [Section(text, [Words(text), Items([text]), table, diff])])


class Tags(HTMLParser):
    """Collects what a browser would take for markup."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {key for key, _ in attrs}
        self.targets += [value or "" for key, value in attrs if key in {"href", "src"}]


def tags(text: str) -> Tags:
    found = Tags()
    found.feed(text)
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_no_declared_text_becomes_markup_in_html(text: str) -> None:
    plain, made = tags(html(page("plain"))), tags(html(page(text)))
    assert made.tags == plain.tags
    assert not {name for name in made.attributes if name.startswith("on")}
    assert made.targets == plain.targets


@pytest.mark.parametrize("text", HOSTILE)
def test_no_declared_text_becomes_markup_in_markdown(text: str) -> None:
    made = markdown(page(text))
    assert sorted(set(tags(outside_fences(made)).tags)) == ["details", "summary"]
    assert made.count("\n## ") == 1
    for sign in ("](https", "@everyone", "://evil", "www.evil", "\x1b", "\u202e"):
        assert sign not in outside_fences(made)
    assert made.count("\n````diff" if "```" in text else "\n```diff") == 1


def outside_fences(text: str) -> str:
    kept, fence = [], ""
    for line in text.splitlines():
        if not fence and line.startswith("```"):
            fence = line.removesuffix("diff")
        elif fence and line == fence:
            fence = ""
        elif not fence:
            kept.append(line)
    assert not fence
    return "\n".join(kept)


def test_the_html_page_needs_nothing_else() -> None:
    text = html(page("plain"))
    assert "default-src 'none'" in text
    assert not [target for target in tags(text).targets if "://" in target]


def test_a_comment_is_never_too_long() -> None:
    many = [Section(f"part {number}", [Table(("a",), [("x" * 900,)] * 500)]) for number in range(40)]
    text = markdown(Page("big", "", many))
    assert len(text) < LONGEST + 5000
    assert "470 more. The rest stands in the HTML page." in text
    assert "## part 39" in text


def test_names_are_told_in_few_words() -> None:
    assert together(f"worker-{number}" for number in range(1, 301)) == "worker-1 to worker-300"
    assert together(["agents", "sessions", "verdict"]) == "agents, sessions, verdict"
    assert together(["b-1", "b-2", "a"]) == "a, b-1, b-2"
    assert together(["a", "b", "c", "d", "e"]) == "a, b, c and others, 5 in all"
    assert together([]) == ""
    assert anchor("How to go back") == "how-to-go-back"


def event(**more: Any) -> str:
    urn = "urn:pulumi:dev::p::kubernetes:core/v1:Secret::underlay-bgp"
    return json.dumps({"resourcePreEvent": {"metadata": {"op": "update", "urn": urn, "type": "t", **more}}})


def test_secrets_are_left_out_when_they_are_read() -> None:
    inputs = {"a": [{SIGNATURE: "1b4", "plaintext": '"canary"'}], "b": {SIGNATURE: "1b4", "ciphertext": "canary"}}
    [step] = read_preview(event(old={"inputs": inputs}, new=None)).steps
    assert step.old == {"a": [SECRET], "b": SECRET}
    assert step.new is None


def test_the_digest_of_an_older_engine_is_read_too() -> None:
    step = {"op": "create", "urn": "urn::p::t::x", "newState": {"type": "t", "inputs": {"a": 1}}}
    found = read_preview(
        json.dumps({"steps": [step], "diagnostics": [{"severity": "error", "message": "m"}]}, indent=1)
    )
    assert [(one.op, one.kind, one.old, one.new) for one in found.steps] == [("create", "t", None, {"a": 1})]
    assert found.complete


@pytest.mark.parametrize("text", ["", "nothing", "{", "[]", '{"a": 1}', "{" * 10_000])
def test_what_is_no_preview_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="pulumi preview --json"):
        read_preview(text)


def test_policies_come_from_events_and_from_the_check() -> None:
    told = {"policyEvent": {"policyName": "p", "enforcementLevel": "mandatory", "resourceUrn": "u::n", "message": "m"}}
    finding = {"rule": "q", "answer": "violation", "level": "advisory", "resource": "u::o", "message": "w"}
    found = judged(read_preview(event() + "\n" + json.dumps(told)), json.dumps({"subjects": [{"findings": [finding]}]}))
    assert [(one.name, one.resource) for one in found.policies] == [("p", "n"), ("q", "o")]
    assert [one.name for one in found.stops] == ["p"]


def test_a_waived_finding_is_no_plain_warning() -> None:
    text = "waived until 2999-12-31 by net (old): [transition-pod-mask] site: found 24 -> 25; expected 24."
    told = {"diagnosticEvent": {"severity": "warning", "message": text}}
    [one] = judged(read_preview(json.dumps(told))).warnings
    assert (one.rule, one.waived) == ("transition-pod-mask", "waived until 2999-12-31 by net (old)")


def test_state_that_is_no_json_changes_nothing() -> None:
    inputs = {"stdin": "no JSON"}
    line = event(old={"inputs": inputs}, new={"inputs": inputs}).replace('"t"', '"command:remote:Command"')
    assert changes(read_preview(line.replace("underlay-bgp", "prepare-x"))).nodes == []


def prepared(program: str) -> dict[str, str]:
    """Return what a node is sent, with a program in place of the real one."""
    request = json.loads(remote.request("prepare_node", {"node": "x"}))
    return {"stdin": json.dumps(request | {"program": program} if program else request)}


@pytest.mark.parametrize(
    ("former", "told"), [("another", [("the program that prepares it is another one",)]), ("", [])]
)
def test_another_program_for_a_node_is_told(former: str, told: list[tuple[str]]) -> None:
    """The engine runs it again, and whoever reviews has to know why."""
    line = event(old={"inputs": prepared(former)}, new={"inputs": prepared("")})
    found = changes(read_preview(line.replace('"t"', '"command:remote:Command"').replace("underlay-bgp", "prepare-x")))
    assert [node.what for node in found.nodes] == told
