"""The model takes the dev site and names every key that is wrong."""

from __future__ import annotations

import pytest

from tests.unit.plan_sites import Change, dev, drop, put, site
from underlay.finding import Refused
from underlay.model import load_site

MALFORMED: dict[str, tuple[list[Change], list[tuple[str, str]]]] = {
    "a key that is not known": (
        [put("cilium.tunnel", "vxlan")],
        [("site-extra-forbidden", "site.cilium.tunnel")],
    ),
    "a missing origin": ([drop("cluster.origin")], [("site-missing", "site.cluster.origin")]),
    "an origin that does not exist": ([put("cluster.origin", "newish")], [("site-enum", "site.cluster.origin")]),
    "a network with host bits": (
        [put("addresses.pods.pool", "10.244.1.0/16")],
        [("site-ip-v4-network", "site.addresses.pods.pool")],
    ),
    "three mistakes at once": (
        [put("bgp.asn", 0), put("racks.0.name", "Rack A"), drop("nodes.2.address")],
        [
            ("site-greater-than-equal", "site.bgp.asn"),
            ("site-string-pattern-mismatch", "site.racks.0.name"),
            ("site-missing", "site.nodes.2.address"),
        ],
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_every_malformed_key_is_named(name: str) -> None:
    changes, expected = MALFORMED[name]
    with pytest.raises(Refused) as caught:
        load_site(dev(*changes))
    assert [(finding.rule, finding.where) for finding in caught.value.findings] == expected


@pytest.mark.parametrize("hostile", ["$(reboot)", "a\nb", "../x", "x" * 64, "ü", "", "-x"])
def test_a_hostile_name_is_refused(hostile: str) -> None:
    with pytest.raises(Refused):
        load_site(dev(put("nodes.0.name", hostile)))


def test_the_site_says_what_belongs_together() -> None:
    declared = site()
    assert [node.name for node in declared.nodes_of("rack-b")] == ["worker-2", "worker-3"]
    assert [rack.name for rack in declared.racks_of("tor-a")] == ["rack-a"]
    assert declared.router("tor-b").asn == 65102


def test_the_site_survives_its_own_json() -> None:
    declared = site()
    assert load_site(declared.model_dump(mode="json")) == declared
