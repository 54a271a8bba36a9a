"""Five prepared changes and a beginning: the page answers every question a reviewer asks, and shows no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.program import recorder
from tests.program.preview_events import events
from tests.unit.plan_sites import Change, Data, dev, put
from underlay.commands import review as command
from underlay.model import load_site
from underlay.plan.checks.intrusion import BASE
from underlay.report.page_html import html
from underlay.report.page_markdown import markdown
from underlay.report.review.answers import CUT, Case, answers
from underlay.report.review.change import changes
from underlay.report.review.judged import judged
from underlay.report.review.page import review
from underlay.report.review.preview import read_preview
from underlay.report.review.ways import moved

WORKER = {
    "name": "worker-4",
    "role": "worker",
    "rack": "rack-b",
    "address": "172.30.2.13",
    "management": {"address": "192.168.250.15", "user": "root"},
    "uplinks": [{"name": "eth0", "mtu": 1500, "source_destination_check": "disabled"}],
}


def add_worker(data: Data) -> None:
    data["nodes"].append(WORKER)
    data["security_groups"][0]["nodes"].append("worker-4")


def lose_worker(data: Data) -> None:
    data["nodes"] = [node for node in data["nodes"] if node["name"] != "worker-3"]
    data["security_groups"][0]["nodes"].remove("worker-3")


def new_mtu(data: Data) -> None:
    for node in data["nodes"]:
        node["uplinks"][0]["mtu"] = 9000


@cache
def applied() -> recorder.Run:
    return recorder.run(dev())


def case(*made: Change, before: recorder.Run | None = None, **other: Any) -> Case:
    """Return the review of the dev site with some changes, on top of the dev site."""
    after = recorder.run(dev(*made), **other)
    preview = read_preview(events(before or applied(), after))
    return Case(changes(preview), judged(preview), moved(load_site(dev()), load_site(dev(*made))))


NOTHING = {
    "Is it refused?": "No.",
    "What would the engine do?": "No resource changes.",
    "Does any pod lose its address?": "No.",
    "Do agents restart?": "No.",
    "Which BGP sessions reset, come or go?": "None resets, comes or goes.",
    "Do pods take other ways?": "No.",
    "What must the routers get before we merge?": "Nothing.",
    "Which routers does the update configure?": "None.",
    "Which nodes does it work on?": "None.",
    "Which nodes join or leave?": "None.",
    "Does another program run as root?": "No: those that run are the ones of the last update.",
    "Do address ranges change?": "No.",
    "What changes of Cilium?": "Nothing.",
    "Is anything deleted or made anew?": "Nothing.",
    "What does the policy pack say?": "It was not asked.",
}
"""What a preview without any change answers; a change's row holds only what differs."""

CHANGES: dict[str, tuple[Change, dict[str, str]]] = {
    "another worker": (
        add_worker,
        {
            "Which nodes join or leave?": "joining: worker-4.",
            "Which nodes does it work on?": "1 node: worker-4.",
            "Which BGP sessions reset, come or go?": "1 new; 4 were there before.",
            "Which routers does the update configure?": "1 router: tor-b.",
            "Do agents restart?": "No. Those of worker-4 start for the first time.",
        },
    ),
    "a worker less": (
        lose_worker,
        {
            "Which nodes join or leave?": "leaving: worker-3.",
            "Does any pod lose its address?": "Yes: pods of worker-3 start elsewhere.",
            "Which BGP sessions reset, come or go?": "1 gone; 4 were there before.",
            "Is anything deleted or made anew?": "prepare-worker-3.",
            "Which routers does the update configure?": "1 router: tor-b.",
        },
    ),
    "other timers": (
        put("bgp.timers.hold", 30),
        {
            "Which BGP sessions reset, come or go?": "4 reset (hold time 9 -> 30 s); 4 were there before.",
            "Which routers does the update configure?": "2 routers: tor-a, tor-b.",
        },
    ),
    "another way to forward": (
        put("cilium.host_routing", "bpf"),
        {
            "Do agents restart?": "Yes, on all 4 nodes, node after node; routers keep each node's routes for 120 s.",
            "Which nodes does it work on?": "4 nodes: cp-1, worker-1 to worker-3.",
        },
    ),
    "a router that is not ours any more": (
        put("routers.1.managed", False),
        {
            "Is anything deleted or made anew?": "configure-tor-b.",
            "What must the routers get before we merge?": "The new text of tor-b, below, before the update.",
            "Which routers does the update configure?": "1 router: tor-b.",
        },
    ),
    "larger packets": (
        new_mtu,
        {"Which nodes does it work on?": "4 nodes: cp-1, worker-1 to worker-3."},
    ),
}
LOOSE = {"What would the engine do?", "What changes of Cilium?", "Which exceptions are in force?"}
"""Answers that are not compared with those of no change."""


