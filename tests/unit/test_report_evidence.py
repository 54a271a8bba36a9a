"""The proof of a run: one name, digests that hold, test results that count, no secret, and small."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from tests.unit.judge_faults import forwarding_off
from tests.unit.judge_site import healthy, site, verdict
from underlay.judge.evidence import Evidence
from underlay.judge.judge import SUSPECTED
from underlay.judge.verdict import Status
from underlay.report import evidence as proof
from underlay.report import verdict_page
from underlay.report.evidence import MANIFEST, REDACTED, files, run_id, secrets_of, write
from underlay.report.page_html import html

KEY = "-----BEGIN KEY-----\ncanary-first-line\ncanary-second-line\n-----END KEY-----\n"
KUBECONFIG = "users: [{name: a, user: {token: canary-token, client-key-data: canary-client-key}}]"
CANARIES = ("canary-first-line", "canary-second-line", "canary-token", "canary-client-key")


def broken() -> dict[str, Any]:
    evidence = healthy()
    forwarding_off(evidence)
    return evidence


def made(found: dict[str, Any]) -> dict[str, bytes]:
    return files(site(), verdict(found), Evidence.model_validate(found), secrets_of((KEY,), KUBECONFIG))


def test_every_file_has_its_digest_and_the_run_s_name() -> None:
    found = made(broken())
    assert set(found) == {"verdict.md", "verdict.json", "verdict.html", "verdict.xml", "evidence.json", MANIFEST}
    manifest = json.loads(found[MANIFEST])
    assert set(manifest["files"]) == set(found) - {MANIFEST}
    for name, told in manifest["files"].items():
        assert told == {"sha256": hashlib.sha256(found[name]).hexdigest(), "bytes": len(found[name])}
    run = run_id(verdict(broken()))
    assert run.startswith("20260102T030405Z-")
    assert manifest["run"] == run
    assert manifest["versions"]["kernels"] == ["6.18.0"]
    for name in ("verdict.md", "verdict.html", "verdict.xml"):
        assert run.encode() in found[name]
    assert sum(map(len, found.values())) < 250_000


def test_the_markdown_of_a_run_holds_what_is_broken_and_no_foreign_markup() -> None:
    evidence = broken()
    evidence["nodes"]["cp-1"]["errors"] = ["<b>@team</b> | `x` \x1b[0m"]
    text = made(evidence)["verdict.md"].decode()
    assert text.startswith("# Underlay dev: fail\n")
    assert "\nworker-1: IPv4 forwarding is off" in text
    assert "\\(forwarding-off\\). It explains" in text
    assert "- sysctl ip\\_forward reads 0" in text
    assert "| cp-1 | wire | fail | eth0 \\(ifindex 3\\): 50 sent" in text
    assert "&lt;b&gt;@\u200bteam&lt;/b&gt; \\| \\`x\\`" in text


def test_the_same_run_is_the_same_bytes() -> None:
    assert made(broken()) == made(broken())


def test_no_secret_is_in_any_file() -> None:
    evidence = broken()
    evidence["nodes"]["cp-1"]["errors"] = [f"said {one}" for one in CANARIES]
    evidence["errors"] = {"worker-1": f"ssh: {CANARIES[0]}"}
    found = made(evidence)
    for name, data in found.items():
        assert not [one for one in CANARIES if one.encode() in data], name
    assert REDACTED.encode() in found["evidence.json"]


def test_a_kubeconfig_that_is_none_is_a_secret_as_a_whole() -> None:
    assert "no kubeconfig at all" in set(secrets_of((), "no kubeconfig at all"))
    assert set(secrets_of((), "users: [{name: a}]")) == {"users: [{name: a}]"}


def test_results_count_what_is_broken() -> None:
    judged = verdict(broken())
    suite = ET.fromstring(made(broken())["verdict.xml"].decode())[0]  # noqa: S314 - our own file
    cases = suite.findall("testcase")
    assert suite.attrib["tests"] == str(len(cases))
    assert suite.attrib["failures"] == str(len(suite.findall("testcase/failure")))
    assert suite.attrib["errors"] == str(len(suite.findall("testcase/error")))
    assert int(suite.attrib["failures"]) >= len(judged.causes) > 0


def test_the_page_names_the_cause_and_draws_it() -> None:
    page = made(broken())["verdict.html"].decode()
    [cause] = verdict(broken()).causes
    assert cause.rule in page
    assert page.count("<svg") == 3
    assert "Nothing was found to be broken." in made(healthy())["verdict.html"].decode()


def test_what_passed_is_counted_where_a_page_would_be_long(monkeypatch: Any) -> None:
    whole = made(broken())
    monkeypatch.setattr(verdict_page, "MOST", 20)
    page = made(broken())["verdict.html"].decode()
    assert "<td>4 places</td><td>session</td><td>pass</td><td>each is in verdict.json</td>" in page
    assert page.count(' class="bad">fail</td>') == whole["verdict.html"].decode().count(' class="bad">fail</td>') > 5
    assert json.loads(made(broken())["verdict.json"]) == json.loads(whole["verdict.json"])


def test_what_was_skipped_is_counted_too(monkeypatch: Any) -> None:
    monkeypatch.setattr(verdict_page, "MOST", 20)
    judged = verdict(broken())
    checks = [replace(check, status=Status.SKIPPED) if check.rule == "session" else check for check in judged.checks]
    page = html(
        verdict_page.verdict_page(
            site(), replace(judged, checks=tuple(checks)), Evidence.model_validate(healthy()), "run", {}
        )
    )
    assert "<td>4 places</td><td>session</td><td>skipped</td><td>each is in verdict.json</td>" in page


def test_the_same_suspicion_of_several_nodes_is_one_line() -> None:
    notes = [*(f"{SUSPECTED}worker-{one}: forwarding is off (reads 0)" for one in (1, 2, 3)), "tor-a: said nothing"]
    judged = replace(verdict(healthy()), notes=tuple(notes))
    page = html(verdict_page.verdict_page(site(), judged, Evidence.model_validate(healthy()), "run", {}))
    assert f"<li>{SUSPECTED}worker-1 to worker-3: forwarding is off (reads 0)</li>" in page
    assert "<li>tor-a: said nothing</li>" in page


def test_a_large_file_is_packed_and_replaces_the_former_one(tmp_path: Path, monkeypatch: Any) -> None:
    write(tmp_path, made(broken()))
    monkeypatch.setattr(proof, "LARGEST", 10_000)
    packed = made(broken())
    write(tmp_path, packed)
    assert {path.name for path in tmp_path.iterdir()} == set(packed)
    Evidence.model_validate_json(gzip.decompress(packed["evidence.json.gz"]))
