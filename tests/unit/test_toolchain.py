"""The toolchain's plan and steps, with small parts of our own in a temporary cache."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.toolchain.part import Part, Step, is_current, read_stamp
from lab.toolchain.plan import keys_of, make_plan
from lab.toolchain.process import StepError
from lab.toolchain.progress import Progress
from lab.toolchain.schedule import Run


def write(text: str) -> Callable[[Step], None]:
    """Return a step that writes one file for each output."""

    def make(step: Step) -> None:
        for output in step.part.outputs:
            step.staged(output).write_text(text)

    return make


def row(name: str, *needs: str, make: Callable[[Step], None] | None = None, **more: object) -> Part:
    """Return a part that makes one file."""
    made = make or write(name)
    part = Part(name, "1", "here", (f"bin/{name}",), made, needs=needs, seconds=2)
    return replace(part, **more)  # type: ignore[arg-type]


def table(*rows: Part) -> dict[str, Part]:
    return {part.name: part for part in rows}


def carry_out(parts: dict[str, Part], cache: Path, *only: str) -> tuple[list[str], list[str], str]:
    """Carry a plan out; return what was planned, what failed, and what was said."""
    plan, said = make_plan(parts, cache, only), io.StringIO()
    failed = Run(plan, cache, Progress(plan, said)).carry_out()
    return [part.name for part in plan.parts], [part.name for part in failed], said.getvalue()


def test_parts_are_made_after_what_they_need_and_only_once(tmp_path: Path) -> None:
    parts = table(row("c", "b"), row("b", "a"), row("a"))
    assert carry_out(parts, tmp_path)[0] == ["a", "b", "c"]
    assert (tmp_path / "bin/c").read_text() == "c"
    assert carry_out(parts, tmp_path)[0] == []


def test_key_changes_with_recipe_and_with_what_is_needed() -> None:
    before = keys_of(table(row("a"), row("b", "a")))
    after = keys_of(table(row("a", recipe=("-O2",)), row("b", "a")))
    assert before["a"] != after["a"]
    assert before["b"] != after["b"]
    assert keys_of(table(row("a", seconds=99), row("b", "a"))) == before


def test_changed_recipe_is_made_again_and_replaces_the_old(tmp_path: Path) -> None:
    carry_out(table(row("a")), tmp_path)
    assert carry_out(table(row("a", version="2", make=write("new"))), tmp_path)[0] == ["a"]
    assert (tmp_path / "bin/a").read_text() == "new"
    assert not (tmp_path / "work/a").exists()


def test_missing_output_or_stamp_means_made_again(tmp_path: Path) -> None:
    parts = table(row("a"), row("b"))
    carry_out(parts, tmp_path)
    (tmp_path / "bin/a").unlink()
    (tmp_path / "steps/b.json").unlink()
    assert carry_out(parts, tmp_path)[0] == ["a", "b"]


def test_transient_part_is_made_only_for_others(tmp_path: Path) -> None:
    parts = table(row("source", transient=True), row("program", "source"))
    assert carry_out(parts, tmp_path)[0] == ["source", "program"]
    (tmp_path / "bin/source").unlink()
    assert carry_out(parts, tmp_path)[0] == []


def test_only_names_parts_and_their_needs(tmp_path: Path) -> None:
    parts = table(row("a"), row("b", "a"), row("c"))
    assert carry_out(parts, tmp_path, "b")[0] == ["a", "b"]
    with pytest.raises(StepError, match="no part is called d; parts are: a, b, c"):
        make_plan(parts, tmp_path, ["d"])


def fail(step: Step) -> None:
    step.staged("bin/b").write_text("half")
    step.run(["sh", "-c", "echo it broke here; exit 3"])


def test_failed_step_leaves_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    broken = row("b", "a", make=fail, by_hand="mend the wire")
    planned, failed, said = carry_out(table(row("a"), broken, row("c", "b")), tmp_path)
    assert (planned, failed) == (["a", "b", "c"], ["b"])
    assert (tmp_path / "bin/a").exists()
    assert not (tmp_path / "bin/b").exists()
    assert not (tmp_path / "bin/c").exists()
    wanted = ("FAILED b 1", "ended with 3", "| it broke here", str(tmp_path / "log/b.log"), "mend the wire")
    assert all(text in said for text in wanted)
    mended = table(row("a"), row("b", "a"), row("c", "b"))
    assert carry_out(mended, tmp_path)[0] == ["b", "c"]


def test_failure_while_replacing_keeps_the_old_output_but_not_as_current(tmp_path: Path) -> None:
    carry_out(table(row("b")), tmp_path)
    changed = row("b", recipe=("new",), make=fail)
    assert carry_out(table(changed), tmp_path)[1] == ["b"]
    assert (tmp_path / "bin/b").read_text() == "b"
    assert not is_current(tmp_path, changed, keys_of(table(changed))["b"])


def test_step_that_makes_less_than_it_promised_fails(tmp_path: Path) -> None:
    _, failed, said = carry_out(table(row("a", outputs=("bin/a", "bin/also"), make=_one_file)), tmp_path)
    assert failed == ["a"]
    assert "did not make bin/also" in said
    assert read_stamp(tmp_path, row("a")) is None


def _one_file(step: Step) -> None:
    step.staged("bin/a").write_text("a")


def test_left_over_work_of_a_killed_run_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "work/a/out/bin").mkdir(parents=True)
    (tmp_path / "work/a/out/bin/a").write_text("half")
    carry_out(table(row("a")), tmp_path)
    assert (tmp_path / "bin/a").read_text() == "a"


def test_unreadable_stamp_counts_as_none(tmp_path: Path) -> None:
    carry_out(table(row("a")), tmp_path)
    (tmp_path / "steps/a.json").write_text("{")
    assert carry_out(table(row("a")), tmp_path)[0] == ["a"]
    assert json.loads((tmp_path / "steps/a.json").read_text())["version"] == "1"


def test_expected_time_is_the_longest_chain_or_the_compiling(tmp_path: Path) -> None:
    chain = table(row("a", seconds=5), row("b", "a", seconds=6), row("c", seconds=3))
    assert make_plan(chain, tmp_path).seconds == 11
    compiling = {name: replace(part, needs=(), lane="compile") for name, part in chain.items()}
    assert make_plan(compiling, tmp_path).seconds == 14
