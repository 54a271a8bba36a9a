"""Prepared changes and a beginning: the page answers every question a reviewer asks, and shows no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.program import recorder
from tests.program.prepared_changes import (
    CHANGES,
    EVERY_AGENT,
    NO_CHANGE,
    add_worker,
    applied,
    case,
    new_mtu,
    other_pods,
    values,
)
from tests.program.preview_events import events
from tests.unit.plan_sites import Change, dev, put
from underlay.commands import review as command
from underlay.plan.checks.intrusion import BASE
from underlay.report.page_html import html
from underlay.report.page_markdown import markdown
from underlay.report.review.answers import CUT, Case, answers
from underlay.report.review.change import changes
from underlay.report.review.judged import judged
from underlay.report.review.page import review
from underlay.report.review.preview import read_preview

LOOSE = {"What would the engine do?"}
"""Answers that say how many resources there are."""


@pytest.mark.parametrize("name", CHANGES)
def test_every_question_is_answered(name: str) -> None:
    found = answers(CHANGES[name].case())
    wanted = {**NO_CHANGE, **CHANGES[name].answers}
    assert {key: text for key, text in found.items() if key not in LOOSE} == {
        key: text for key, text in wanted.items() if key not in LOOSE
    }
    assert len(found) >= 12
    assert found["What would the engine do?"] != NO_CHANGE["What would the engine do?"]


def test_nothing_changes() -> None:
    found = answers(case())
    assert {key: found[key] for key in NO_CHANGE} == NO_CHANGE


def test_a_beginning_is_told_from_a_change() -> None:
    preview = read_preview(events(None, recorder.run(dev())))
    found = answers(Case(changes(preview), judged(preview), None))
    assert found["Do agents restart?"] == "No: they start for the first time."
    assert found["What would the engine do?"].startswith("Everything is new: ")
    assert found["Which BGP sessions reset, come or go?"].startswith("4 new")


def test_what_is_refused_is_said_with_a_link() -> None:
    found = case(put("addresses.services", "10.244.0.0/20"))
    told = answers(found)
    assert told["Is it refused?"] == "Yes, by 2 findings; nothing would be applied."
    assert told["Which BGP sessions reset, come or go?"] == CUT
    text = markdown(review(found, "dev"))
    assert "](docs/findings.md#pod-pool-overlaps-service-range)" in text
    assert "Nothing to go back from: the update would stop before it touches anything." in text


@pytest.mark.parametrize(
    ("made", "rule", "text"),
    [
        (other_pods, "transition-pod-pools", "found 10.244.0.0/16 -&gt; 10.245.0.0/16"),
        (put("addresses.pods.mask", 25), "transition-pod-mask", "found 24 -&gt; 25"),
    ],
)
def test_what_a_running_cluster_cannot_follow_is_refused(made: Change, rule: str, text: str) -> None:
    found = case(made)
    assert answers(found)["Is it refused?"] == "Yes, by 1 finding; nothing would be applied."
    page = markdown(review(found, "dev"))
    assert f"](docs/findings.md#{rule})" in page
    assert text in page


def test_the_sessions_of_a_router_with_another_number_say_so() -> None:
    page = markdown(review(CHANGES["a router with another number"].case(), "dev"))
    assert r"| tor-a \(172.30.1.1, AS 65111\) | cp-1, worker-1 \(2\) | resets | AS of tor-a 65101 -&gt; 65111" in page
    assert "-router bgp 65101\n+router bgp 65111\n" in page


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


def test_sessions_that_reset_while_agents_restart_are_advised_against() -> None:
    together, alone = case(put("bgp.timers.hold", 30), put("cilium.mtu", 1400)), case(put("bgp.timers.hold", 30))
    assert "one after the other" in answers(together)["Which BGP sessions reset, come or go?"]
    assert "one after the other" not in answers(alone)["Which BGP sessions reset, come or go?"]


LIMIT = values(resources={"limits": {"memory": "2Gi"}})


def test_a_part_of_a_workload_that_changes_is_named() -> None:
    page = markdown(review(case(LIMIT), "dev"))
    named = "| DaemonSet cilium, cilium-agent, resources | - | "
    assert named in page
    assert "restarts all agents |" in page.partition(named)[2].partition("\n")[0]


@pytest.mark.parametrize(
    ("made", "agents", "cilium"),
    [
        ([], "No.", "Nothing."),
        ([LIMIT], EVERY_AGENT, "Values only; nothing of the agents or the operator."),
        (
            [put("cilium.mtu", 1400)],
            EVERY_AGENT,
            "1 change: reaches pods only when they start anew, restarts all agents.",
        ),
    ],
)
def test_the_state_of_a_program_that_kept_no_workloads_shows_none_as_new(
    made: list[Change], agents: str, cilium: str
) -> None:
    before = applied()
    older = [
        replace(one, inputs={key: value for key, value in one.inputs.items() if key != "workloads"})
        for one in before.resources
    ]
    preview = read_preview(events(recorder.Run(older), recorder.run(dev(*made))))
    found = answers(Case(changes(preview), judged(preview), None))
    assert (found["Do agents restart?"], found["What changes of Cilium?"]) == (agents, cilium)


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
