"""A stack file is read at once: mistakes in the shape, in keys and waivers, and what the rules find beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from tests.unit.plan_sites import Change, Data, dev, drop, host_keys, put
from underlay.finding import Refused
from underlay.plan.reading import SECRETS, UNASKED, Told, read

TODAY = date(2026, 6, 30)
KEYS = host_keys(dev())
TOLD = Told(site=dev(), host_keys=KEYS, chart="./chart", secrets=frozenset(SECRETS))
"""The keys of a stack that is right."""


def renamed(data: Data) -> None:
    data["addresses"]["outOfBand"] = data["addresses"].pop("out_of_band")


TWELVE: list[tuple[Change, str, str]] = [
    (renamed, "site-key-unknown", "site.addresses.outOfBand"),
    (put("addresses.pods.pools", ["10.244.1.0/16"]), "site-network-has-host-bits", "site.addresses.pods.pools.0"),
    (put("bgp.asn", "65010"), "site-kind-wrong", "site.bgp.asn"),
    (put("racks.1.egress", "Single"), "site-choice-unknown", "site.racks.1.egress"),
    (put("nodes.3.address", "172.30.2.1\u0662"), "site-character-not-ascii", "site.nodes.3.address"),
    (put("bgp.timers.hold", 5), "hold-below-three-keepalives", "site.bgp.timers.hold"),
    (put("bgp.graceful_restart.restart", 10), "graceful-restart-too-short", "site.bgp.graceful_restart.restart"),
    (put("addresses.services", "169.254.64.0/20"), "range-special-purpose", "site.addresses.services"),
    (
        put("nodes.2.uplinks.0.source_destination_check", "enabled"),
        "source-destination-check-enabled",
        "site.nodes.2.uplinks.0.source_destination_check",
    ),
    (drop("security_groups.0.allow.1"), "security-group-lacks-pod-cidr", "site.security_groups.0.allow, egress"),
    (drop("routers.1.management"), "router-management-missing", "site.routers.1.management"),
    (put("cluster.installer", ["./make", "cluster.yaml"]), "installer-reads-another-file", "site.cluster.installer"),
]
"""Twelve mistakes of one file, five of them in its shape."""


def twelve() -> Data:
    """Return the site with all of them."""
    return dev(*(change for change, _, _ in TWELVE))


def refused(site: object, keys: object = KEYS, waivers: Sequence[object] = ()) -> Refused:
    with pytest.raises(Refused) as caught:
        read(replace(TOLD, site=site, host_keys=keys, waivers=list(waivers)), TODAY)
    return caught.value


def test_twelve_mistakes_of_both_kinds_are_twelve_findings_in_one_run() -> None:
    found = [(finding.rule, finding.where) for finding in refused(twelve()).findings]
    assert sorted(found) == sorted((rule, where) for _, rule, where in TWELVE)


@pytest.mark.parametrize(("change", "rule", "where"), TWELVE[:5])
def test_a_plain_mistake_hides_no_other_one(change: Change, rule: str, where: str) -> None:
    found = refused(dev(change, put("bgp.timers.hold", 5)))
    assert sorted((finding.rule, finding.where) for finding in found.findings) == sorted(
        [(rule, where), ("hold-below-three-keepalives", "site.bgp.timers.hold")]
    )
    assert found.note == ""


@pytest.mark.parametrize(
    "change", [drop("cluster.origin"), put("bgp.asn", 0), put("nodes.0.name", "a b"), put("cilium", [1])]
)
def test_where_nobody_can_tell_what_was_meant_it_is_said_that_the_rules_wait(change: Change) -> None:
    found = refused(dev(change, put("bgp.timers.hold", 5)))
    assert len(found.findings) == 1
    assert found.note == UNASKED


def test_mistakes_of_the_site_its_keys_and_its_waivers_are_told_together() -> None:
    found = refused(dev(put("bgp.asn", "65010")), {"cp-1": "no key"}, [{"rule": "x"}])
    assert {finding.rule for finding in found.findings} == {"site-kind-wrong", "host-key-malformed", "waiver-malformed"}


@pytest.mark.parametrize(
    "site", [dev(put("bgp.timers.hold", 5)), dev(put("bgp.timers.hold", 5), put("bgp.asn", "65010"))]
)
def test_every_key_of_a_stack_is_told_at_once_beside_what_the_rules_find(site: Data) -> None:
    with pytest.raises(Refused) as caught:
        read(Told(site=site, host_keys="no json", waivers="no json", secrets=frozenset({"kubeconfig"})), TODAY)
    assert {(one.rule, one.where) for one in caught.value.findings} - {("site-kind-wrong", "site.bgp.asn")} == {
        ("configuration-malformed", "hostKeys"),
        ("configuration-malformed", "waivers"),
        ("configuration-missing", "sshKey"),
        ("configuration-missing", "bgpPassword"),
        ("chart-missing", "site.cilium.chart"),
        ("kubeconfig-told-twice", "kubeconfig"),
        ("hold-below-three-keepalives", "site.bgp.timers.hold"),
    }


@pytest.mark.parametrize(
    ("owner", "told", "expected"),
    [("release", "./told", "./told"), ("release", "", "./own"), ("installer", "./told", "")],
)
def test_the_chart_is_the_stack_s_own_and_nobody_s_where_the_installer_owns_cilium(
    owner: str, told: str, expected: str
) -> None:
    site = dev(put("cilium.owner", owner), put("cilium.chart", "./own"))
    assert read(replace(TOLD, site=site, chart=told), TODAY).chart == expected


def test_a_waiver_in_force_counts_beside_mistakes_too() -> None:
    waiver = {"rule": "hold-below-three-keepalives", "reason": "old", "allowed_by": "net", "until": "2026-06-30"}
    found = refused(dev(put("bgp.asn", "65010"), put("bgp.timers.hold", 5)), waivers=[waiver])
    assert [finding.rule for finding in found.findings] == ["site-kind-wrong"]


def test_what_can_be_read_is_left_to_the_program_to_judge() -> None:
    declaration, waivers, chart = read(replace(TOLD, site=dev(put("bgp.timers.hold", 5))), TODAY)
    assert (declaration.site.bgp.timers.hold, waivers, chart) == (5, (), "./chart")


@pytest.mark.parametrize("site", [None, 5, [], {}, {"racks": {"a": 1}}])
def test_what_is_no_site_is_refused_without_an_accident(site: object) -> None:
    assert refused(site).findings
