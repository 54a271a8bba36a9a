"""A page as one HTML file: no other file, no network, light and dark, with a filter over its rows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from underlay.report.columns import harmless
from underlay.report.page import Link, Page, Picture

TEMPLATE = "page.html.j2"
REPOSITORY = "../../"
"""From where reports are written, `build/NAME/`, to the documents that links lead to."""


BAD = ("fail", "error", "refused")
"""Cells that stand out; their words say it, too."""
FEW = range(3, 6)
"""Columns of a table whose rows a narrow screen shows as blocks; one with more is moved sideways in its own frame."""


def html(page: Page) -> str:
    """Return the whole page; every text is escaped by the template engine, and only our own drawings are not."""
    return _environment().get_template(TEMPLATE).render(page=page, repository=REPOSITORY, bad=BAD, few=FEW)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clean"] = harmless
    environment.filters["drawing"] = _drawing
    environment.tests["link"] = lambda cell: isinstance(cell, Link)
    environment.filters["kind"] = lambda block: type(block).__name__
    environment.filters["sign"] = _sign
    return environment


def _drawing(picture: Picture) -> Markup:
    """Return a drawing as it is: it is made by this program, which escapes every text in it."""
    return Markup(picture.svg)  # noqa: S704


def _sign(line: str) -> str:
    """Return what a line of a difference is: added, removed, or neither."""
    return {"+": "added", "-": "removed", "@": "place"}.get(line[:1], "")
