"""The lab leaves nothing behind: after success, after kill -9 of the outer process, after kill -9 half way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.host import Lab, Snapshot, held, now, snapshot, wait_until_gone

pytestmark = [pytest.mark.lab, pytest.mark.namespaces]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path / "state")
    yield made
    made.run("down")


@pytest.fixture
def before() -> Snapshot:
    return snapshot()


def end(lab: Lab) -> float:
    """End the lab and return the moment before: what is older and still in its namespaces was left behind."""
    moment = now()
    lab.good("down")
    return moment


def assert_clean(lab: Lab, before: Snapshot, namespaces: set[str], ended: float) -> None:
    assert wait_until_gone(lab) == set()
    assert held(namespaces, ended) == set()
    assert snapshot() == before
    assert lab.groups() == []
    assert not lab.state.exists()


def test_up_and_down_leave_the_host_as_it_was(lab: Lab, before: Snapshot) -> None:
    lab.good("up")
    lab.good("status")
    namespaces = lab.namespaces()
    assert len(namespaces) >= 8 * len(("mnt", "net", "pid", "uts", "ipc")), "the outer process and seven machines"
    during = snapshot()
    assert (during.mounts, during.links, during.routes) == (before.mounts, before.links, before.routes)
    assert during.settings == before.settings
    assert lab.groups()
    assert_clean(lab, before, namespaces, end(lab))


def test_killing_the_outer_process_ends_everything(lab: Lab, before: Snapshot) -> None:
    lab.good("up")
    namespaces, moment = lab.namespaces(), now()
    os.kill(lab.supervisor(), signal.SIGKILL)
    assert wait_until_gone(lab) == set()
    assert lab.run("status").returncode == 1
    end(lab)
    assert_clean(lab, before, namespaces, moment)


def test_up_after_a_killed_outer_process_starts_anew(lab: Lab) -> None:
    lab.good("up")
    killed = lab.supervisor()
    os.kill(killed, signal.SIGKILL)
    lab.good("up")
    lab.good("status")
    assert lab.supervisor() != killed


def kill_up_half_way(lab: Lab, seconds: float) -> None:
    """Kill `up` after some seconds; where it was at its end by then, begin anew and kill it sooner."""
    while True:
        process = lab.start("up")
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            assert process.returncode == -signal.SIGKILL
            return
        assert process.returncode == 0
        lab.good("down")
        seconds /= 2


@pytest.mark.parametrize("seconds", [0.45, 0.7, 1.2, 2.0])
def test_up_killed_half_way_leaves_nothing_and_goes_on(lab: Lab, before: Snapshot, seconds: float) -> None:
    for following in ("down", "up"):
        kill_up_half_way(lab, seconds)
        lab.good(following)
    lab.good("status")
    namespaces = lab.namespaces()
    assert_clean(lab, before, namespaces, end(lab))


def remove(folder: Path) -> None:
    """Remove a folder that running machines still write to: what they make meanwhile needs another attempt."""
    deadline = time.monotonic() + 30
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
    assert not folder.exists()


def test_down_ends_a_lab_whose_state_folder_is_gone(lab: Lab, before: Snapshot) -> None:
    lab.good("up")
    namespaces = lab.namespaces()
    remove(lab.state)
    assert_clean(lab, before, namespaces, end(lab))


def test_down_ends_what_exec_started_even_when_orphaned(lab: Lab, before: Snapshot) -> None:
    lab.good("up")
    lab.good("exec", "--", "sh", "-c", "setsid sleep 600 >/dev/null 2>&1 </dev/null &")
    namespaces = lab.namespaces()
    assert_clean(lab, before, namespaces, end(lab))


def test_down_without_a_lab_is_fine_and_a_second_one_too(lab: Lab, before: Snapshot) -> None:
    lab.good("down")
    assert_clean(lab, before, set(), end(lab))


def test_a_folder_of_somebody_else_is_left_alone(lab: Lab) -> None:
    lab.state.mkdir()
    (lab.state / "thesis.tex").write_text("years of work")
    refused = lab.run("up")
    assert refused.returncode == 1
    assert "UNDERLAY_STATE" in refused.stderr
    lab.good("down")
    assert (lab.state / "thesis.tex").read_text() == "years of work"


def lasting(lab: Lab) -> set[int]:
    """Return the processes that are there twice a second apart: services in their start have short-lived children."""
    first = lab.processes()
    time.sleep(1)
    return first & lab.processes()


def test_a_second_up_changes_nothing(lab: Lab) -> None:
    lab.good("up")
    first = lasting(lab)
    key = (lab.state / "keys/operator").read_text()
    lab.good("up")
    assert lasting(lab) == first
    assert (lab.state / "keys/operator").read_text() == key


def test_another_site_is_refused_while_the_lab_runs(lab: Lab, tmp_path: Path) -> None:
    lab.good("up")
    site = tmp_path / "other.yaml"
    site.write_text(Path("Pulumi.dev.yaml").read_text().replace("worker-3", "worker-9"))
    refused = lab.run("up", "--site", str(site))
    assert refused.returncode == 1
    assert "lab down" in refused.stderr
    lab.good("status")


def test_everything_in_the_state_folder_is_the_owners_alone(lab: Lab) -> None:
    lab.good("up")
    assert lab.state.stat().st_mode & 0o077 == 0
    for path in (*(lab.state / "keys").iterdir(), lab.state / "Pulumi.dev.yaml"):
        assert path.stat().st_mode & 0o077 == 0, path
