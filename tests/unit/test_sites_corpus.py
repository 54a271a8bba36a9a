"""The corpus: good sites have no finding, bad ones exactly those that they must have, at exactly their places."""

from __future__ import annotations

import pytest

from tests.unit.corpus import Case, bad, names, site, told, warnings


@pytest.mark.parametrize("name", names("good"))
def test_a_good_site_has_no_finding(name: str) -> None:
    assert told(site(name), {}) == []


@pytest.mark.parametrize("name", names("warned"))
def test_a_sound_site_has_exactly_its_warnings(name: str) -> None:
    assert told(site(name), {}) == warnings()[name]


@pytest.mark.parametrize("case", bad(), ids=lambda case: case.name)
def test_a_bad_site_has_exactly_its_findings(case: Case) -> None:
    assert case.told() == case.expected


def test_the_corpus_is_large_and_every_case_has_a_name_of_its_own() -> None:
    cases = bad()
    assert len(cases) >= 80
    assert len({case.name for case in cases}) == len(cases)
    assert len(names("good")) >= 15
    assert len({case.base for case in cases}) >= 10
