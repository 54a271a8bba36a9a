"""Programs built from Go modules, pinned by the go.mod and go.sum beside this file; nothing else is fetched."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab.toolchain.machine import OFFICIAL, Probe
from lab.toolchain.part import HERE, Part, Step

GO = "tools/go"
MODULES = "go/mod"
BUILDS = "go/build"


@dataclass(frozen=True)
class Module:
    """A folder with go.mod and go.sum, where the module it is about lies, and what its programs are loaded from."""

    folder: str
    home: str
    packages: tuple[str, ...]
    seconds: int

    @property
    def part(self) -> str:
        """Return the name of the part that brings the sources."""
        return f"{self.folder}-source"

    def path(self, cache: Path) -> Path:
        """Return where the module's sources are in the cache."""
        return cache / MODULES / self.home


@dataclass(frozen=True)
class Programs:
    """Programs built in one go: package and name, further names of the first, tags, linker settings, files beside."""

    names: tuple[tuple[str, str], ...]
    called_too: tuple[str, ...] = ()
    tags: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def all_names(self) -> tuple[str, ...]:
        """Return every name that lies in bin/ afterwards."""
        return (*(name for _, name in self.names), *self.called_too)

    @property
    def flags(self) -> list[str]:
        """Return the build flags: no debugging tables (compiling is a tenth faster), tags and version strings."""
        values = [f'-X "{name}={value}"' for name, value in self.settings]
        return ["-gcflags=all=-dwarf=false", "-tags", self.tags, "-ldflags", " ".join(["-s", "-w", *values])]


def source(module: Module) -> Part:
    """Return the part that downloads exactly what a module's programs are built from."""
    return Part(
        name=module.part,
        version=module.home.rpartition("@")[2].removeprefix("v"),
        source="Go modules, by go.sum",
        outputs=(f"{MODULES}/{module.home}",),
        make=partial(_download, module),
        needs=("go",),
        recipe=module.packages,
        files=(f"{module.folder}/go.mod", f"{module.folder}/go.sum"),
        seconds=module.seconds,
        lane="fetch",
        transient=True,
        by_hand=f"see whether the Go module proxy answers: `go mod download` in lab/toolchain/{module.folder}",
    )


def compiled(
    name: str, version: str, programs: Programs, module: Module | None, seconds: int, probe: Probe | None = None
) -> Part:
    """Return the part that compiles programs; without a module its folder has all of the source."""
    folder = module.folder if module else name
    official = f"put official programs into a folder and name it in {OFFICIAL}, or "
    return Part(
        name=name,
        version=version,
        source="Go module, compiled here",
        outputs=tuple(f"bin/{program}" for program in programs.all_names),
        make=partial(_build, folder, programs, module),
        needs=(module.part if module else "go",),
        recipe=(repr(programs),),
        files=tuple(f"{folder}/{file.name}" for file in sorted((HERE / folder).glob("*.go"))),
        seconds=seconds,
        lane="compile",
        probe=probe,
        by_hand=f"{official if probe and probe.official else ''}read the log and build in lab/toolchain/{folder}",
    )


def environment(cache: Path, temporary: Path) -> dict[str, str]:
    """Return the environment of every Go command: our Go and caches, and nothing that go.sum does not know."""
    root = (cache / GO).resolve()
    ours = {
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "GOROOT": str(root),
        "GOMODCACHE": str(cache / MODULES),
        "GOCACHE": str(cache / BUILDS),
        "GOTMPDIR": str(temporary),
        "GOFLAGS": "-modcacherw -buildvcs=false -mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOGC": "400",  # the compiler collects less garbage: a sixth less time for half as much memory again
        "GOMEMLIMIT": "2GiB",
    }
    return {**os.environ, **ours}


def _workplace(folder: str, step: Step) -> tuple[Path, dict[str, str]]:
    """Return a copy of the folder, since builds lay files into it, and the environment to build in."""
    place = step.work / folder
    shutil.copytree(HERE / folder, place)
    temporary = step.work / "tmp"
    temporary.mkdir()
    return place, environment(step.cache, temporary)


def _download(module: Module, step: Step) -> None:
    place, env = _workplace(module.folder, step)
    tags = ["-tags", "osusergo,ipam_provider_operator"]
    step.run(["go", "list", "-deps", *tags, *module.packages], cwd=place, env=env)


def _build(folder: str, programs: Programs, module: Module | None, step: Step) -> None:
    place, env = _workplace(folder, step)
    if module:
        for name in programs.beside:
            shutil.copyfile(module.path(step.cache) / name, place / Path(name).name)
    made = step.work / "made"
    packages = [package for package, _ in programs.names]
    step.run(["go", "build", *programs.flags, "-o", f"{made}/", *packages], cwd=place, env=env)
    for package, name in programs.names:
        (made / _built_name(package, folder)).rename(step.staged(f"bin/{name}"))
    first = step.staged(f"bin/{programs.names[0][1]}")
    for name in programs.called_too:
        os.link(first, step.staged(f"bin/{name}"))


def _built_name(package: str, folder: str) -> str:
    return folder if package == "." else package.rpartition("/")[2]
