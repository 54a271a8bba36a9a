"""The model takes the dev site and names every key that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.plan_sites import KEY, Change, dev, drop, put, site
from underlay.finding import Refused
from underlay.model import load_host_keys, load_site
from underlay.plan.checks import Declaration, findings


@pytest.mark.parametrize("name", ["worker-3.dc1.example", "3.example", f"a.{'b' * 61}"])
def test_a_node_s_name_may_hold_its_domain(name: str) -> None:
    assert site(put("nodes.3.name", name), put("security_groups", [])).node(name).rack == "rack-b"


@pytest.mark.parametrize("name", ["a..b", ".a", "a.", "a.-b", "A.b", f"a.{'b' * 62}"])
def test_a_node_s_name_is_one_that_kubernetes_takes(name: str) -> None:
    with pytest.raises(Refused, match=r"site\.nodes\.3\.name"):
        site(put("nodes.3.name", name))


MALFORMED: dict[str, tuple[list[Change], list[tuple[str, str]]]] = {
    "a key that is not known": (
        [put("cilium.tunnel", "vxlan")],
        [("site-key-unknown", "site.cilium.tunnel")],
    ),
    "a missing origin": ([drop("cluster.origin")], [("site-key-missing", "site.cluster.origin")]),
    "an origin that does not exist": (
        [put("cluster.origin", "newish")],
        [("site-choice-unknown", "site.cluster.origin")],
    ),
    "a network with host bits": (
        [put("addresses.pods.pools", ["10.244.1.0/16"])],
        [("site-network-has-host-bits", "site.addresses.pods.pools.0")],
    ),
    "three mistakes at once": (
        [put("bgp.asn", 0), put("racks.0.name", "Rack A"), drop("nodes.2.address")],
        [
            ("site-number-out-of-range", "site.bgp.asn"),
            ("site-text-malformed", "site.racks.0.name"),
            ("site-key-missing", "site.nodes.2.address"),
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


WRONG_KIND = {
    "an address as a number": put("nodes.0.address", 2887647499),
    "an address as a boolean": put("nodes.0.address", value=True),
    "a network as a number": put("addresses.pods.pools", [170000000]),
    "a number as a text": put("bgp.asn", "65010"),
    "a number as a boolean": put("bgp.asn", value=True),
    "a boolean as a text": put("routers.0.managed", "false"),
    "a boolean as a number": put("routers.0.managed", 0),
    "a name as a number": put("nodes.0.name", 123),
    "a list as a text": put("cluster.installer", "python3 -m lab install -f cluster-dev.yaml"),
}


@pytest.mark.parametrize("name", WRONG_KIND)
def test_a_value_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        load_site(dev(WRONG_KIND[name]))
    assert len(caught.value.findings) == 1


@pytest.mark.parametrize(
    "hostile", ["all", "default", "lo", ".", "..", "", "../kernel", "eth0\nx = 1", "eth0\n", "x" * 16, "é0"]
)
def test_a_name_that_is_no_uplink_s_is_refused(hostile: str) -> None:
    with pytest.raises(Refused):
        load_site(dev(put("nodes.0.uplinks.0.name", hostile)))


@pytest.mark.parametrize("hostile", ["", "root; reboot", "a\nb", "Root", "-oProxyCommand", "x" * 33])
def test_a_hostile_user_is_refused(hostile: str) -> None:
    with pytest.raises(Refused):
        load_site(dev(put("nodes.0.management.user", hostile)))


@pytest.mark.parametrize("image", ["", "two words", "a\nb"])
def test_an_image_that_is_no_reference_is_refused(image: str) -> None:
    with pytest.raises(Refused):
        load_site(dev(put("verification.image", image)))


@pytest.mark.parametrize("version", ["\u0661.2.3", "1.20", "1.20.2\n", "v1.20.2", ""])
def test_a_version_is_three_plain_numbers(version: str) -> None:
    with pytest.raises(Refused):
        load_site(dev(put("cilium.version", version)))


ED25519 = KEY.split()[1]


@pytest.mark.parametrize(
    "declared",
    [
        {"cp-1": None},
        {"cp-1": 5},
        {"cp-1": KEY.split()},
        {"cp-1": ""},
        {"cp-1": "garbage garbage"},
        {"cp-1": f"ssh-rsa {ED25519}"},
        {"cp-1": f"ssh-ed25519 {ED25519[:-8]}"},
        {"cp-1": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"},
    ],
)
def test_a_host_key_that_is_none_is_named(declared: object) -> None:
    with pytest.raises(Refused) as caught:
        load_host_keys(declared)
    assert [(finding.rule, finding.where) for finding in caught.value.findings] == [
        ("host-key-malformed", "hostKeys.cp-1")
    ]


@pytest.mark.parametrize("declared", [None, 5, "text", [1], [KEY]])
def test_host_keys_that_are_no_mapping_are_a_finding(declared: object) -> None:
    with pytest.raises(Refused, match="host-key-malformed"):
        load_host_keys(declared)


def test_a_host_key_may_carry_a_comment() -> None:
    assert load_host_keys({"cp-1": f"{KEY} root@cp-1"}) == {"cp-1": f"{KEY} root@cp-1"}


@pytest.mark.parametrize("name", ["Pulumi.dev.yaml", "Pulumi.production.yaml"])
def test_the_committed_examples_are_taken(name: str) -> None:
    text = (Path(__file__).parents[2] / name).read_text(encoding="utf-8")
    config = yaml.safe_load(text)["config"]
    declared = load_site(config["cilium-underlay:site"])
    keys = load_host_keys(config.get("cilium-underlay:hostKeys", {}))
    found = {finding.rule for finding in findings(Declaration(declared, keys))}
    assert found == (set() if keys else {"host-key-missing"})


def test_the_site_says_what_belongs_together() -> None:
    declared = site()
    assert [node.name for node in declared.nodes_of("rack-b")] == ["worker-2", "worker-3"]
    assert [rack.name for rack, _ in declared.links_of("tor-a")] == ["rack-a"]
    assert declared.router("tor-b").asn == 65102


def test_the_site_survives_its_own_json() -> None:
    declared = site()
    assert load_site(declared.model_dump(mode="json")) == declared
