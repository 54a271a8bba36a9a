"""What the machine has already is taken in the right version only; what the person names must be right."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from lab.toolchain import machine
from lab.toolchain.adopt import adopt, check_digest
from lab.toolchain.machine import Probe
from lab.toolchain.part import Part, Stamp, Step, stamp_file
from lab.toolchain.plan import keys_of, make_plan
from lab.toolchain.process import StepError

TOOL = Probe(("tool", "tool-helper"), ("version",), r"v(\d\S*)", official=True)


def install(folder: Path, version: str, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or TOOL.programs:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {name} v{version}\n")
        program.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def nothing_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let only what a test installs be there."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNDERLAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(machine.OFFICIAL, raising=False)


def part() -> Part:
    def never(_: Step) -> None:
        raise StepError("this would have been built")

    return Part("tool", "1.2.3", "built", ("bin/tool", "bin/tool-helper"), never, needs=("go",), probe=TOOL)


def on_path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setenv("PATH", ":".join([*map(str, folders), "/usr/bin", "/bin"]))


def test_right_version_on_the_path_replaces_building(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path(monkeypatch, install(tmp_path / "usr", "1.2.3"))
    parts = {"go": Part("go", "1", "built", ("go",), lambda _: None), "tool": part()}
    (found,) = make_plan(parts, tmp_path / "cache", ["tool"]).parts
    Step(found, "key", tmp_path / "cache").carry_out()
    assert found.source == f"on this machine: {tmp_path}/usr/tool"
    assert (tmp_path / "cache/bin/tool-helper").read_text() == (tmp_path / "usr/tool-helper").read_text()


@pytest.mark.parametrize(
    ("version", "names"), [("1.2.4", ()), ("1.2.3", ("tool",))], ids=["other-version", "one-missing"]
)
def test_other_version_or_missing_companion_is_not_taken(
    version: str, names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, install(tmp_path / "usr", version, *names))
    assert machine.find(TOOL, "1.2.3") is None


def test_our_own_cache_on_the_path_is_not_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path(monkeypatch, install(tmp_path / "cache/bin", "1.2.3"))
    assert machine.find(TOOL, "1.2.3") is None


def test_named_folder_wins_and_must_have_the_right_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(machine.OFFICIAL, str(install(tmp_path / "official", "9.9.9")))
    found = machine.find(TOOL, "1.2.3")
    assert found is not None
    assert found.stated
    with pytest.raises(StepError, match=r"official/tool says version 9\.9\.9, expected 1\.2\.3"):
        adopt(found, TOOL)(Step(part(), "key", tmp_path / "cache"))


def test_named_folder_replaces_what_was_built_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, parts = tmp_path / "cache", {"go": Part("go", "1", "built", ("go",), lambda _: None), "tool": part()}
    install(cache / "bin", "1.2.3")
    key = keys_of(parts)["tool"]
    stamp_file(cache, parts["tool"]).parent.mkdir(parents=True)
    stamp_file(cache, parts["tool"]).write_text(json.dumps(asdict(Stamp(key, "1.2.3", "built", 1.0))))
    assert make_plan(parts, cache, ["tool"]).parts == ()
    monkeypatch.setenv(machine.OFFICIAL, str(install(tmp_path / "official", "1.2.3")))
    (official,) = make_plan(parts, cache, ["tool"]).parts
    Step(official, key, cache).carry_out()
    assert make_plan(parts, cache, ["tool"]).parts == ()


def test_digest_table_beside_a_program_is_obeyed(tmp_path: Path) -> None:
    program = install(tmp_path, "1.2.3", "tool") / "tool"
    check_digest(program)
    right = hashlib.sha256(program.read_bytes()).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{right}  tool\n")
    check_digest(program)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  *tool\n")
    with pytest.raises(StepError, match="has sha256"):
        check_digest(program)


def test_installed_plugin_is_found_by_its_folder(tmp_path: Path) -> None:
    plugin = Probe(("pulumi-resource-thing",), plugin="thing")
    place = install(tmp_path / "home/.pulumi/plugins/resource-thing-v4.5.6", "4.5.6", "pulumi-resource-thing")
    assert machine.find(plugin, "4.5.7") is None
    found = machine.find(plugin, "4.5.6")
    assert found is not None
    assert found.programs == {"pulumi-resource-thing": place / "pulumi-resource-thing"}
    place.with_name(f"{place.name}.partial").touch()
    assert machine.find(plugin, "4.5.6") is None
