"""Chart and values of Helm's last revision against the planned ones: whoever upgrades past the site is named."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.judge_site import expected, healthy
from tests.unit.plan_sites import dev, put
from tests.unit.test_release_options import RELEASED, lists, record
from underlay.collect.release import last
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Check, Status
from underlay.model import load_site
from underlay.plan.chart.released import ExpectedRelease, planned_release
from underlay.plan.verification import Expected, expectations, verification_facts

Data = dict[str, Any]
PLANNED = expected().release
CHART = {"name": "cilium", "version": "1.20.2", "appVersion": "1.20.2"}
SECRET = "s3cret-5eaf00d"  # noqa: S105 - what must not be told
FIELDS = [{"manager": "pulumi-resource-kubernetes"}, {"manager": "helm"}, {"manager": "helm"}, {}]


def values() -> Data:
    """Return the values as Helm keeps them: every number a float, nothing that is nothing."""
    assert PLANNED
    kept: Data = json.loads(json.dumps(copy.deepcopy(dict(PLANNED.values))), parse_int=float)
    return kept


def revision(config: Any, number: int = 3, status: str = "deployed", chart: Any = CHART) -> Data:
    """Return a revision as Helm writes it of values and a chart."""
    info = {"last_deployed": "2026-11-30T21:40:02.123456789+02:00", "status": status}
    one = record(number, status, RELEASED, config=config, chart={"metadata": chart}, info=info)
    one["metadata"]["managedFields"] = FIELDS
    return one


def told(*records: Data, planned: ExpectedRelease | None = PLANNED, read: bool = True) -> Check | None:
    """Return what a verdict says of Helm's records."""
    found = lists(RELEASED, *records) if read else {}
    evidence = healthy()
    seen = last(found, planned)
    evidence["survey"]["revision"] = None if seen is None else seen.model_dump()
    assert SECRET not in json.dumps(evidence, default=str)
    checks = judge(expected(), Evidence.model_validate(evidence)).checks
    return next((check for check in checks if check.rule == "release-as-planned"), None)


WHO = "revision 3 of 2026-11-30T21:40:02+02:00, written by pulumi-resource-kubernetes and helm: "


def with_null(config: Data) -> None:
    """Add what the provider makes of values that are nothing."""
    config |= {"affinity": None, "extraArgs": [], "podLabels": {}}


@pytest.mark.parametrize("change", [lambda _: None, with_null, lambda one: one.update(dict(reversed(one.items())))])
def test_the_planned_values_are_green_however_helm_keeps_them(change: Callable[[Data], Any]) -> None:
    config = values()
    change(config)
    check = told(revision(config))
    assert check
    assert (check.status, check.where, check.found) == (Status.PASS, "kubernetes", f"{WHO}as planned")


