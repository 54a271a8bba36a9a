"""The platform's filters at the nodes' ports: pods pass because the group lets them, and only then."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab.host import ROOT
from tests.lab.site import Site
from tests.unit.plan_sites import put
from tests.unit.plan_sites import site as declared
from underlay.plan.acl import nft
from underlay.plan.security import adapted_groups

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

NODE, ROUTER = "worker-2", "tor-b"
POOL = "10.244.0.0/16"


def handles(site: Site, chain: str, words: str) -> list[str]:
    """Return the numbers of the lines of a chain that hold some words."""
    text = site.inside(ROUTER, "nft", "-a", "list", "chain", "bridge", "platform", chain)
    return [line.rpartition("# handle ")[2] for line in text.splitlines() if words in line]


def listed(site: Site, chain: str) -> set[str]:
    """Return what a chain says, without its counters."""
    text = site.inside(ROUTER, "nft", "list", "chain", "bridge", "platform", chain)
    return {re.sub(r"packets \d+ bytes \d+ ", "", line.strip()) for line in text.splitlines()}


def applied(site: Site, groups: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Let the program's command have the adapter apply groups at the ports of the router's rack."""
    adapter = [sys.executable, "-m", "tests.lab.platform_adapter", ROUTER, NODE, "worker-3"]
    data = json.dumps({"adapter": adapter, "ports": [], "groups": groups})
    words = [sys.executable, "-m", "underlay", "ports"]
    return subprocess.run(
        words, input=data, capture_output=True, text=True, check=False, cwd=ROOT, env=site.environment
    )


@contextmanager
def without(site: Site, chain: str, words: str) -> Iterator[None]:
    """Take the line that holds some words out of a chain, and put it back."""
    [handle] = handles(site, chain, words)
    site.inside(ROUTER, "nft", "delete", "rule", "bridge", "platform", chain, "handle", handle)
    try:
        yield
    finally:
        site.inside(ROUTER, "nft", "insert", "rule", "bridge", "platform", chain, *words.split(), "accept")


@pytest.mark.parametrize(
    ("chain", "words"), [("from_worker_2", f"ip daddr {POOL}"), ("to_worker_2", f"ip saddr {POOL}")]
)
def test_a_missing_direction_cuts_pods_off_and_the_verdict_is_red(site: Site, chain: str, words: str) -> None:
    with without(site, chain, words):
        verdict = site.verify()
    assert verdict.code == 1, verdict.text
    assert any(NODE in where for _, _, where in verdict.not_passed()), verdict.not_passed()
    assert site.verify().code == 0


def test_the_check_of_source_addresses_drops_pods_and_the_verdict_is_red(site: Site) -> None:
    """What the check does at a port: only the node's own address may come from it."""
    check = ["ip", "saddr", "!=", "172.30.2.11", "counter", "drop"]
    site.inside(ROUTER, "nft", "insert", "rule", "bridge", "platform", "from_worker_2", *check)
    try:
        verdict = site.verify()
        counted = site.inside(ROUTER, "nft", "list", "chain", "bridge", "platform", "from_worker_2")
    finally:
        [handle] = handles(site, "from_worker_2", "!= 172.30.2.11")
        site.inside(ROUTER, "nft", "delete", "rule", "bridge", "platform", "from_worker_2", "handle", handle)
    assert verdict.code == 1, verdict.text
    dropped = re.search(r"!= 172\.30\.2\.11 counter packets (\d+)", counted)
    assert dropped
    assert int(dropped[1]) > 0
    assert site.verify().code == 0


def test_an_adapter_applies_a_group_and_pods_pass_again(site: Site) -> None:
    """The platform's default knows no pods; the program's own command lets them through, at every node of the rack."""
    asked = declared(put("security_groups.0.applied_by", "adapter"), put("port_adapter", ["x"]))
    chains = [f"{way}_{node}" for node in ("worker_2", "worker_3") for way in ("from", "to")]
    before = [listed(site, chain) for chain in chains]
    for chain in chains:
        for handle in handles(site, chain, POOL):
            site.inside(ROUTER, "nft", "delete", "rule", "bridge", "platform", chain, "handle", handle)
    try:
        assert site.verify().code == 1
    finally:
        done = applied(site, adapted_groups(asked))
    assert (done.returncode, done.stdout) == (0, '{"groups": {"nodes": "applied"}, "ports": {}}\n'), done.stderr
    assert [listed(site, chain) for chain in chains] == before
    assert site.verify().code == 0


def test_the_table_for_review_has_a_reason_for_each_line(site: Site) -> None:
    lines = json.loads(site.good("pulumi", "stack", "output", "security_groups", "--json"))["nodes"]
    assert {f"{direction} {POOL} any: declared" for direction in ("ingress", "egress")} <= set(lines)
    assert all(line.partition(": ")[2] for line in lines)


def test_the_lists_for_a_bridge_are_read_by_nftables_itself(site: Site) -> None:
    check = 'printf %s "$0" | nft --check --file - && echo read'
    assert site.inside(ROUTER, "sh", "-c", check, nft(declared())).strip() == "read"
