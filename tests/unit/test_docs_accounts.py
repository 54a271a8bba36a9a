"""Every command that README and docs/*.md show is run by a test or a recorded campaign; a new one is red until then."""

from __future__ import annotations

import re
import subprocess
from functools import cache

import pytest

from lab.paths import repo
from tests.docs.accounts import CAMPAIGNS, Step, accounts, stands_for
from tests.docs.newcomer import HEAD, NAME, PAGE
from tests.docs.runs import recorded
from tests.docs.shown import block_of, shown, whole

LINES = {NAME: block_of(PAGE, HEAD)} | {
    name: [step.line for step in walk if step.line]
    for place in CAMPAIGNS
    for name, walk in accounts().walks[place].items()
}
"""What each walk that is a campaign has to have run."""
STEPS = [
    (f"{place} {name}: {step.shown}", step)
    for place, walks in accounts().walks.items()
    for name, walk in walks.items()
    for step in walk
    if step.shown
]
OTHERS = accounts().others
RESULTS = repo() / "docs/results/README.md"
COMMIT = re.compile(r"\b[0-9a-f]{7,}, 20\d\d-\d\d-\d\d")
ELSEWHERE = 7
"""Commands that cannot be run here, at most."""


def begins(longer: str, shorter: str) -> bool:
    """Return whether a command begins with the words of another one."""
    return f"{longer} ".startswith(f"{shorter} ")


def test_every_shown_command_is_run_somewhere() -> None:
    known = [whole(one) for one in (*accounts().commands(), *LINES[NAME])]
    unknown = [
        f"{page}: {command}"
        for page, command, block in sorted(set(shown()))
        if command not in known and (block or not any(begins(one, command) for one in known))
    ]
    assert unknown == [], "tests/docs/accounts.yaml has to say who runs these"


def test_every_account_is_of_a_shown_command() -> None:
    commands = {one.command for one in shown()}
    assert [one for one in map(whole, accounts().commands()) if not any(begins(one, text) for text in commands)] == []


@pytest.mark.parametrize("step", [step for _, step in STEPS], ids=[name for name, _ in STEPS])
def test_a_step_runs_what_is_shown(step: Step) -> None:
    assert stands_for(step.shown, step.line)


@pytest.mark.parametrize(
    ("shown_", "line"), [("pulumi up -s mysite", "pulumi preview -s dev"), ("make up", "make ups")]
)
def test_another_command_is_not_taken_for_it(shown_: str, line: str) -> None:
    assert not stands_for(shown_, line)


@pytest.mark.parametrize(("command", "target"), OTHERS["targets"].items())
def test_a_target_runs_what_is_shown(command: str, target: str) -> None:
    assert f"make {target}" in {word for one in accounts().commands() for word in (one, " ".join(one.split()[:2]))}
    assert stands_for(command, recipe(target))


@cache
def recipe(target: str) -> str:
    """Return what a target would run, with `python3` for the toolchain's Python."""
    words = ["make", "--dry-run", target]
    done = subprocess.run(words, cwd=repo(), capture_output=True, text=True, check=True)
    return done.stdout.replace("-- python ", "-- python3 ")


@pytest.mark.parametrize(("command", "told"), OTHERS["tests"].items())
def test_a_test_that_is_named_shows_that_it_runs_it(command: str, told: tuple[str, str]) -> None:
    place, text = told
    name, _, function = place.partition("::")
    source = (repo() / name).read_text(encoding="utf-8")
    assert text in source, command
    assert f"def {function}" in source, command


@pytest.mark.parametrize(("command", "told"), OTHERS["stages"].items())
def test_the_run_of_all_tests_does_it(command: str, told: tuple[str, str]) -> None:
    name, text = told
    assert text in (repo() / name).read_text(encoding="utf-8"), command


@pytest.mark.parametrize("name", recorded())
def test_a_walk_was_run_as_it_is_told(name: str) -> None:
    assert [one["line"] for one in recorded()[name]["lines"]] == LINES[name], "make walk, or make lab-walk"


def test_a_walk_that_was_not_run_says_so() -> None:
    assert {*accounts().unrun} == {*LINES} - {*recorded()}


@pytest.mark.parametrize(("command", "told"), OTHERS["told"].items())
def test_a_page_of_its_own_tells_the_run(command: str, told: tuple[str, str]) -> None:
    name, text = told
    assert text in (repo() / name).read_text(encoding="utf-8"), command


@pytest.mark.parametrize(("command", "row"), OTHERS["campaigns"].items())
def test_a_campaign_has_a_recorded_run(command: str, row: str) -> None:
    rows = [line for line in RESULTS.read_text(encoding="utf-8").splitlines() if f"`{row}`" in line]
    assert [line for line in rows if COMMIT.search(line)], command


def test_what_is_run_nowhere_has_a_reason_and_stays_rare() -> None:
    assert len(OTHERS["elsewhere"]) <= ELSEWHERE
    assert [command for command, reason in OTHERS["elsewhere"].items() if len(reason) < 40] == []