@pytest.mark.parametrize("name", CHANGES)
def test_every_question_is_answered(name: str) -> None:
    made, expected = CHANGES[name]
    found = answers(case(made))
    wanted = NOTHING | expected
    assert {key: text for key, text in found.items() if key not in LOOSE} == {
        key: text for key, text in wanted.items() if key not in LOOSE
    }
    assert len(found) >= 12
    assert found["What would the engine do?"] != NOTHING["What would the engine do?"]


def test_nothing_changes() -> None:
    found = answers(case())
    assert {key: found[key] for key in NOTHING} == NOTHING


def test_a_beginning_is_told_from_a_change() -> None:
    preview = read_preview(events(None, recorder.run(dev())))
    found = answers(Case(changes(preview), judged(preview), None))
    assert found["Do agents restart?"] == "No: they start for the first time."
    assert found["What would the engine do?"].startswith("Everything is new: ")
    assert found["Which BGP sessions reset, come or go?"].startswith("4 new")


def test_what_is_refused_is_said_with_a_link() -> None:
    found = case(put("addresses.services", "10.244.0.0/20"))
    told = answers(found)
    assert told["Is it refused?"] == "Yes, by 1 finding; nothing would be applied."
    assert told["Which BGP sessions reset, come or go?"] == CUT
    text = markdown(review(found, "dev"))
    assert "](docs/findings.md#pod-pool-overlaps-service-range)" in text
    assert "Nothing to go back from: the update would stop before it touches anything." in text


def test_a_router_s_text_is_compared_and_holds_no_password() -> None:
    page = review(case(put("bgp.timers.hold", 30)), "dev")
    text = markdown(page)
    assert "- neighbor UNDERLAY-NODES timers 3 9\n+ neighbor UNDERLAY-NODES timers 3 30\n" in text
    for secret in (recorder.PASSWORD, recorder.SSH_KEY, recorder.TOKEN):
        assert secret not in text + html(page)


def test_another_password_resets_every_session_and_is_not_shown() -> None:
    after = recorder.run(dev())
    [secret] = [one for one in after.resources if one.name == "underlay-bgp"]
    changed = replace(secret, inputs={**secret.inputs, "stringData": {"password": "canary-9"}})
    other = recorder.Run([changed if one is secret else one for one in after.resources], after.messages, after.code)
    preview = read_preview(events(applied(), other))
    found = Case(changes(preview), judged(preview), None)
    assert answers(found)["Which BGP sessions reset, come or go?"].startswith("4 reset (another password)")
    assert "canary-9" not in markdown(review(found, "dev")) + html(review(found, "dev"))


def test_a_canary_in_every_secret_is_in_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-5eaf00d"
    made = recorder.run(dev(add_worker), sshKey=canary, bgpPassword=canary)
    file = tmp_path / "events"
    file.write_text(events(applied(), made), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert command.main(["--stack", "dev", "--events", str(file), "--report", str(tmp_path / "out")]) == 0
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()]
    assert len(pages) == 3
    assert not any(canary in page for page in pages)


def test_the_command_ends_with_one_where_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "events"
    file.write_text(events(applied(), recorder.run(dev(put("addresses.services", "10.244.0.0/20")))), encoding="utf-8")
    assert command.main(["--events", str(file), "--report", str(tmp_path / "out"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["Is it refused?"].startswith("Yes")


def test_what_intrusion_detection_cannot_see_is_on_the_page() -> None:
    shown = markdown(review(case(put("intrusion_detection", BASE)), "dev"))
    assert "## Intrusion detection" in shown
    assert "| cannot see | - | packets between pods of one node" in shown
    assert "Intrusion detection" not in markdown(review(case(new_mtu), "dev"))
