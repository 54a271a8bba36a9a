"""Every site of the corpus is green where all is well: what a declaration means, the verdict expects."""

from __future__ import annotations

import pytest

from tests.unit import corpus
from tests.unit.judge_corpus import Corpus
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Status
from underlay.model import load_site
from underlay.plan.ends import planned
from underlay.plan.verification import expectations


@pytest.mark.parametrize("name", [*corpus.names("good"), *corpus.names("warned")])
def test_a_healthy_site_is_green(name: str) -> None:
    site = load_site(corpus.site(name))
    expected = expectations(site)
    found = judge(expected, Evidence.model_validate(Corpus(site, expected).evidence()), planned(site))
    assert [(one.rule, one.where, one.found) for one in found.of(Status.FAIL, Status.ERROR)] == []
    assert (found.status, found.causes, found.lost) == (Status.PASS, (), ())
