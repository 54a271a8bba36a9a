"""A browser opens the pages without any network and runs their filter alone; skipped where there is no browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.__main__ import FAINT
from tests.unit.browser import FOUND, Browser, browser
from tests.unit.plan_sites import site
from tests.unit.test_report_page import HOSTILE
from underlay.report.page import Page, Picture, Section, Table
from underlay.report.page_html import html
from underlay.report.pictures import drawings

pytestmark = [pytest.mark.skipif(not FOUND, reason="no chromium; UNDERLAY_BROWSER names one"), pytest.mark.timeout(90)]

FILTER = """(word => { const field = document.getElementById("filter"); field.value = word;
  const begun = performance.now(); field.dispatchEvent(new Event("input")); const spent = performance.now() - begun;
  return [[...document.querySelectorAll("tbody tr")].filter(row => !row.hidden).length,
          document.getElementById("count").textContent, spent]; })"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser") / "profile") as made:
        yield made


def show(page: Page, folder: Path) -> Path:
    file = folder / "page.html"
    file.write_text(html(page), encoding="utf-8")
    return file


def test_the_filter_is_quick_over_a_thousand_nodes(chromium: Browser, tmp_path: Path) -> None:
    rows = [(f"worker-{number}", "joins") for number in range(1, 1001)]
    chromium.open(show(Page("p", "", [Section("Nodes", [Table(("node", "what"), rows)])]), tmp_path))
    shown, words, spent = chromium.value(f'{FILTER}("worker-77")')
    assert (shown, words) == (11, "11 of 1000 rows")
    assert spent < 500
    assert chromium.value(f'{FILTER}("")')[0] == 1000


def test_hostile_names_run_nothing_and_ask_for_nothing(chromium: Browser, tmp_path: Path) -> None:
    bad = [("<img src=x onerror=\"document.title='taken'\">", ""), *((text, "") for text in HOSTILE)]
    file = show(Page("whole", "", [Section("s", [Table(("a", "b"), bad)])]), tmp_path)
    before = len(chromium.asked)
    chromium.open(file)
    assert chromium.value("document.title") == "whole"
    assert chromium.value("document.images.length") == 0
    assert chromium.asked[before:] == [file.as_uri()]


@pytest.mark.parametrize("width", [480, 1280])
@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 29)")])
def test_pages_fit_in_light_and_dark(chromium: Browser, tmp_path: Path, width: int, scheme: str, paper: str) -> None:
    pictures = [Picture(one.title, one.svg) for one in drawings(site())]
    chromium.open(show(Page("p", "w" * 300, [Section("Pictures", pictures)]), tmp_path), scheme, width)
    assert chromium.value("document.documentElement.scrollWidth") <= width
    assert chromium.value("getComputedStyle(document.body).backgroundColor") == paper
    assert chromium.value("getComputedStyle(document.querySelector('svg .paper')).fill") == paper


def test_faint_texts_and_complaints_are_found(chromium: Browser, tmp_path: Path) -> None:
    """What `make browser` looks for is seen where it is."""
    file = show(Page("p", "readable", []), tmp_path)
    chromium.open(file)
    assert chromium.value(FAINT) == chromium.complaints == []
    faint = '<p style="color: #bbb">faint</p><script>console.error("said"); undefined.x;</script>'
    file.write_text(file.read_text(encoding="utf-8").replace("</main>", faint), encoding="utf-8")
    chromium.open(file)
    assert [text.partition(" ")[0] for text in chromium.value(FAINT)] == ["faint"]
    assert sorted({text.partition(":")[0] for text in chromium.complaints}) == [
        "Runtime.consoleAPICalled",
        "Runtime.exceptionThrown",
    ]
    chromium.complaints.clear()
