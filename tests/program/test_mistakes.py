"""A file with many mistakes at `pulumi preview`: one readable block with all of them, and no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.refusal import SHOWN
from tests.policy.engine import ROOT, Engine, needs_engine, our_stack
from tests.program.recorder import run
from tests.unit.plan_sites import dev, drop
from tests.unit.test_plan_reading import TWELVE, twelve
from underlay.plan.reading import UNASKED


def test_twelve_mistakes_are_one_message() -> None:
    made = run(twelve())
    [message] = made.messages
    assert made.code == SHOWN
    assert message.startswith("error: the declaration is refused, 12 finding(s); nothing was applied:\n")
    assert [line for line in (f"[{rule}] {where}: " for _, rule, where in TWELVE) if line not in message] == []


def test_rules_that_could_not_be_asked_are_mentioned() -> None:
    [message] = run(dev(drop("cluster.origin"))).messages
    assert message.endswith(UNASKED)


@pytest.mark.engine
@needs_engine
def test_the_engine_shows_twelve_mistakes_as_one_block(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    file = our_stack(engine, twelve())
    done = engine.run("preview", "--config-file", str(file), "--color", "never", cwd=ROOT)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    lines = [line.strip() for line in said.splitlines()]
    heads = [index for index, line in enumerate(lines) if "the declaration is refused, 12 finding(s)" in line]
    start = heads[-1]  # the first one is in the list of events, the last one in the summary
    block = lines[start + 1 : start + 13]
    assert sorted(line.partition(":")[0] for line in block) == sorted(f"[{rule}] {where}" for _, rule, where in TWELVE)
