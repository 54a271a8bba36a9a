"""What the corpus cannot say: messages, limits one by one, and a missing host key."""

from __future__ import annotations

import pytest

from tests.unit.plan_sites import Change, declaration, put
from underlay.plan.checks import findings


def broken(*changes: Change) -> list[tuple[str, str]]:
    return [(finding.rule, finding.where) for finding in findings(declaration(*changes))]


def test_a_missing_host_key_is_named() -> None:
    found = findings(declaration(without_key="tor-b"))
    assert [(finding.rule, finding.where, finding.found) for finding in found] == [
        ("host-key-missing", "hostKeys.tor-b", "nothing")
    ]


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "224.0.0.5", "169.254.1.1"])  # noqa: S104 - data
def test_an_api_address_that_no_other_machine_reaches_is_found(address: str) -> None:
    assert broken(put("cluster.api.address", address)) == [("api-address-special-purpose", "site.cluster.api.address")]


@pytest.mark.parametrize("pool", ["127.0.0.0/16", "169.254.0.0/16", "224.0.0.0/16", "0.0.0.0/8"])
def test_a_pool_of_special_purpose_is_found(pool: str) -> None:
    found = broken(put("addresses.pods.pools", [pool]), put("security_groups", []))
    assert found == [("range-special-purpose", "site.addresses.pods.pools.0")]


@pytest.mark.parametrize("number", [65101, 65102], ids=["its router's own", "another router's"])
def test_an_outside_neighbour_with_a_router_s_number_is_found(number: int) -> None:
    found = broken(put("routers.0.neighbors.1.asn", number))
    assert found == [("neighbor-asn-not-external", "site.routers.0.neighbors.1.asn")]


def test_a_message_says_what_where_found_expected_and_what_to_do() -> None:
    [finding] = findings(declaration(put("cluster.origin", "existing")))
    assert str(finding) == (
        "[cilium-only-on-new-clusters] site.cluster.origin: found existing; "
        "expected new: created with Cilium as its first network plug-in. Make a new cluster and move the workloads."
    )


def test_a_broken_reference_does_not_hide_other_mistakes() -> None:
    found = broken(put("nodes.3.rack", "rack-z"), put("bgp.timers.keepalive", 9))
    assert found == [
        ("hold-below-three-keepalives", "site.bgp.timers.hold"),
        ("rack-unknown", "site.nodes.3.rack"),
    ]
