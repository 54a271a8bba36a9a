"""The report: one screen with the numbers read, red findings with witnesses and next step, colour only where wanted."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from tests.unit import judge_faults, test_judge_ends, test_judge_intrusion
from tests.unit.judge_site import PODS, expected, healthy, silence, site, verdict, verification_input
from underlay.collect.gather import Request
from underlay.commands import verify
from underlay.judge.evidence import Evidence
from underlay.judge.verdict import Check, Status, Verdict
from underlay.plan.verification import EVIDENCE
from underlay.report.columns import APART, NODES, ROUTERS, rows
from underlay.report.terminal import show


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Claim it."""
        return True


def shown(found: Verdict, stream: io.StringIO | None = None, old: float = 5.0) -> str:
    stream = stream or io.StringIO()
    show(found, stream, old)
    return stream.getvalue()


def red() -> dict[str, Any]:
    """Return the evidence of a node that does not forward."""
    evidence = healthy()
    evidence["nodes"]["worker-1"]["facts"]["sysctls"]["ip_forward"] = 0
    for other in PODS:
        if other != "worker-1":
            silence(evidence, "worker-1", other)
    return evidence


def test_a_green_site_fits_on_one_screen() -> None:
    text = shown(verdict(healthy()))
    assert len(text.splitlines()) <= 30
    assert "underlay dev: pass" in text
    assert "taken 2026-01-02 03:04:05 UTC in 4.2 s, 5 s old" in text
    assert "✗" not in text
    for words in ("75 sent, 75 received bare, 0 encapsulated", "cil_from_netdev#11", "(ifindex 3) via 172.30.1.1"):
        assert words in " ".join(text.split()), "the numbers read stand on the screen"


def test_a_red_site_names_cause_witnesses_and_next_step() -> None:
    text = " ".join(shown(verdict(red())).split())
    assert "✗ worker-1: IPv4 forwarding is off (ip_forward is 0); its pods cannot be reached [forwarding-off]" in text
    assert "seen: sysctl ip_forward reads 0" in text
    assert "seen: probe worker-1 → cp-1: ping 0/2 ETIMEDOUT" in text
    assert "next: Set net.ipv4.ip_forward=1" in text


def test_a_loss_without_cause_shows_where_it_was_seen_last() -> None:
    evidence = healthy()
    silence(evidence, "worker-1", "worker-2")
    text = " ".join(shown(verdict(evidence)).split())
    assert (
        "seen: cause not seen; last seen sent on worker-1's uplink (4 packets); not received on worker-2's uplink"
        in text
    )


def test_an_error_is_shown_as_one() -> None:
    evidence = healthy()
    del evidence["routers"]["tor-b"]
    evidence["errors"] = {"tor-b": "SSH: no answer"}
    text = " ".join(shown(verdict(evidence)).split())
    assert "? tor-b router-report: found SSH: no answer; expected a report." in text


def test_colour_stands_on_a_terminal_only() -> None:
    assert "\x1b[" in shown(verdict(healthy()), Terminal())
    assert "\x1b[" not in shown(verdict(healthy()))


def test_an_old_verdict_says_so() -> None:
    assert "90 min old" in shown(verdict(healthy()), old=5400.0)


def silent_api(evidence: dict[str, Any]) -> None:
    evidence["survey"] = {"nodes": {}, "errors": ["Kubernetes API: connection refused"]}


def judged_after(fault: Callable[[dict[str, Any]], None]) -> Verdict:
    evidence = healthy()
    fault(evidence)
    return verdict(evidence)


FAULTS: dict[str, Callable[[], Verdict]] = {
    **{
        name: partial(judged_after, made)
        for name, made in vars(judge_faults).items()
        if callable(made) and list(signature(made).parameters) == ["evidence"]
    },
    "silent API": partial(judged_after, silent_api),
    "both ends read": lambda: test_judge_ends.judged(test_judge_ends.api(), {}),
    "detection": lambda: test_judge_intrusion.verdict(test_judge_intrusion.at_work()),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_check_of_every_case_has_a_column(name: str) -> None:
    columns = {rule for table in (NODES, ROUTERS) for group in table.values() for rule in group}
    assert {check.rule for check in FAULTS[name]().checks} <= {*columns, *APART}
    assert len(FAULTS) > 25


def test_a_check_of_both_kinds_of_machine_is_red_in_the_cell_of_its_own() -> None:
    wrong = {"tor-a": test_judge_ends.text("tor-a").replace("password sesame", "password other")}
    found = test_judge_ends.judged(test_judge_ends.api(), wrong)
    assert {check.where for check in found.of(Status.FAIL)} == {"tor-a"}
    assert rows(found, ROUTERS)["tor-a"][list(ROUTERS).index("sessions")] == "fail"
    assert not rows(found, NODES).keys() & rows(found, ROUTERS).keys()
    assert set(rows(found, NODES)) == set(PODS)


def test_detection_has_a_column_where_there_is_one() -> None:
    evidence = test_judge_intrusion.at_work()
    evidence["nodes"]["worker-1"]["facts"]["intrusion"]["engine"] = None
    found = test_judge_intrusion.verdict(evidence)
    assert rows(found, NODES)["worker-1"][list(NODES).index("detection")] == "fail"
    assert " detection" in shown(found)
    assert " detection" not in shown(verdict(healthy()))


def test_every_cell_has_the_worst_status() -> None:
    found = verdict(red())
    assert rows(found, NODES)["worker-1"][list(NODES).index("route")] == "fail"
    assert rows(found, NODES)["worker-2"][list(NODES).index("route")] == "pass"


def test_json_has_a_schema_and_says_all() -> None:
    document = json.loads(json.dumps(verdict(red()).to_json()))
    assert (document["schema"], document["status"], document["taken"]) == (1, "fail", "2026-01-02T03:04:05+00:00")
    assert document["causes"][0]["rule"] == "forwarding-off"
    assert ["worker-1", "cp-1"] in document["causes"][0]["pairs"]
    assert {check["status"] for check in document["checks"]} >= {"pass", "fail"}


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, evidence: dict[str, Any], *more: str) -> int:
    """Run the command with gathered evidence of our own."""
    source = tmp_path / "input.json"
    keys = dict.fromkeys(PODS, "ssh-ed25519 AAAA")
    source.write_text(json.dumps(verification_input(site(), ssh_key="SECRET", host_keys=keys, kubeconfig="SECRET")))

    def gathered(request: Request, say: Callable[[str], None]) -> Evidence:
        assert request.expected == expected()
        say("verify: probes done")
        return Evidence.model_validate(evidence)

    monkeypatch.setattr(verify, "gather", gathered)
    return verify.main(["--input", str(source), *more])


