"""Which Python a program's options ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.pulumi.interpreters import Interpreter, interpreter
from lab.pulumi.serve import CallError


def make_environment(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").touch()
    return folder


def found(options: dict[str, object], root: Path, program: Path | None = None, *, plugin: bool = False) -> Interpreter:
    return interpreter(options, str(root), str(program or root), plugin=plugin)


def test_without_options_the_python_of_the_path_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python3").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    assert found({}, tmp_path) == Interpreter(str(tmp_path / "python3"), "pip")


def test_a_variable_names_another_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "snake").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PULUMI_PYTHON_CMD", "snake")
    assert found({}, tmp_path).path == str(tmp_path / "snake")


def test_no_python_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PULUMI_PYTHON_CMD", raising=False)
    with pytest.raises(CallError, match="none of python3, python is on the PATH"):
        found({}, tmp_path)


@pytest.mark.parametrize("toolchain", ["pip", "uv"])
def test_a_virtual_environment_lies_below_the_root(tmp_path: Path, toolchain: str) -> None:
    folder = make_environment(tmp_path / "env")
    options: dict[str, object] = {"toolchain": toolchain, "virtualenv": "env"}
    assert found(options, tmp_path, tmp_path / "program").folder == folder


def test_uv_is_known_by_its_lock_above_the_program(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    folder = make_environment(tmp_path / ".venv")
    chosen = found({}, tmp_path, tmp_path / "deep/program")
    assert (chosen.toolchain, chosen.folder) == ("uv", folder)


def test_a_plugin_has_a_virtual_environment_of_its_own(tmp_path: Path) -> None:
    folder = make_environment(tmp_path / "venv")
    assert found({}, tmp_path, plugin=True).folder == folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"toolchain": "conda"}, "'conda'; expected one of pip, uv, poetry"),
        ({"virtualenv": 3}, "'virtualenv' is 3; expected a text"),
        ({"typechecker": "mypy"}, "'typechecker' is not offered"),
        ({"virtualenv": "none"}, "does not exist; make it with"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(CallError, match=message):
        found(options, tmp_path)


def test_activation_puts_the_environment_first() -> None:
    python = Interpreter("/env/bin/python", "pip", Path("/env"))
    activated = python.environment({"PATH": "/bin", "PYTHONHOME": "/old", "A": "1"})
    assert activated == {"PATH": "/env/bin:/bin", "VIRTUAL_ENV": "/env", "A": "1"}
