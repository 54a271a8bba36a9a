"""Options that somebody has changed in the agents' ConfigMap, past the release: found, named, and nobody else's."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
import yaml

from tests.unit.judge_site import PODS, expected, healthy
from underlay.collect.release import daemon, edited
from underlay.judge.evidence import Evidence
from underlay.judge.judge import judge
from underlay.judge.verdict import Check, Status

Data = dict[str, Any]
RELEASED = {"routing-mode": "native", "debug": "false", "bpf-lb-mode": "snat"}
PROXY = {"kind": "DaemonSet", "metadata": {"name": "cilium-envoy"}, "spec": {"volumes": []}}
AGENT = {"kind": "DaemonSet", "metadata": {"name": "cilium"}, "spec": {"volumes": [{"configMap": "cilium-config"}]}}


def record(number: int, status: str, options: Data, agents: Data = AGENT, **more: Any) -> Data:
    """Return a revision as Helm writes it: beside the ConfigMap, another one and the agents."""
    maps = [
        {"kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        for name, data in (("hubble", {"debug": "true"}), ("cilium-config", options))
    ]
    manifest = "".join(f"---\n# Source: chart\n{yaml.safe_dump(one)}" for one in (PROXY, agents, *maps))
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps({"manifest": manifest, **more}).encode())))
    labels = {"status": status}
    return {
        "metadata": {"name": f"sh.helm.release.v1.cilium.v{number}", "labels": labels},
        "data": {"release": packed.decode()},
    }


def lists(live: Data | None, *records: Data) -> dict[str, list[Data]]:
    there = [] if live is None else [{"metadata": {"name": "cilium-config"}, "data": live}]
    return {"configuration": there, "revisions": [*records]}


def told(found: dict[str, list[Data]]) -> Check | None:
    """Return what a verdict says of it."""
    evidence = healthy()
    seen = edited(found, PODS)
    evidence["survey"]["edited"] = None if seen is None else [one.model_dump() for one in seen]
    evidence["survey"]["daemon"] = daemon(found)
    checks = judge(expected(), Evidence.model_validate(evidence)).checks
    return next((check for check in checks if check.rule == "release-options"), None)


def test_what_is_as_released_is_green() -> None:
    check = told(lists(RELEASED, record(3, "deployed", RELEASED)))
    assert check
    assert (check.status, check.where, check.found) == (Status.PASS, "kubernetes", "as released")


EDITS: dict[str, tuple[Data, str]] = {
    "added": ({**RELEASED, "enable-vtep": "true"}, "enable-vtep is 'true', released nothing"),
    "edited": ({**RELEASED, "debug": "true"}, "debug is 'true', released 'false'"),
    "removed": ({"routing-mode": "native", "debug": "false"}, "bpf-lb-mode is nothing, released 'snat'"),
    "two": (
        {**RELEASED, "debug": "true", "mtu": "900"},
        "debug is 'true', released 'false'; mtu is '900', released nothing",
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_by_hand_is_named_with_both_values(edit: str) -> None:
    live, text = EDITS[edit]
    check = told(lists(live, record(3, "deployed", RELEASED)))
    assert check
    assert (check.status, check.found) == (Status.FAIL, text)
    assert "each agent takes it up" in check.fix


def test_the_last_whole_revision_counts() -> None:
    found = lists(RELEASED, record(10, "deployed", RELEASED), record(9, "deployed", {"debug": "x"}))
    assert edited(found) == ()


@pytest.mark.parametrize(
    "found",
    [
        lists({"debug": "true"}, record(3, "deployed", RELEASED), record(4, "pending-upgrade", {"debug": "true"})),
        lists({"debug": "true"}, record(3, "deployed", RELEASED), record(4, "failed", {"debug": "true"})),
        lists(RELEASED),
        lists(None),
        lists(RELEASED, {**record(3, "deployed", RELEASED), "data": {"release": "not packed"}}),
        {},
    ],
    ids=["an update runs", "an update failed", "no record", "no ConfigMap", "a broken record", "nothing may be read"],
)
def test_nothing_is_said_where_nobody_knows_what_was_released(found: dict[str, list[Data]]) -> None:
    assert edited(found) is None
    assert told(found) is None


NODES = [{"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "rack": name[-1:]}}} for name in PODS]


def override(selector: Data | None, **defaults: str) -> Data:
    options = {name.replace("_", "-"): value for name, value in defaults.items()}
    return {"metadata": {"name": "by-hand"}, "spec": {"nodeSelector": selector, "defaults": options}}


def needs(operator: str, *values: str, key: str = "rack") -> Data:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": [*values]} if values else {})}]}


HOST = {"matchLabels": {"kubernetes.io/hostname": "worker-3"}}
OVERRIDES: dict[str, tuple[Data, str]] = {
    "one node": (
        override(HOST, routing_mode="tunnel"),
        "routing-mode is 'tunnel' by CiliumNodeConfig by-hand for worker-3, released 'native'",
    ),
    "all": (override({}, mtu="900"), "mtu is '900' by CiliumNodeConfig by-hand for cp-1 and 3 more, released nothing"),
    "some": (override(needs("In", "2", "3"), debug="true"), "for worker-2 and 1 more, released 'false'"),
    "others": (override(needs("NotIn", "1"), debug="true"), "for worker-2 and 1 more, released 'false'"),
    "labelled": (override(needs("Exists"), debug="true"), "for cp-1 and 3 more, released 'false'"),
    "not labelled": (override(needs("DoesNotExist", key="x"), debug="true"), "for cp-1 and 3 more, released 'false'"),
    "unknown": (override(needs("Gt", "1"), debug="true"), "for cp-1 and 3 more, released 'false'"),
}


@pytest.mark.parametrize("case", OVERRIDES)
def test_an_override_of_a_declared_node_is_named_with_its_object(case: str) -> None:
    one, text = OVERRIDES[case]
    check = told(lists(RELEASED, record(3, "deployed", RELEASED)) | {"nodes": NODES, "overrides": [one]})
    assert check
    assert (check.status, check.found.endswith(text)) == (Status.FAIL, True), check.found
    assert "Delete a CiliumNodeConfig" in check.fix


def test_a_value_of_any_length_is_told_in_part() -> None:
    found = lists({**RELEASED, "mtu": "9" * 5000}, record(3, "deployed", RELEASED))
    check = told(found | {"nodes": NODES, "overrides": [override({}, debug="x" * 5000)]})
    assert check
    assert (check.status, len(check.found) < 1000) == (Status.FAIL, True)


@pytest.mark.parametrize(
    "one",
    [
        override(None, debug="true"),
        override({"matchLabels": {"kubernetes.io/hostname": "worker-9"}}, debug="true"),
        override({**HOST, **needs("NotIn", "3")}, debug="true"),
        override(HOST, debug="false"),
        {"metadata": {"name": "bare"}, "spec": {"nodeSelector": {}}},
    ],
    ids=["no selector", "no declared node", "both have to hold", "as released", "no option"],
)
def test_an_override_that_changes_nothing_here_is_green(one: Data) -> None:
    nodes = [*NODES, {"metadata": {"name": "worker-9", "labels": {"kubernetes.io/hostname": "worker-9"}}}]
    check = told(lists(RELEASED, record(3, "deployed", RELEASED)) | {"nodes": nodes, "overrides": [one]})
    assert check
    assert check.status is Status.PASS, check.found
