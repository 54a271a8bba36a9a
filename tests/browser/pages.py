"""The pages that a browser is shown: reviews, verdicts, and both of a thousand nodes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tests.campaigns.big_site import Data, big_site
from tests.program.prepared_changes import CHANGES, case
from tests.unit.judge_big import big_expected, big_healthy
from tests.unit.plan_sites import put, site
from tests.unit.test_report_evidence import broken, made
from tests.unit.test_review_scale import preview
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.model import Site, load_site
from underlay.report.evidence import versions
from underlay.report.page import Picture
from underlay.report.page_html import html
from underlay.report.pictures import drawings
from underlay.report.review.answers import Case
from underlay.report.review.change import changes
from underlay.report.review.judged import judged
from underlay.report.review.page import review
from underlay.report.review.preview import read_preview
from underlay.report.verdict_page import verdict_page

NODES = 1000


def _reviewed(what: Case, of: Site) -> str:
    return html(review(what, of.name, [Picture(one.title, one.svg) for one in drawings(of)]))


def _change(name: str) -> Callable[[], str]:
    """Return how the review of one of the prepared changes is made."""
    return lambda: _reviewed(_taken(CHANGES[name].case()), site(CHANGES[name].made))


def _taken(what: Case) -> Case:
    """Return a review that is not refused; one that is (no Helm, no chart) would be another page."""
    assert not what.judged.errors, what.judged.errors
    return what


def _refused() -> str:
    return _reviewed(case(put("addresses.services", "10.244.0.0/20")), site())


def _verdict() -> str:
    return made(broken())["verdict.html"].decode()


def _thousand() -> str:
    found = read_preview(preview())
    return _reviewed(Case(changes(found), judged(found), None), load_site(big_site(NODES)))


def _numbered_from_nought() -> Data:
    """Return the large site with the nodes' names of the large evidence."""
    data = big_site(NODES)
    data["nodes"][-1]["name"] = data["security_groups"][0]["nodes"][-1] = "node-0"
    return data


@cache
def _evidence() -> dict[str, Any]:
    """Return what a thousand nodes have told, 64 of them that they do not forward."""
    evidence = big_healthy()
    for report in list(evidence["nodes"].values())[64:128]:
        report["facts"]["sysctls"]["ip_forward"] = 0
    return evidence


def _thousand_verdict() -> str:
    found = Evidence.model_validate(_evidence())
    declared = load_site(_numbered_from_nought())
    return html(verdict_page(declared, judge(big_expected(), found), found, "run", versions(declared, found)))


PAGES: dict[str, Callable[[], str]] = {
    "review-worker": _change("another worker"),
    "review-timers": _change("other timers"),
    "review-refused": _refused,
    "verdict": _verdict,
    "review-1000": _thousand,
    "verdict-1000": _thousand_verdict,
}
"""Name and maker of each page."""
PREPARED = {"verdict-1000": _evidence}
"""What a page's maker is given by nodes, so that it is no part of the making."""
