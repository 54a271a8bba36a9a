"""A node that lies, floods or babbles is one named finding, at little cost, and the other nodes are judged as ever."""

from __future__ import annotations

import asyncio
import io
import json
import multiprocessing
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncssh
import pytest
from pydantic import ValidationError

from lab.paths import repo
from tests.unit.judge_site import PODS, expected, healthy, site, verdict
from tests.unit.test_collect_nodes import ask, refusal, says, swallow
from underlay.judge.evidence import Evidence, NodeReport
from underlay.judge.judge import judge
from underlay.judge.verdict import Status
from underlay.report.evidence import files as made
from underlay.report.terminal import show

LIAR = "worker-1"
HOSTILE = "\x1b[2J\x1b]0;title\x07\r\n| <script>`$(reboot)` \u202e\U000e0041" + "x" * 3000
LARGE = (2**63 - 1, -(2**63), 0, -1)


def report(change: Callable[[dict[str, Any]], object] = lambda _: None) -> bytes:
    """Return a healthy node's answer with something changed."""
    found = healthy()["nodes"][LIAR]
    change(found)
    return json.dumps(found).encode() + b"\n"


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "entries": (
        lambda: report(lambda found: found.update(counters=[{}] * 500_000)),
        "counters.0.point: Field required",
    ),
    "names": (
        lambda: report(lambda found: found["facts"].update(sysctls={f"{number}": "" for number in range(120_000)})),
        "120000 names",
    ),
    "one name": (
        lambda: report(lambda found: found.update({"\x1b[31m" * 500_000: 1})),
        "the report is not valid: \\x1b[31m",
    ),
    "nesting": (lambda: b"[" * 1_000_000 + b"\n", "is not JSON"),
    "digits": (lambda: report().replace(b'"missed": 0', b'"missed": ' + b"9" * 4000), "is not JSON"),
    "no number": (lambda: report().replace(b'"seconds": 2.5', b'"seconds": NaN'), "is not JSON"),
    "half a letter": (
        lambda: report().replace(b'"host": "worker-1"', b'"host": "\\ud800"'),
        "host: Input should be a valid",
    ),
}
"""Answers, most of them of megabytes, that would cost gigabytes or minutes; and what is said of each."""


def cost(bomb: str) -> tuple[str, float, int]:
    """Return what is said of a bomb, the processor's seconds, and the growth of this process's peak in KiB."""
    answer = BOMBS[bomb][0]()
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    found = refusal(says(answer))
    return found, time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before


def print_costs() -> None:
    """Print each bomb's cost; each has a process of its own, as a peak never falls and would hide the next one's."""
    with multiprocessing.get_context("fork").Pool(1, maxtasksperchild=1) as pool:
        print(json.dumps(dict(zip(BOMBS, pool.map(cost, BOMBS, chunksize=1), strict=True))))


@pytest.fixture(scope="module")
def costs() -> dict[str, tuple[str, float, int]]:
    program = f"from {__name__} import print_costs; print_costs()"
    done = subprocess.run([sys.executable, "-c", program], cwd=repo(), capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[str, float, int]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_a_sentence_and_costs_little(costs: dict[str, tuple[str, float, int]], bomb: str) -> None:
    found, seconds, kibibytes = costs[bomb]
    assert BOMBS[bomb][1] in found
    assert len(found) < 700
    assert found.isascii()
    assert found.isprintable()
    assert seconds < 5
    assert kibibytes < 200 * 1024


def test_fifty_megabytes_are_not_taken_in() -> None:
    sent = 0

    async def flood(process: asyncssh.SSHServerProcess[bytes]) -> None:
        nonlocal sent
        await swallow(process)
        for _ in range(800):
            process.stdout.write(b"x" * 65536)
            await process.stdout.drain()
            sent += 65536

    assert "the answer is longer than 8388608 bytes: 'xxx" in refusal(flood)
    assert sent < 20_000_000


def test_an_answer_that_comes_in_drops_costs_its_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("underlay.collect.nodes.REPORTING", 0.5)

    async def drip(process: asyncssh.SSHServerProcess[bytes]) -> None:
        await swallow(process)
        while True:
            process.stdout.write(b"{")
            await asyncio.sleep(0.05)

    assert refusal(drip) == "no answer to 'report' within 0.5 s"


def test_words_after_the_answer_are_no_second_answer() -> None:
    assert "is not JSON" in refusal(says(report() + report()))


def test_another_nodes_name_is_a_finding_and_domains_are_not() -> None:
    for host, status in (("worker-2", Status.FAIL), ("worker-1.example.com", Status.PASS), ("Worker-1", Status.PASS)):
        evidence = healthy()
        evidence["nodes"][LIAR]["host"] = host
        found = [check for check in verdict(evidence).checks if (check.rule, check.where) == ("node-name", LIAR)]
        assert [(check.status, check.found) for check in found] == [(status, host)]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each number and text."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(part, (*path, key))
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield path


def spoilt(report_: dict[str, Any], rng: random.Random, count: int) -> int:
    """Put hostile values wherever a report stays valid with them, and return how many."""
    done = 0
    for path in rng.sample(sorted(leaves(report_), key=str), count):
        place = report_
        for key in path[:-1]:
            place = place[key]
        old = place[path[-1]]
        place[path[-1]] = HOSTILE if isinstance(old, str) else rng.choice(LARGE)
        try:
            NodeReport.model_validate(report_)
            done += 1
        except ValidationError:
            place[path[-1]] = old
    return done


@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_valid_report_says_the_others_are_judged_as_ever(seed: int) -> None:
    evidence = healthy()
    assert spoilt(evidence["nodes"][LIAR], random.Random(seed), 60) > 20
    found = judge(expected(), Evidence.model_validate(evidence))
    others = {name for name in PODS if name != LIAR}
    assert {check.where for check in found.checks} >= others
    text = io.StringIO()
    show(found, text, 1.0)
    kept = made(site(), found, Evidence.model_validate(evidence), ())
    for told in (text.getvalue(), kept["verdict.md"].decode()):
        assert not any(character in told for character in "\x1b\x07\r\u202e")
    blamed = [check for check in found.checks if check.where in others and check.status is Status.ERROR]
    assert blamed == [], "no other node becomes unjudged by what one says"


def test_a_report_comes_back_as_it_was() -> None:
    assert asyncio.run(ask(says(report()))) == NodeReport.model_validate(healthy()["nodes"][LIAR])
