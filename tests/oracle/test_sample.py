"""A seeded sample of the campaign: the real agent takes what we accept, and refuses what a rule says it refuses."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import islice

import pytest

from tests.oracle.__main__ import accepted
from tests.oracle.oracle import Oracle, oracle
from tests.oracle.space import cover
from underlay.plan.checks import RULES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the agent wants root and namespaces of its own")
SEED = 20
REFUSED_BY_THE_AGENT = ("big-tcp-needs-bpf-host-routing", "no-conntrack-rules-impossible", "cilium-word-unknown")
REFUSED_BY_THE_OPERATOR = ("pod-pool-overlaps-pod-pool",)
STARTS_AND_WORKS_WRONGLY = ("bpf-host-routing-needs-kube-proxy-replacement", "masquerade-agent-without-ranges")


@pytest.fixture(scope="module")
def asked() -> Iterator[Oracle]:
    with oracle() as one:
        yield one


def test_the_agent_takes_what_we_accept(asked: Oracle) -> None:
    rows = list(islice(cover(random.Random(SEED), accepted, set()), 3))
    assert len(rows) == 3
    assert [answer for answer in map(asked.ask, rows) if answer.missed] == []


@pytest.mark.parametrize("name", REFUSED_BY_THE_AGENT)
def test_the_agent_refuses_what_we_refuse(asked: Oracle, name: str) -> None:
    bad, good = asked.ask(RULES[name].bad), asked.ask(RULES[name].good)
    assert (bad.rules, bad.chart, bool(bad.agent)) == ((name,), "", True)
    assert (good.rules, good.refused) == ((), "")


@pytest.mark.parametrize("name", REFUSED_BY_THE_OPERATOR)
def test_the_operator_refuses_what_we_refuse(asked: Oracle, name: str) -> None:
    bad, good = asked.ask(RULES[name].bad), asked.ask(RULES[name].good)
    assert (name in bad.rules, bad.chart, bad.agent, bool(bad.operator)) == (True, "", "", True)
    assert good.operator == ""


@pytest.mark.parametrize("name", STARTS_AND_WORKS_WRONGLY)
def test_what_nobody_else_refuses_is_refused_by_us(asked: Oracle, name: str) -> None:
    answer = asked.ask(RULES[name].bad)
    assert (answer.rules, answer.refused) == ((name,), "")
