"""FRR and BIRD against GoBGP in bare namespaces: faults name the end that is wrong, and sites come up."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from lab.toolchain import ensure
from tests.lab.bgp.faults import ROWS
from tests.lab.host import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(900)]


def said(module: str, *words: str) -> str:
    """Return what a module of this ground prints; it has to end well."""
    ensure(["gobgp"])
    command = [sys.executable, "-m", f"tests.lab.bgp.{module}", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SEED = int(os.environ.get("UNDERLAY_SEED", "7"))
"""Another seed draws another sample; the whole table is `make bgp-campaign`."""
ROUTERS = ("tor-a", "tor-b")
"""FRR and BIRD."""


def sample() -> list[str]:
    """Return one fault of a session with each platform."""
    drawn = random.Random(SEED)
    return [drawn.choice([row.name for row in ROWS if router in row.says]) for router in ROUTERS]


def test_a_fault_of_a_session_is_named_with_its_wrong_end() -> None:
    assert f"{len(ROUTERS)} of {len(ROUTERS)} faults named" in said("faults", *sample())


def test_nodes_that_nobody_names_and_a_default_route_come_up() -> None:
    assert "0 wrong" in said("sites", "dynamic")


def test_what_a_lost_router_costs_is_as_forecast() -> None:
    """A row that contradicts the plan's forecast makes the module fail; the campaign has the narrower bound."""
    assert '"wrong": []' in said("losses", "--busy", "router-hangs-bird")


def test_a_sampled_site_comes_up_with_gobgp_at_the_nodes() -> None:
    assert "0 of 1 sites differ" in said("sites", "1", "5")