def unjudged() -> dict[str, Any]:
    evidence = healthy()
    evidence["nodes"]["worker-1"] |= {"evidence": {"level": "none", "selftest": None}, "counters": []}
    return evidence


@pytest.mark.parametrize(
    ("made", "code", "status"), [(healthy, 0, Status.PASS), (red, 1, Status.FAIL), (unjudged, 3, Status.ERROR)]
)
def test_the_exit_code_is_the_verdict(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    made: Callable[[], dict[str, Any]],
    code: int,
    status: Status,
) -> None:
    assert run(monkeypatch, tmp_path, made(), "--json") == code
    out, err = capsys.readouterr()
    assert json.loads(out)["status"] == status.value
    assert f"underlay dev: {status.value}" in err
    assert "SECRET" not in out + err


def test_report_files_can_be_judged_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert run(monkeypatch, tmp_path, red(), "--report", str(tmp_path / "report")) == 1
    again = Evidence.model_validate_json((tmp_path / "report/evidence.json").read_text())
    assert again == Evidence.model_validate(red())
    assert json.loads((tmp_path / "report/verdict.json").read_text())["status"] == "fail"
    assert (tmp_path / "report/verdict.md").read_text().startswith("# Underlay dev: fail")


def test_an_update_names_the_directory_in_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(EVIDENCE, str(tmp_path / "proof"))
    assert run(monkeypatch, tmp_path, red(), "--json") == 1
    assert len([*(tmp_path / "proof").iterdir()]) == 6


def test_long_json_keeps_what_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "LONGEST", 9000)
    document = json.loads(verify._short(verdict(red())))
    assert document["causes"]
    assert all(check["status"] != "pass" for check in document["checks"])


def test_json_that_is_still_too_long_loses_entries_and_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = tuple(Check("wire", f"n{number}", Status.FAIL, "f" * 400) for number in range(500))
    document = json.loads(verify._short(replace(verdict(healthy()), checks=checks)))
    assert len(document["checks"]) + document["left_out"]["checks"] == 500
    assert document["status"] == "fail"
    assert all(check["found"] == "f" * 400 for check in document["checks"])
    monkeypatch.setattr(verify, "LONGEST", 10)
    assert json.loads(verify._short(verdict(red())))["status"] == "fail"


def test_a_crash_inside_is_no_verdict_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object) -> Verdict:
        raise RecursionError("too deep\x1b[2J")

    monkeypatch.setattr(verify, "judge", crash)
    assert run(monkeypatch, tmp_path, healthy()) == 3
    err = capsys.readouterr().err
    assert "verify: the site could not be judged: RecursionError: too deep [2J" in err
    assert "Traceback" not in err


def test_what_a_machine_says_does_not_steer_the_terminal() -> None:
    evidence = red()
    link = {"name": "\x1b]0;pwned\x07\x1b[2Jx", "ifindex": 77, "kind": "vxlan", "mtu": 1, "up": True}
    evidence["nodes"]["worker-1"]["facts"]["links"].append(link)
    evidence["nodes"]["worker-1"]["facts"]["cilium"]["marks"] = ["TUNNEL_MODE"]
    evidence["nodes"]["worker-2"]["errors"] = ["\x1b[31mnote\u202e"]
    evidence["nodes"]["worker-2"]["probes"][0]["udp"] |= {"received": 0, "error": "\x1b[5mlost"}
    del evidence["routers"]["tor-b"]
    evidence["errors"] = {"tor-b": "\x9b31mcolour"}
    text = shown(verdict(evidence))
    assert not [letter for letter in text if not letter.isprintable() and letter != "\n"]
    assert "]0;pwned [2Jx" in " ".join(text.split())
    assert "\x1b[5m" not in shown(verdict(evidence), Terminal())


@pytest.mark.parametrize(
    ("text", "words"), [("{", "Invalid JSON"), ('{"schema": 2}', "schema: Input should be less than or equal to 1")]
)
def test_wrong_input_is_one_message_without_its_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    (tmp_path / "input").write_text(text)
    assert verify.main(["--input", str(tmp_path / "input")]) == 3
    assert words in capsys.readouterr().err


def test_a_missing_input_file_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(["--input", str(tmp_path / "gone")]) == 3
    assert "No such file" in capsys.readouterr().err


def test_the_table_of_ten_thousand_machines_is_made_in_one_pass() -> None:
    checks = tuple(Check("route", f"n{number}", Status.PASS, "", "") for number in range(10_000))
    begun = time.process_time()
    table = rows(replace(verdict(healthy()), checks=checks), NODES)
    assert time.process_time() - begun < 2
    assert table["n9999"].count("pass") == 1
