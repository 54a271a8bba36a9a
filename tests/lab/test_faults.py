"""A seeded sample of the fault table on the running site: named with its place, and silence when healed."""

from __future__ import annotations

import os
import random
import subprocess

import pytest

from tests.lab.faults.table import Fault, faults
from tests.lab.host import ROOT
from tests.lab.site import running

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SEED = int(os.environ.get("UNDERLAY_SEED", "7"))
"""Another seed draws another sample; the whole table is `make faults`."""
COUNT = 8
SECONDS, HEALING = 600, 200
"""What the sample may take, and then the campaign's own healing after SIGTERM."""
ALWAYS = ("forwarding-off", "router-blackhole", "security-group-drops-pool", "strict-reverse-path-symmetric")
"""One on a node, two at a router, and one without effect."""


def sample() -> list[str]:
    """Return a few faults for every run and more by the seed; what changes a whole router is left to campaigns."""
    rest = [fault.id for fault in faults() if fault.id not in ALWAYS and not fault.alone]
    return [*ALWAYS, *random.Random(SEED).sample(rest, COUNT - len(ALWAYS))]


def healed_in_any_case(process: subprocess.Popen[str], seconds: float) -> tuple[str, str]:
    """Return what a campaign has said; one that is not at its end is told to heal, and has the time to do so."""
    try:
        return process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=HEALING)


def test_a_sample_of_the_fault_table_is_named_rightly() -> None:
    command = ["exec", "--", "python", "-m", "tests.lab.faults", "--only", *sample()]
    process = running().start(*command)
    out, error = healed_in_any_case(process, SECONDS)
    print(out)
    assert process.returncode == 0, f"seed {SEED}:\n{out}{error}"


def test_the_campaign_ends_with_an_error_where_a_name_is_unknown() -> None:
    command = ["python3", "-m", "lab", "exec", "--", "python", "-m", "tests.lab.faults", "--only", "no-such-fault"]
    done = subprocess.run(command, cwd=ROOT, env=running().environment, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "no fault no-such-fault" in done.stderr


def test_the_table_states_every_effect_in_both_profiles() -> None:
    table: tuple[Fault, ...] = faults()
    assert len({fault.id for fault in table}) == len(table) >= 80
    assert sum(fault.expected("legacy") != fault.expected("bpf") for fault in table) >= 10
