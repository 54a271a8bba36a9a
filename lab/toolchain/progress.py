"""Say what is going on: a line for each event, and on a terminal one live line with a bar below them."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from lab.toolchain.part import Part, Stamp
from lab.toolchain.plan import Plan

BAR = 24


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Progress:
    """Prints events as they come; the share done is weighed by the seconds each part is expected to take."""

    def __init__(self, plan: Plan, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._total = sum(part.seconds for part in plan.parts) or 1
        self._done = 0
        self._begun = time.monotonic()
        self._running: dict[str, float] = {}
        self._expected = {part.name: part.seconds for part in plan.parts}

    def say(self, text: str) -> None:
        """Print one line with the time since the beginning."""
        self._clear()
        print(f"[{clock(time.monotonic() - self._begun):>5}] {text}", file=self._stream, flush=True)

    def start(self, part: Part) -> None:
        """Say that a part is begun."""
        self._running[part.name] = time.monotonic()
        self.say(f"start {part.title} ({part.source}), about {part.seconds} s")

    def finish(self, part: Part, stamp: Stamp) -> None:
        """Say that a part is whole."""
        self._running.pop(part.name, None)
        self._done += part.seconds
        self.say(f"done  {part.title} in {stamp.seconds} s {self._bar()}")

    def fail(self, part: Part, reason: str, tail: Sequence[str], log: str) -> None:
        """Say which part failed and how, where the whole log is, and what to do by hand."""
        begun = self._running.pop(part.name, time.monotonic())
        self.say(f"FAILED {part.title} ({part.source}) after {time.monotonic() - begun:.0f} s: {reason}")
        for line in tail:
            print(f"        | {line}", file=self._stream)
        print(f"        full log: {log}", file=self._stream)
        if part.by_hand:
            print(f"        by hand: {part.by_hand}", file=self._stream)
        print("        then start again: what is done stays done", file=self._stream, flush=True)

    def tick(self) -> None:
        """Draw the live line anew."""
        if not self._live:
            return
        now = time.monotonic()
        running = ", ".join(f"{name} {now - begun:.0f} s" for name, begun in self._running.items())
        line = f"{self._bar()} {clock(now - self._begun)}  {running}"
        self._stream.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
        self._stream.flush()

    def close(self) -> None:
        """Leave a clean line behind."""
        self._clear()

    def _clear(self) -> None:
        if self._live:
            self._stream.write("\r\x1b[K")

    def _bar(self) -> str:
        now = time.monotonic()
        under_way = sum(min(now - begun, self._expected[name]) for name, begun in self._running.items())
        share = min(1.0, (self._done + under_way) / self._total)
        filled = int(share * BAR)
        return f"[{'#' * filled}{'.' * (BAR - filled)}] {share * 100:3.0f} %"
