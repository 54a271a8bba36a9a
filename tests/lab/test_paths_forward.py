"""Accepted sites are built in namespaces, and the kernel forwards as forecast, before and after each loss."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.lab.host import ROOT

SITES = "4"
"""The campaign `make paths-campaign` takes more."""


@pytest.mark.timeout(180)
def test_the_kernel_forwards_as_the_plan_forecasts() -> None:
    command = [sys.executable, "-m", "tests.lab.forwarding", SITES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0 contradicted") == int(SITES)
