"""A part of the toolchain, the key that says whether it is current, and the step that makes it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lab.toolchain import process
from lab.toolchain.machine import Probe
from lab.toolchain.process import StepError

HERE = Path(__file__).resolve().parent
Lane = Literal["compile", "fetch", "tree"]


@dataclass(frozen=True)
class Part:
    """One row of the table: what it is, how it is made, what it leaves in the cache."""

    name: str
    version: str
    source: str
    outputs: tuple[str, ...]
    make: Callable[[Step], None]
    needs: tuple[str, ...] = ()
    recipe: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    seconds: int = 5
    lane: Lane = "tree"
    transient: bool = False
    probe: Probe | None = None
    by_hand: str = ""

    @property
    def title(self) -> str:
        """Return name and version as people read them."""
        return f"{self.name} {self.version}"

    def key(self, keys: Mapping[str, str]) -> str:
        """Return the digest of everything that decides what this part is, the parts it needs included."""
        files = {name: _digest(HERE / name) for name in self.files}
        decides = [self.name, self.version, self.outputs, self.recipe, files, [keys[name] for name in self.needs]]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Stamp:
    """What is written down once a part is whole."""

    key: str
    version: str
    source: str
    seconds: float


@dataclass(frozen=True)
class Step:
    """One making of a part: a work folder that is thrown away, a log, and the way into the cache."""

    part: Part
    key: str
    cache: Path

    @property
    def work(self) -> Path:
        """Return the folder for everything half-made; it never outlives the step."""
        return self.cache / "work" / self.part.name

    @property
    def log(self) -> Path:
        """Return the file that holds all that the step's programs print."""
        return self.cache / "log" / f"{self.part.name}.log"

    def staged(self, output: str) -> Path:
        """Return where to build an output; it moves into the cache when the step has succeeded."""
        path = self.work / "out" / output
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> None:
        """Run a program of this step, its output into the step's log."""
        process.run(argv, self.log, cwd=cwd, env=env, stdin=stdin)

    def carry_out(self) -> Stamp:
        """Make the part in the work folder, move it into the cache whole, and stamp it."""
        started = time.monotonic()
        for folder in (self.work, self.log.parent, stamp_file(self.cache, self.part).parent):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.work)
        self.work.mkdir()
        self.log.write_bytes(b"")
        self.part.make(self)
        stamp = Stamp(self.key, self.part.version, self.part.source, round(time.monotonic() - started, 1))
        self._publish(stamp)
        shutil.rmtree(self.work)
        return stamp

    def _publish(self, stamp: Stamp) -> None:
        file = stamp_file(self.cache, self.part)
        file.unlink(missing_ok=True)
        for number, output in enumerate(self.part.outputs):
            staged = self.work / "out" / output
            if os.path.lexists(staged):
                _swap(staged, self.cache / output, self.work / f"old-{number}")
            if not (self.cache / output).exists():
                raise StepError(f"the step ran to its end but did not make {output}")
        draft = self.work / "stamp"
        draft.write_text(json.dumps(asdict(stamp)))
        draft.rename(file)


def stamp_file(cache: Path, part: Part) -> Path:
    """Return where a part's stamp is kept."""
    return cache / "steps" / f"{part.name}.json"


def read_stamp(cache: Path, part: Part) -> Stamp | None:
    """Return the stamp of a part, if it has a readable one."""
    try:
        return Stamp(**json.loads(stamp_file(cache, part).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def is_current(cache: Path, part: Part, key: str) -> bool:
    """Say whether a part was made whole by exactly this recipe and is still there."""
    stamp = read_stamp(cache, part)
    return stamp is not None and stamp.key == key and all((cache / output).exists() for output in part.outputs)


def _swap(new: Path, place: Path, old: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(place):
        place.rename(old)
    new.rename(place)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
