"""The compiled object: made once, kept outside the repository, refused where it is none; and how it travels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpf.backends import NO_OBJECT, OBJECT
from underlay.collect import objects, package
from underlay.collect.objects import NoObject

ELF = (objects.MAGIC + bytes(12) + objects.MACHINE + b"programs").ljust(64, b"\0")
"""A header without sections."""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    for kept in (objects.compiled, package.program):
        kept.cache_clear()
    yield
    for kept in (objects.compiled, package.program):
        kept.cache_clear()


@pytest.fixture
def clang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a compiler that notes its runs, and answers with the bytes of a file."""
    (tmp_path / "answer").write_bytes(ELF)
    program = tmp_path / "clang"
    script = '#!/bin/sh\ncd "$(dirname "$0")"\ncase $1 in --version) cat version; exit;; esac\ncat >source\n'
    program.write_text(script + "echo run >>runs\ncat answer\ntest ! -e broken || { echo no such type >&2; exit 3; }\n")
    program.chmod(0o755)
    (tmp_path / "version").write_text("clang version 1\n")
    monkeypatch.setenv(objects.COMPILER, str(program))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def again() -> bytes:
    objects.compiled.cache_clear()
    return objects.compiled()


def runs(clang: Path) -> int:
    return len((clang / "runs").read_text().splitlines())


def test_it_is_compiled_once_and_kept_outside_the_repository(clang: Path) -> None:
    assert (again(), again(), runs(clang)) == (ELF, ELF, 1)
    assert "SKB_DEV" in (clang / "source").read_text()
    assert len(list((clang / "cache" / "cilium-underlay").iterdir())) == 1


def test_another_compiler_compiles_anew_and_so_does_a_spoilt_cache(clang: Path) -> None:
    again()
    (clang / "version").write_text("clang version 2\n")
    again()
    assert runs(clang) == 2
    for kept in objects.folder().iterdir():
        kept.write_bytes(ELF[:10])
    assert (again(), runs(clang)) == (ELF, 3)


def test_what_is_no_object_is_refused(clang: Path) -> None:
    (clang / "answer").write_bytes(b"text")
    with pytest.raises(NoObject, match="answered with 4 bytes that are no BPF object"):
        again()


def test_a_compilers_complaint_is_told(clang: Path) -> None:
    (clang / "broken").touch()
    with pytest.raises(NoObject, match="ended with 3: no such type"):
        again()


def test_a_cache_that_cannot_be_written_costs_time_only(clang: Path) -> None:
    (clang / "cache").write_text("no folder")
    assert (again(), again(), runs(clang)) == (ELF, ELF, 2)


@pytest.mark.parametrize(
    ("wanted", "words"), [("none", "by UNDERLAY_CLANG=none"), ("no-such-clang", "no-such-clang is not on the PATH")]
)
def test_without_a_compiler_the_reason_travels(monkeypatch: pytest.MonkeyPatch, wanted: str, words: str) -> None:
    monkeypatch.setenv(objects.COMPILER, wanted)
    with zipfile.ZipFile(io.BytesIO(package.program())) as archive:
        assert words in archive.read(f"bpf/{NO_OBJECT}").decode()
        assert f"bpf/{OBJECT}" not in archive.namelist()


@pytest.mark.usefixtures("clang")
def test_the_object_travels_with_the_program_and_counts_in_its_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(io.BytesIO(package.program())) as archive:
        assert archive.read(f"bpf/{OBJECT}") == ELF
        assert {"bpf/bcc.h", "bpf/events.h", "bpf/events.c"} <= set(archive.namelist())
    digest = package.digest()
    package.program.cache_clear()
    assert package.digest() == digest
    objects.compiled.cache_clear()
    package.program.cache_clear()
    monkeypatch.setenv(objects.COMPILER, "none")
    assert package.digest() != digest
