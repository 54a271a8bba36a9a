"""The gate with Helm itself and the pinned chart: what schema, templates and rendered objects say is a finding."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from components.refusal import SHOWN
from tests.lab.silent.table import cases, past_the_rules
from tests.oracle.space import declare
from tests.program.recorder import CHART, run
from tests.unit.plan_sites import dev, put, site
from underlay.chart import helm, source
from underlay.chart.gate import gate
from underlay.finding import Finding
from underlay.plan.values import helm_values

SECONDS = 2.0
"""What the gate may add to a preview; measured: 0.2 to 0.4 s on an idle machine."""
TRIES = 3
"""The best counts: whatever else the machine does only adds to a time."""
REFUSED: dict[str, tuple[str, Any, str, str]] = {
    "a text for a switch": (
        "cilium.values",
        {"debug": {"enabled": "yes"}},
        "chart-schema-refuses-value",
        "site.cilium.values.debug.enabled",
    ),
    "a combination that a template refuses": (
        "cilium.values",
        {"gatewayAPI": {"enabled": True}},
        "chart-refuses-values",
        "chart, cilium/templates/validate.yaml:115",
    ),
    "an option past the chart": (
        "cilium.values",
        {"extraConfig": {"routing-mode": "tunnel"}},
        "rendered-option-differs",
        "rendered ConfigMap cilium-config, routing-mode",
    ),
    "a tunnel device in native mode": (
        "cilium.values",
        {"egressGateway": {"enabled": True}},
        "rendered-tunnel",
        "rendered ConfigMap cilium-config, enable-egress-gateway",
    ),
    "an image from elsewhere": (
        "cilium.values",
        {"hubble": {"enabled": True}, "image": {"override": "elsewhere.example/cilium:1"}},
        "image-outside-registry",
        "rendered DaemonSet cilium, config",
    ),
    "another version": ("cilium.version", "1.20.1", "chart-of-another-version", CHART),
}


def told(findings: tuple[Finding, ...] | list[Finding]) -> list[tuple[str, str]]:
    return [(one.rule, one.where) for one in findings]


def test_the_dev_site_passes_within_the_time_that_a_preview_may_lose() -> None:
    took = []
    for _ in range(TRIES):
        start = time.monotonic()
        passed = gate(site(), CHART)
        took.append(time.monotonic() - start)
    assert min(took) < SECONDS
    assert (passed.chart, passed.findings, len(passed.objects)) == (CHART, [], 20)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_chart_would_do_wrong_is_a_finding(name: str) -> None:
    path, value, rule, where = REFUSED[name]
    images = put("cilium.images", {"registry": "mirror.example/cilium"})
    changes = [images] if "image" in name else []
    assert (rule, where) in told([*gate(site(put(path, value), *changes), CHART).findings])


def test_a_refused_rendering_ends_the_program_before_anything_is_made() -> None:
    made = run(dev(put("cilium.values", {"debug": {"enabled": "yes"}})))
    assert made.code == SHOWN
    assert [one.kind for one in made.resources] == ["underlay:cluster:Cluster"]
    assert "[chart-schema-refuses-value] site.cilium.values.debug.enabled: found string" in made.messages[0]


def test_the_component_shows_every_option_of_the_agents() -> None:
    options = run(dev()).named("cilium", "underlay:cilium:Release").inputs["options"]
    assert options["routing-mode"] == "native"
    assert len(options) > 100


def test_a_preview_says_what_a_changed_option_does() -> None:
    urn = "urn:pulumi:dev::cilium-underlay::underlay:cilium:Release::cilium"
    made = run(dev()).named("cilium", "underlay:cilium:Release").inputs
    kept = {"version": "1.19.6", "options": {**made["options"], "routing-mode": "tunnel"}}
    said = run(dev(), state={urn: {"outputs": kept}}, level=logging.INFO).messages
    assert "info: routing-mode: tunnel -> native: restarts all agents, disrupts pod traffic" in said
    assert "info: Cilium, version: 1.19.6 -> 1.20.2: restarts all agents, replaces the programs of every link" in said
    assert not [text for text in said if "bpf-lb-algorithm" in text or "DaemonSet" in text]
    assert len(json.dumps(made["workloads"])) < 5000
    changed = dev(put("cilium.values", {"operator": {"podAnnotations": {"a": "1"}}}))
    said = run(changed, state={urn: {"outputs": made}}, level=logging.INFO).messages
    [told] = [text for text in said if "DaemonSet" in text or "Deployment" in text]
    assert told.startswith("info: Deployment cilium-operator, annotations: {")
    assert told.endswith(',"prometheus.io/scrape":"true"}: restarts the operator')


def test_certificates_made_by_helm_differ_at_each_rendering_and_no_declaration_has_them() -> None:
    case = next(one for one in cases() if one.id == "certificates-by-helm")

    def rendered(values: Mapping[str, Any]) -> list[Any]:
        objects = helm.render(CHART, values, "1.34.1")
        return [one for one in objects if one["kind"] == "Secret" and "hubble" in one["metadata"]["name"]]

    first, second = (rendered(past_the_rules(case.bad)) for _ in range(2))
    assert first
    assert first != second
    assert not rendered(helm_values(declare(case.bad).site))


def test_without_helm_the_preview_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert told([*gate(site(), CHART).findings]) == [("helm-missing", "PATH")]


def archive(folder: Path) -> tuple[str, str]:
    """Return path and digest of an archive of the chart."""
    path = folder / "cilium-1.20.2.tgz"
    with tarfile.open(path, "w:gz") as out:
        out.add(CHART, "cilium")
    return str(path), hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_archive_is_taken_by_its_digest_only(tmp_path: Path) -> None:
    path, digest = archive(tmp_path)
    assert gate(site(put("cilium.chart_sha256", digest)), path).findings == []
    assert told([*gate(site(put("cilium.chart_sha256", "0" * 64)), path).findings]) == [("chart-digest-differs", path)]


@pytest.mark.parametrize("reference", ["oci://mirror.example/charts/cilium", "https://mirror.example/charts"])
def test_a_fetched_chart_is_kept_by_its_digest_and_fetched_once(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = archive(tmp_path)
    monkeypatch.chdir(tmp_path)
    asked: list[list[str]] = []

    def run_helm(words: list[str], *rest: Any) -> Any:
        if words[0] == "pull":
            asked.append(words)
            shutil.copy(path, words[-1])
            return type("Done", (), {"returncode": 0})
        return helm.run(words, *rest)

    monkeypatch.setattr(source, "run", run_helm)
    declared = site(put("cilium.chart_sha256", digest))
    first, again = gate(declared, reference), gate(declared, reference)
    assert first.findings == again.findings == []
    assert first.chart == f"build/charts/{digest}/cilium-1.20.2.tgz"
    [words] = asked
    assert words[-4:-1] == ["--version", "1.20.2", "--destination"]


def test_a_mirror_that_serves_another_archive_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = archive(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run_helm(words: list[str], *_rest: Any) -> Any:
        shutil.copy(path, words[-1])
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(source, "run", run_helm)
    declared = site(put("cilium.chart_sha256", "1" * 64))
    for _ in range(2):
        found = gate(declared, "oci://mirror.example/charts/cilium").findings
        assert [one.rule for one in found] == ["chart-digest-differs"]


def test_an_archive_that_is_not_there_or_is_none_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "cilium.tgz"
    assert told([*gate(site(put("cilium.chart_sha256", "0" * 64)), str(path)).findings]) == [
        ("chart-unreadable", str(path))
    ]
    path.write_bytes(b"no archive")
    digest = hashlib.sha256(b"no archive").hexdigest()
    assert told([*gate(site(put("cilium.chart_sha256", digest)), str(path)).findings]) == [
        ("chart-unreadable", str(path))
    ]


@pytest.mark.parametrize(
    ("reference", "rule", "where"),
    [
        ("/nowhere", "chart-unreadable", "/nowhere"),
        ("/nowhere.tgz", "chart-not-pinned", "site.cilium.chart_sha256"),
        ("oci://mirror.example/charts/cilium", "chart-not-pinned", "site.cilium.chart_sha256"),
    ],
)
def test_a_chart_that_is_not_there_is_a_finding(reference: str, rule: str, where: str) -> None:
    assert told([*gate(site(), reference).findings]) == [(rule, where)]


def test_a_chart_without_a_digest_is_told_once() -> None:
    [message] = run(dev(put("cilium.chart", "oci://mirror.example/charts/cilium")), chart="").messages
    assert "1 finding(s)" in message
    assert message.count("[chart-not-pinned]") == 1
