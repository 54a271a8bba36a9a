"""`python -m underlay groups`: a table for review, JSON for teams who own the filter, and lists for devices."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from tests.unit.plan_sites import Change, dev, drop, put
from underlay.__main__ import main

ROOT = Path(__file__).parents[2]
DEV = ROOT / "Pulumi.dev.yaml"


def file(folder: Path, *changes: Change) -> str:
    """Return a stack file of the dev site with changes."""
    path = folder / "Pulumi.changed.yaml"
    path.write_text(yaml.safe_dump({"config": {"cilium-underlay:site": dev(*changes)}}), encoding="utf-8")
    return str(path)


def test_the_table_names_each_line_s_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["groups", "--site", str(DEV)]) == 0
    text = capsys.readouterr().out
    assert text.count("10.244.0.0/16") == 2
    assert "declared" in text


def test_json_has_rules_members_and_the_least_that_nodes_need(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["groups", "--json", "--site", str(DEV)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["groups"] == {"nodes": ["cp-1", "worker-1", "worker-2", "worker-3"]}
    least = {(one["direction"], one["network"], one["protocol"], one["ports"]) for one in told["needs"]}
    for direction in ("ingress", "egress"):
        assert {
            (direction, "10.244.0.0/16", "any", ""),
            (direction, "172.30.2.1/32", "tcp", "179"),
            (direction, "172.30.1.0/24", "any", ""),  # a node's own packets to other nodes, and to pods there
        } <= least
    assert ("egress", "172.30.1.11/32", "tcp", "6443") in least


def test_whatever_is_needed_is_let_through_by_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["groups", "--json", "--site", str(ROOT / "Pulumi.production.yaml")]) == 0
    told = json.loads(capsys.readouterr().out)
    open_ = {
        (group, direction): [
            IPv4Network(rule["network"])
            for rule in told["rules"]
            if (rule["group"], rule["direction"], rule["protocol"]) == (group, direction, "any")
        ]
        for group in told["groups"]
        for direction in ("ingress", "egress")
    }
    lost = [
        one
        for one in told["needs"]
        for (_, direction), networks in open_.items()
        if direction == one["direction"] and not any(IPv4Network(one["network"]).subnet_of(net) for net in networks)
    ]
    assert lost == []


LISTS = {
    "nft": ["chain nodes_egress {", 'ip daddr 10.244.0.0/16 accept comment "declared"', "counter drop"],
    "vrp": ["acl name nodes-ingress advance", " permit ip source 10.244.0.0 0.0.255.255", " deny ip"],
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_for_a_device_has_both_directions_and_ends_in_a_denial(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["groups", "--acl", kind, "--site", str(DEV)]) == 0
    text = capsys.readouterr().out
    assert [words for words in LISTS[kind] if words not in text] == []
    assert text.count("10.244.0.0") == 2


def test_a_declared_protocol_narrows_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrow = {"direction": "ingress", "network": "192.0.2.0/24", "protocol": "tcp"}
    assert main(["groups", "--acl", "vrp", "--site", file(tmp_path, put("security_groups.0.allow.1", narrow))]) == 0
    assert "permit tcp source 192.0.2.0 0.0.0.255" in capsys.readouterr().out


def test_without_groups_there_is_a_word_and_the_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = file(tmp_path, drop("security_groups"))
    assert main(["groups", "--site", site]) == 0
    assert "declares no security groups" in capsys.readouterr().err
    assert main(["groups", "--json", "--site", site]) == 0
    assert json.loads(capsys.readouterr().out)["needs"]
