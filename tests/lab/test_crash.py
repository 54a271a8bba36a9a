"""`kill -9` of the engine in the middle of the first update: `make up` recovers by itself, nothing is there twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.host import ROOT, held, now, snapshot, wait_until_gone
from tests.lab.killed import kill_at, says
from tests.lab.site import Site, until

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(900)]

MOMENTS = {
    "the installer runs": says("command:local:Command installer creating"),
    "the release is made": says("kubernetes:helm.sh/v3:Release cilium creating"),
    "agents are waited for": says("command:local:Command agents creating"),
}
"""Where the engine is killed: right after it has said so."""
SEED = int(os.environ.get("UNDERLAY_SEED", "7"))
"""Another seed draws another moment; all of them are `make crash`."""
DRAWN = MOMENTS if "UNDERLAY_CRASH" in os.environ else random.Random(SEED).sample(sorted(MOMENTS), 1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path / "state")
    yield made
    made.run("down")


def make_up(site: Site) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "up"], cwd=ROOT, env=site.environment, capture_output=True, text=True, timeout=600, check=False
    )


def names(site: Site, *kind: str) -> list[str]:
    items = json.loads(site.good("kubectl", "get", *kind, "-o", "json"))["items"]
    return sorted(item["metadata"]["name"] for item in items)


def left_in_the_repository() -> set[str]:
    """Return what is changed, new or ignored there, but for reports and Python's own cache."""
    words = ["git", "status", "--porcelain", "--ignored=matching"]
    lines = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line for line in lines if "__pycache__" not in line and line != "!! build/"}


@pytest.mark.parametrize("moment", DRAWN)
def test_make_up_recovers_from_a_killed_first_update_and_down_leaves_nothing(site: Site, moment: str) -> None:
    before, files = snapshot(), left_in_the_repository()
    site.good("up")
    kill_at(site, MOMENTS[moment])
    begin = time.monotonic()
    done = make_up(site)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    print(f"killed when {moment}: make up again took {time.monotonic() - begin:.0f} s")
    assert names(site, "ciliumbgpclusterconfigs") == ["underlay-rack-a", "underlay-rack-b"]
    assert names(site, "-n", "kube-system", "daemonset") == ["cilium"]
    assert len(names(site, "-n", "kube-system", "secret", "-l", "owner=helm")) == 1
    namespaces = site.namespaces()
    moment_of_end = now()
    site.good("down")
    assert wait_until_gone(site) == set()
    assert until(lambda: not held(namespaces, moment_of_end), 5)
    assert snapshot() == before
    assert site.groups() == []
    assert left_in_the_repository() - files == set()
