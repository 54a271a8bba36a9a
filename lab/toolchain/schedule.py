"""Carry a plan out: independent parts side by side, compiling and downloading one at a time each."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from lab.toolchain import process
from lab.toolchain.part import Part, Stamp, Step
from lab.toolchain.plan import Plan
from lab.toolchain.process import StepError
from lab.toolchain.progress import Progress

LANES = {"compile": 1, "fetch": 1, "tree": 2}
REFRESH = 0.5


@contextmanager
def alone(cache: Path, progress: Progress) -> Iterator[None]:
    """Hold the cache, so that two runs never build into each other."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.say(f"another run holds {cache}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Run:
    """One carrying out of a plan; after the first failure nothing new begins."""

    def __init__(self, plan: Plan, cache: Path, progress: Progress) -> None:
        self._plan, self._cache, self._progress = plan, cache, progress
        self._waiting = list(plan.parts)
        self._running: dict[Future[Stamp], Part] = {}
        self._made: set[str] = set()
        self._failed: list[Part] = []

    def carry_out(self) -> list[Part]:
        """Make every part of the plan and return those that failed."""
        with ThreadPoolExecutor(max_workers=sum(LANES.values())) as pool:
            try:
                self._loop(pool)
            except BaseException:
                process.stop()
                raise
        self._progress.close()
        return self._failed

    def _loop(self, pool: ThreadPoolExecutor) -> None:
        while self._running or (self._waiting and not self._failed):
            for part in self._startable():
                self._waiting.remove(part)
                self._progress.start(part)
                step = Step(part, self._plan.keys[part.name], self._cache)
                self._running[pool.submit(step.carry_out)] = part
            done, _ = wait(self._running, timeout=REFRESH, return_when=FIRST_COMPLETED)
            for future in done:
                self._settle(future, self._running.pop(future))
            self._progress.tick()

    def _startable(self) -> list[Part]:
        if self._failed:
            return []
        free = {lane: limit - self._busy(lane) for lane, limit in LANES.items()}
        pending = {part.name for part in self._plan.parts} - self._made
        chosen = []
        for part in self._waiting:
            if free[part.lane] > 0 and not pending.intersection(part.needs):
                free[part.lane] -= 1
                chosen.append(part)
        return chosen

    def _busy(self, lane: str) -> int:
        return sum(part.lane == lane for part in self._running.values())

    def _settle(self, future: Future[Stamp], part: Part) -> None:
        try:
            self._progress.finish(part, future.result())
        except (StepError, OSError, ValueError, KeyError) as error:
            log = self._cache / "log" / f"{part.name}.log"
            reason = str(error) if isinstance(error, StepError) else f"{type(error).__name__}: {error}"
            self._failed.append(part)
            self._progress.fail(part, reason, list(process.tail(log)), str(log))
        else:
            self._made.add(part.name)
