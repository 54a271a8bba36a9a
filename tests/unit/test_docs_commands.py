"""What pages name exists: targets, commands with their options, modules, keys, and the places that links lead to."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from lab.__main__ import USAGE
from lab.paths import repo
from underlay.__main__ import COMMANDS, module
from underlay.commands import findings
from underlay.report.page import anchor

PAGES = [repo() / name for name in ("README.md", "CHANGELOG.md", "policy/README.md")]
PAGES += sorted((repo() / "docs").rglob("*.md"))
WRITTEN = (
    "first-preview.md",
    "tutorial.md",
    "howto-ucs.md",
    "howto-kubeadm.md",
    "underlay.md",
    "state.md",
    "review.md",
)
UNDECLARED = ("kubeconfig", "clusterPassword")
"""Secrets that are not every stack's, so that the project does not declare them."""
FENCE = re.compile(r"^```(?:sh|bash|console)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
REGEX = re.compile(r"[\[(].*[+*?]")
"""A pattern for commands is none."""
MODULE = re.compile(r"python3? -m ((?:lab|policy|tests|underlay)(?:\.[a-z_]+)*)")
"""A module of this repository; `guard` is the name of a copy of policy/."""
OPTION = re.compile(r"--[a-z][a-z-]*")
COMMENT = re.compile(r"\s{2,}#.*")
SPLIT = re.compile(r"\s\|\s|&&|;|<|>")
PULUMI = {
    "preview": {"--policy-pack", "--expect-no-changes", "--refresh", "--json", "--event-log"},
    "up": {"--policy-pack", "--yes"},
    "stack init": {"--secrets-provider"},
    "stack change-secrets-provider": set[str](),
    "stack output": set[str](),
    "stack export": {"--file"},
    "config set": {"--secret"},
    "login": set[str](),
    "cancel": {"--yes"},
    "destroy": set[str](),
    "install": set[str](),
}
"""What pages show of the engine's program; `tests/program/test_docs_in_the_engine.py` asks the program itself."""


def shown() -> Iterator[tuple[str, str]]:
    """Yield page and command of everything that looks like a command."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
        lines += INLINE.findall(FENCE.sub("", text))
        for line in lines:
            for part in SPLIT.split(COMMENT.sub("", line)):
                command = part.strip()
                if command and not REGEX.search(command):
                    yield page.name, command


def of(start: str) -> list[tuple[str, str]]:
    return sorted({(page, command) for page, command in shown() if command.startswith(start)})


@cache
def usage(name: str) -> str:
    """Return what a command says of itself."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        importlib.import_module(module(name)).main(["--help"])
    return said.getvalue()


@pytest.mark.parametrize(("page", "command"), of("make "))
def test_targets_exist(page: str, command: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (repo() / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    words = [word for word in shlex.split(command)[1:] if "=" not in word]
    assert set(words) <= targets, page


@pytest.mark.parametrize(("page", "command"), [*of("python3 -m underlay "), *of("python -m underlay ")])
def test_our_commands_exist_with_their_options(page: str, command: str) -> None:
    words = command.split()[3:]
    if words[0].isupper():
        return  # a place for the word itself
    assert words[0] in COMMANDS, page
    options = set(OPTION.findall(" ".join(words[1:])))
    if words[0] == "findings":
        assert not options, page
        names = [word for word in words[1:] if not word.isupper()]
        assert findings.main(names) == 0
    elif options:
        assert options <= set(OPTION.findall(usage(words[0]))), page


@pytest.mark.parametrize(("page", "command"), of("python3 -m lab "))
def test_the_lab_s_commands_exist(page: str, command: str) -> None:
    known = {"--help", *re.findall(r"^  ([a-z]+)", USAGE, re.MULTILINE)}
    assert command.split()[3].strip(".,…") in known, page


def test_modules_that_are_run_by_name_exist() -> None:
    named = {(page, name) for page, command in shown() for name in MODULE.findall(command)}
    assert len(named) > 5
    assert [(page, name) for page, name in named if importlib.util.find_spec(name) is None] == []


@pytest.mark.parametrize(("page", "command"), of("pulumi "))
def test_the_engine_s_commands_are_among_those_that_are_asked_for(page: str, command: str) -> None:
    words = [word for word in shlex.split(command)[1:] if not word.startswith("-")]
    known = next((name for name in (" ".join(words[:2]), words[0]) if name in PULUMI), None)
    if page not in WRITTEN and known is None:
        return
    assert known is not None, f"{page}: {command}"
    options = set(OPTION.findall(command)) if page in WRITTEN else set()
    assert options <= PULUMI[known], f"{page}: {command}"


@pytest.mark.parametrize(("page", "command"), of("pulumi config set"))
def test_configured_keys_exist(page: str, command: str) -> None:
    project = yaml.safe_load((repo() / "Pulumi.yaml").read_text(encoding="utf-8"))
    keys = [word.partition(":")[2] or word for word in command.split()[3:] if not word.startswith("-")]
    assert set(keys) <= {*(key.partition(":")[2] for key in project["config"]), *UNDECLARED}, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(repo())))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(FENCE.sub("", text)):
        if "://" in target:
            continue
        name, _, place = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        if place:
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert place in {anchor(head) for head in heads}, target


def test_the_new_pages_are_reached_from_the_first_one() -> None:
    first = (repo() / "README.md").read_text(encoding="utf-8")
    assert [name for name in WRITTEN if f"(docs/{name})" not in first] == []


def test_something_is_looked_at() -> None:
    assert min(map(len, map(of, ("make ", "python3 -m underlay ", "python3 -m lab ", "pulumi ")))) >= 5
