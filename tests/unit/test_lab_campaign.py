"""The fault campaign heals where it is ended early, and refuses a report of no run; no lab is needed to see that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.faults.__main__ import main
from tests.lab.test_faults import healed_in_any_case


def test_a_campaign_that_takes_too_long_heals_before_it_ends(tmp_path: Path) -> None:
    healed = tmp_path / "healed"
    program = f"""
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
print("begun", flush=True)
try:
    time.sleep(60)
finally:
    time.sleep(0.3)
    pathlib.Path({str(healed)!r}).touch()
"""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", program], stdout=pipe, stderr=pipe, text=True)
    assert process.stdout
    assert process.stdout.readline() == "begun\n"
    with pytest.raises(subprocess.TimeoutExpired):
        healed_in_any_case(process, 0.1)
    assert healed.exists()


def test_evidence_that_is_judged_again_makes_no_report_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--rejudge", "--report"])
    assert ended.value.code == 2
    assert "--rejudge has no run to report" in capsys.readouterr().err