CHANGES: dict[str, tuple[Callable[[Data], Any], str]] = {
    "a value": (lambda one: one["operator"].update(replicas=1.0), "operator.replicas is 1, planned 2"),
    "a switch": (lambda one: one["bpf"].update(masquerade=True), "bpf.masquerade is true, planned false"),
    "its type": (lambda one: one.update(kubeProxyReplacement=True), 'kubeProxyReplacement is true, planned "true"'),
    "zero for false": (lambda one: one.update(autoDirectNodeRoutes=0), "autoDirectNodeRoutes is 0, planned false"),
    "a further one": (lambda one: one.update(debug={"enabled": True}), "debug.enabled is true, planned nothing"),
    "one less": (lambda one: one.pop("routingMode"), 'routingMode is nothing, planned "native"'),
    "nothing for one": (lambda one: one.update(devices=None), 'devices is nothing, planned ["eth0"]'),
    "a list": (lambda one: one["devices"].append("eth1"), 'devices is ["eth0", "eth1"], planned ["eth0"]'),
    "two": (
        lambda one: one.update(MTU=900.0, routingMode="tunnel"),
        'MTU is 900, planned nothing; routingMode is "tunnel", planned "native"',
    ),
    "all of them": (lambda one: one.clear(), "more"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_value_that_differs_is_named_with_both_and_with_who(change: str) -> None:
    edit, text = CHANGES[change]
    config = values()
    edit(config)
    check = told(revision(config))
    assert check
    assert (check.status, check.found.startswith(WHO), check.found.endswith(text)) == (Status.FAIL, True, True)
    assert "helm rollback" in check.fix


@pytest.mark.parametrize("chart", [{**CHART, "version": "1.19.6"}, {**CHART, "name": "cilium-of-mine"}, {}])
def test_another_chart_is_named(chart: Data) -> None:
    check = told(revision(values(), chart=chart))
    assert check
    found = f"{chart.get('name', '')} {chart.get('version', '')}".strip() or "nothing"
    assert (check.status, check.found) == (Status.FAIL, f"{WHO}chart is {found}, planned cilium 1.20.2")


@pytest.mark.parametrize(
    "secret",
    [
        {"hubble": {"tls": {"server": {"key": SECRET}}}},
        {"adminPassword": SECRET},
        {"extraEnv": [{"name": "TOKEN", "value": SECRET}]},
        {"extraArgs": [SECRET]},
        {"pem": f"{SECRET}{'x' * 80}"},
        {"routingMode": f"{SECRET}\n"},
        {"note": f"{SECRET}\u202e"},
    ],
)
def test_what_may_be_a_secret_is_named_and_never_told(secret: Data) -> None:
    check = told(revision(values() | secret))
    assert check
    assert (check.status, "a value that is not shown, planned" in check.found) == (Status.FAIL, True), check.found
    assert SECRET not in check.found


def test_many_values_and_long_names_are_told_in_part() -> None:
    check = told(revision(values() | {f"{number:03}{'x' * 5000}": "y" * 70 for number in range(500)}))
    assert check
    assert (check.status, len(check.found) < 6000) == (Status.FAIL, True)
    assert check.found.endswith("; 488 more")


@pytest.mark.parametrize("number", [10**400, 1e300, float("nan"), float("inf"), 2**53 + 1])
def test_a_number_of_any_size_is_compared(number: float) -> None:
    check = told(revision(values() | {"MTU": number}))
    assert check
    assert check.status is Status.FAIL


def test_nothing_is_said_where_nobody_knows_or_helm_is_at_work() -> None:
    other = {**values(), "MTU": 900}
    assert told(revision(other), planned=None) is None
    assert told(read=False) is None
    assert told(revision(values()), revision(other, 4, "pending-upgrade")) is None
    assert told(revision(values(), 4, "failed")) is None, "an update that failed by itself is nobody's change"
    held: tuple[Data, ...] = ({"release": "not packed"}, {})
    for data in held:
        assert told({**revision(values()), "data": data}) is None
    assert told(revision(values(), chart=None)) is None
    assert told(revision("text")) is None


@pytest.mark.parametrize(("depth", "read"), [(400, True), (900, True), (100_000, False)])
def test_values_without_end_cost_nothing_else(depth: int, *, read: bool) -> None:
    text = '{"chart": {"metadata": {}}, "config": ' + '{"a": ' * depth + "1" + "}" * depth + "}"
    packed = base64.b64encode(base64.b64encode(gzip.compress(text.encode()))).decode()
    check = told({**revision(values()), "data": {"release": packed}})
    assert (check is not None) is read
    assert check is None or check.status is Status.FAIL


def test_a_revision_that_failed_with_other_values_and_one_that_is_gone_are_named() -> None:
    check = told(revision({**values(), "MTU": 900}, status="failed"))
    assert check
    assert (check.status, "(failed): MTU is 900, planned nothing" in check.found) == (Status.FAIL, True)
    check = told(revision(values(), status="uninstalled"))
    assert check
    assert (check.status, check.found.endswith("(uninstalled): as planned")) == (Status.FAIL, True)
    check = told()
    assert check
    assert (check.status, check.found) == (Status.FAIL, "Helm knows no release cilium")


def test_the_last_revision_counts() -> None:
    check = told(revision({**values(), "MTU": 900}, 9, "failed"), revision(values(), 10))
    assert check
    assert check.status is Status.PASS


def test_an_installer_s_own_words_and_defaults_are_no_difference() -> None:
    theirs = planned_release(load_site(dev(put("cilium.owner", "installer"))))
    mine = {"kubeProxyReplacement": True, "k8sServicePort": "6443", "theirs": 1, "routingMode": "native"}
    for chart in (CHART, {"name": "cilium-ucs", "version": "7.1", "appVersion": "v1.20.2"}):
        check = told(revision(mine, chart=chart), planned=theirs)
        assert check
        assert check.status is Status.PASS, check.found
    check = told(
        revision({**mine, "routingMode": "tunnel"}, chart={**CHART, "version": "2", "appVersion": ""}), planned=theirs
    )
    assert check
    assert check.found.endswith("chart is cilium 2, planned cilium 1.20.2; routingMode is tunnel, planned native")
    assert told(planned=theirs) is None, "an installer may do without Helm"


def test_the_expectation_travels_as_plain_data_and_an_older_program_s_has_none() -> None:
    facts = verification_facts(load_site(dev(put("cilium.values", {"debug": {"enabled": True}}))), host_keys={})
    there = json.loads(json.dumps(facts["expected"]))
    again = Expected.model_validate(there)
    assert again.release
    assert again.release.values["debug"] == {"enabled": True}
    assert len(json.dumps(there["release"])) < 4000
    assert again == expectations(load_site(dev(put("cilium.values", {"debug": {"enabled": True}}))))
    del there["release"]
    assert Expected.model_validate(there).release is None
