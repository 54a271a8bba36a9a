"""The table of a security group: both directions, and what the platform's filter becomes in the lab."""

from __future__ import annotations

from lab.hardware import hardware
from lab.ports import rules
from tests.unit.plan_sites import put, site
from underlay.plan.security import table


def test_a_group_lets_pods_nodes_and_clients_through_in_both_directions() -> None:
    networks = {(line.direction, line.network) for line in table(site())}
    for network in ("10.244.0.0/16", "172.30.1.0/24", "172.30.2.0/24", "203.0.113.0/24"):
        assert {("ingress", network), ("egress", network)} <= networks


def test_a_line_stands_once() -> None:
    lines = table(site())
    assert len(lines) == len(set(lines))


def test_an_entrance_outside_the_racks_is_let_through() -> None:
    outside = site(put("cluster.api.address", "192.0.2.10"))
    assert [line.network for line in table(outside) if line.why == "the API server's entrance"] == ["192.0.2.10/32"] * 2


def test_a_node_whose_addresses_are_checked_loses_its_pods_at_its_port() -> None:
    checked = site(put("nodes.2.uplinks.0.source_destination_check", "enabled"))
    text = rules(hardware(checked), "tor-b")
    assert "ip saddr != 172.30.2.11 counter drop" in text
    assert "ip daddr != 172.30.2.11 counter drop" in text
    assert "!=" not in rules(hardware(site()), "tor-b")


def test_without_groups_every_port_is_open() -> None:
    text = rules(hardware(site(put("security_groups", []))), "tor-a")
    assert "drop" not in text
