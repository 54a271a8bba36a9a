"""`python -m tests.browser`: every page in a browser; pictures of all of them in build/browser; 1 if one is wrong."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lab.paths import repo
from tests.browser.pages import PAGES, PREPARED
from tests.browser.program import NoBrowser, ensure
from tests.unit.browser import Browser, browser

FOLDER = repo() / "build" / "browser"
WIDTHS, SCHEMES = (480, 1280), {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}
SECONDS, BYTES = 5.0, 2_000_000
"""Of processor's time to make a page, and its size."""
OPENED, FILTERED = 5.0, 500.0
"""Seconds of processor's time to open a page, milliseconds by the clock to filter it."""
FILTER = """(() => { const field = document.getElementById("filter"), rows = [...document.querySelectorAll("tbody tr")];
  field.value = rows.at(-1).textContent.trim().slice(0, 6); const begun = performance.now();
  field.dispatchEvent(new Event("input")); document.body.offsetHeight; const spent = performance.now() - begun;
  const shown = rows.filter(row => !row.hidden).length; field.value = ""; field.dispatchEvent(new Event("input"));
  return [rows.length, shown, rows.filter(row => row.hidden).length, spent]; })()"""
FAINT = (repo() / "tests" / "browser" / "faint.js").read_text(encoding="utf-8")
"""Finds texts with less contrast to what is behind them than people need."""


class Figures(NamedTuple):
    """What one page has cost."""

    page: str
    made: float
    size: int
    opened: float
    """Seconds of processor's time; a busy machine takes longer by the clock."""
    clock: float
    rows: int
    filtered: float

    def __str__(self) -> str:
        """Return one line."""
        return (
            f"{self.page:15} made in {self.made:4.1f} s, {self.size / 1000:6.0f} kB, opened in {self.opened:4.1f} s "
            f"({self.clock:.1f} by the clock), "
            f"{self.rows:5} rows filtered in {self.filtered:3.0f} ms"
        )


def main() -> int:
    """Open every page; print figures, and what is wrong."""
    try:
        program = ensure()
    except NoBrowser as error:
        print(f"no browser: {error}", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, browser(Path(folder) / "profile", program) as chromium:
        wrong = [problem for name in PAGES for problem in _look(chromium, name)]
    print("\n".join(wrong) or f"all {len(PAGES)} pages are right; pictures of them are in {FOLDER.relative_to(repo())}")
    return 1 if wrong else 0


def _look(chromium: Browser, name: str) -> Iterator[str]:
    """Yield what is wrong with a page."""
    if prepare := PREPARED.get(name):
        prepare()
    begun = time.process_time()
    text = PAGES[name]()
    spent = time.process_time() - begun
    file = FOLDER / f"{name}.html"
    file.write_text(text, encoding="utf-8")
    slowest, longest = 0.0, 0.0
    for scheme in SCHEMES:
        for width in WIDTHS:
            begun, worked = time.monotonic(), chromium.worked()
            chromium.open(file, scheme, width)
            longest = max(longest, time.monotonic() - begun)
            slowest = max(slowest, chromium.worked() - worked)
            yield from (f"{name}, {scheme}, {width} wide: {problem}" for problem in _seen(chromium, scheme, width))
            chromium.screenshot(FOLDER / f"{name}-{scheme}-{width}.png")
    rows, shown, hidden, filtered = chromium.value(FILTER)
    figures = Figures(name, spent, len(text.encode()), slowest, longest, rows, filtered)
    print(figures, flush=True)
    yield from _bounds(figures)
    if not 0 < shown < rows or hidden:
        yield f"{name}: the filter shows {shown} of {rows} rows, and hides {hidden} when it is empty"
    yield from (f"{name}: {complaint}" for complaint in chromium.complaints)
    yield from (f"{name}: asks for {url}" for url in chromium.asked if url != file.as_uri())
    chromium.complaints.clear()
    chromium.asked.clear()


def _seen(chromium: Browser, scheme: str, width: int) -> Iterator[str]:
    if (wide := chromium.value("document.documentElement.scrollWidth")) > width:
        yield f"is {wide} wide, so it has to be moved sideways"
    if (paper := chromium.value("getComputedStyle(document.body).backgroundColor")) != SCHEMES[scheme]:
        yield f"its paper is {paper}"
    yield from (f"hard to read: {text}" for text in chromium.value(FAINT))


def _bounds(told: Figures) -> Iterator[str]:
    limits = (
        ("seconds to make", told.made, SECONDS),
        ("bytes", told.size, BYTES),
        ("seconds to open", told.opened, OPENED),
        ("milliseconds to filter", told.filtered, FILTERED),
    )
    yield from (f"{told.page}: {what}: {found:.1f}, at most {most}" for what, found, most in limits if found > most)


if __name__ == "__main__":
    sys.exit(main())
