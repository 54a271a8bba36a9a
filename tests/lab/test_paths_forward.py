"""In namespaces the kernel forwards, and FRR and BIRD learn, what the plan forecasts, before and after each loss."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab.host import ROOT

pytestmark = [pytest.mark.lab, pytest.mark.namespaces, pytest.mark.timeout(180)]
SITES = "3"
"""The campaign `make paths-campaign` takes more."""


def run(*words: str) -> str:
    """Run a check to its end and return what it says; it has to go well."""
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_kernel_forwards_as_the_plan_forecasts() -> None:
    assert run("tests.lab.forwarding", SITES).count(" 0 contradicted") == int(SITES)


def test_frr_and_bird_learn_on_the_dev_site_what_the_plan_forecasts() -> None:
    assert "4 states, 0 differences" in run("tests.lab.routing", "0")
