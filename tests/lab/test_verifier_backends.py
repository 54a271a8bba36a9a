"""Which backend a node uses, and what is still judged where neither can be had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.minifabric import BCC, LIBBPF, Fabric
from underlay.collect import objects, package
from underlay.judge.verdict import Status

pytestmark = [pytest.mark.lab, pytest.mark.namespaces]


def test_the_cheaper_backend_is_taken_where_both_can_be_had(lab: Fabric) -> None:
    assert lab.verify().status is Status.PASS
    assert {report.evidence.backend for report in lab.reports.values()} == {"core"}


def test_a_node_without_compiler_and_bcc_has_full_evidence(lab: Fabric) -> None:
    with lab.without(BCC):
        assert lab.verify().status is Status.PASS
    evidence = lab.reports["node1"].evidence
    assert (evidence.level, evidence.backend, evidence.tried) == ("full", "core", {})


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(objects.COMPILER, "none")
    for kept in (objects.compiled, package.program):
        kept.cache_clear()
    yield
    for kept in (objects.compiled, package.program):
        kept.cache_clear()


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_at_the_start_the_nodes_compile_and_say_why(lab: Fabric) -> None:
    assert lab.verify().status is Status.PASS
    evidence = lab.reports["node1"].evidence
    assert (evidence.level, evidence.backend) == ("full", "bcc")
    assert evidence.tried["core"].endswith("by UNDERLAY_CLANG=none where the verification was started")


def test_a_node_with_neither_is_an_error_and_no_pass(lab: Fabric) -> None:
    with lab.without(BCC, LIBBPF):
        verdict = lab.verify()
    found = {check.rule: check for check in verdict.checks if check.where == "node1"}
    assert verdict.status is Status.ERROR
    assert found["kernel-evidence"].status is Status.ERROR
    assert found["kernel-evidence"].found.startswith("no kernel evidence: core: OSError: ")
    assert "bcc: ImportError" in found["kernel-evidence"].found
    assert found["wire"].status is Status.ERROR
    assert found["forwarding"].status is Status.PASS, "facts that need neither are still there"
    assert found["probes"].status is Status.PASS
