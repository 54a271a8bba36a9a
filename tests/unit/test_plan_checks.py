"""Every rule has a site that breaks it, with exactly the places that it has to name; clean sites break none."""

from __future__ import annotations

import pytest

from tests.unit.plan_sites import Change, Data, declaration, drop, put
from underlay.plan.checks import findings

ROUTER_LINK = {"name": "tor-b", "asn": 65102, "local": "172.30.255.4", "remote": "172.30.255.5"}
UPLINK = {"name": "eth0", "mtu": 1500, "source_destination_check": "disabled"}
ALLOW = {"direction": "ingress", "network": "10.244.0.0/16", "protocol": "any"}


def link(router: str, subnet: str, address: str) -> Data:
    """Return a router's place in a rack."""
    return {"router": router, "subnet": subnet, "address": address}


def managed(first: int, prefix: str) -> Change:
    """Return the change that puts every machine's management address into a range."""

    def change(data: Data) -> None:
        for number, machine in enumerate((*data["nodes"], *data["routers"]), start=first):
            machine["management"]["address"] = f"{prefix}.{number}"

    return change


OVERLAPS: dict[str, tuple[list[Change], str]] = {
    "pod-pool-overlaps-service-range": ([put("addresses.services", "10.244.64.0/20")], "site.addresses.pods.pools.0"),
    "pod-pool-overlaps-node-subnet": (
        [
            put("addresses.pods.pools", ["172.30.2.0/23"]),
            put("addresses.pods.mask", 25),
            put("security_groups", []),
            lambda d: d.update(nodes=d["nodes"][:2]),
        ],
        "site.addresses.pods.pools.0",
    ),
    "pod-pool-overlaps-out-of-band": (
        [
            put("addresses.out_of_band", "192.168.0.0/16"),
            put("addresses.pods.pools", ["192.168.0.0/17"]),
            put("security_groups", []),
        ],
        "site.addresses.pods.pools.0",
    ),
    "pod-pool-overlaps-fabric": (
        [put("addresses.fabric", ["172.30.255.0/24", "10.244.9.0/24"])],
        "site.addresses.pods.pools.0",
    ),
    "pod-pool-overlaps-external": (
        [put("addresses.external", ["203.0.113.0/24", "10.0.0.0/8"]), put("addresses.services", "192.0.2.0/24")],
        "site.addresses.pods.pools.0",
    ),
    "service-range-overlaps-node-subnet": (
        [put("addresses.services", "172.30.2.64/26")],
        "site.addresses.services",
    ),
    "service-range-overlaps-out-of-band": ([put("addresses.services", "192.168.250.0/28")], "site.addresses.services"),
    "service-range-overlaps-fabric": ([put("addresses.services", "172.30.255.64/26")], "site.addresses.services"),
    "service-range-overlaps-external": ([put("addresses.services", "203.0.113.64/26")], "site.addresses.services"),
    "node-subnet-overlaps-node-subnet": (
        [
            put("racks.1.links.0.subnet", "172.30.2.0/23"),
            lambda d: d["racks"].append(
                {**d["racks"][1], "name": "rack-c", "links": [link("tor-b", "172.30.3.0/24", "172.30.3.1")]}
            ),
        ],
        "site.racks.1.links.0.subnet",
    ),
    "node-subnet-overlaps-out-of-band": (
        [put("addresses.out_of_band", "172.30.2.0/28"), managed(2, "172.30.2")],
        "site.racks.1.links.0.subnet",
    ),
    "node-subnet-overlaps-fabric": (
        [put("addresses.fabric", ["172.30.255.0/24", "172.30.2.0/28"])],
        "site.racks.1.links.0.subnet",
    ),
    "node-subnet-overlaps-external": (
        [put("addresses.external", ["203.0.113.0/24", "172.30.2.0/28"])],
        "site.racks.1.links.0.subnet",
    ),
    "out-of-band-overlaps-fabric": (
        [put("addresses.fabric", ["172.30.255.0/24", "192.168.0.0/16"])],
        "site.addresses.out_of_band",
    ),
    "out-of-band-overlaps-external": (
        [put("addresses.external", ["203.0.113.0/24", "192.168.0.0/16"])],
        "site.addresses.out_of_band",
    ),
    "fabric-overlaps-fabric": (
        [put("addresses.fabric", ["172.30.255.0/24", "172.30.255.128/25"])],
        "site.addresses.fabric.0",
    ),
    "fabric-overlaps-external": (
        [put("addresses.external", ["203.0.113.0/24", "172.30.255.192/26"])],
        "site.addresses.fabric.0",
    ),
    "external-overlaps-external": (
        [put("addresses.external", ["203.0.113.0/24", "203.0.113.0/25"])],
        "site.addresses.external.0",
    ),
}

ELSEWHERE: dict[str, tuple[str, str]] = {
    "pod-pool": ("10.244.64.0/24", "site.addresses.pods.pools.0"),
    "service-range": ("10.96.7.0/24", "site.addresses.services"),
    "node-subnet": ("172.30.2.128/26", "site.racks.1.links.0.subnet"),
    "out-of-band": ("192.168.250.64/26", "site.addresses.out_of_band"),
    "fabric": ("172.30.255.64/26", "site.addresses.fabric.0"),
    "external": ("203.0.113.128/26", "site.addresses.external.0"),
}
"""A part of each range of the dev site, and where the range is declared."""

LB, OTHERS = "site.addresses.load_balancers.0", "site.addresses.other_clusters.0.networks.0"


def other(*networks: str) -> Change:
    """Return the change that declares another cluster with these ranges."""
    return put("addresses.other_clusters", [{"name": "older", "networks": list(networks)}])


for _kind, (_part, _where) in ELSEWHERE.items():
    _first = _kind in ("pod-pool", "service-range")
    OVERLAPS[f"{_kind}-overlaps-load-balancer-pool" if _first else f"load-balancer-pool-overlaps-{_kind}"] = (
        [put("addresses.load_balancers", [_part])],
        _where if _first else LB,
    )
    OVERLAPS[f"{_kind}-overlaps-other-cluster"] = ([other(_part)], _where)
OVERLAPS |= {
    "pod-pool-overlaps-pod-pool": (
        [put("addresses.pods.pools", ["10.244.0.0/16", "10.244.8.0/21"])],
        "site.addresses.pods.pools.0",
    ),
    "load-balancer-pool-overlaps-load-balancer-pool": (
        [put("addresses.load_balancers", ["192.0.2.0/24", "192.0.2.0/25"])],
        LB,
    ),
    "load-balancer-pool-overlaps-other-cluster": (
        [put("addresses.load_balancers", ["192.0.2.0/24"]), other("192.0.2.0/25")],
        LB,
    ),
    "other-cluster-overlaps-other-cluster": ([other("192.0.2.0/24", "192.0.2.0/25")], OTHERS),
}

SINGLE: dict[str, tuple[list[Change], str]] = {
    "pod-mask-outside-pool": ([put("addresses.pods.mask", 31)], "site.addresses.pods.mask"),
    "pod-pool-too-small": ([put("addresses.pods.pools", ["10.244.0.0/23"])], "site.addresses.pods"),
    "hold-below-three-keepalives": ([put("bgp.timers.keepalive", 4)], "site.bgp.timers.hold"),
    "asn-not-unique": ([put("bgp.asn", 65102)], "site.routers.1.asn"),
    "accepted-prefix-not-external": (
        [put("routers.0.neighbors.1.accepts", ["198.51.100.0/24"])],
        "site.routers.0.neighbors.1.accepts",
    ),
    "cilium-only-on-new-clusters": ([put("cluster.origin", "upgraded")], "site.cluster.origin"),
    "api-address-not-reachable": ([put("cluster.api.address", "10.96.0.1")], "site.cluster.api.address"),
    "cilium-owned-twice": ([put("cilium.owner", "installer"), put("cilium.chart", "./chart")], "site.cilium.chart"),
    "installer-reads-another-file": (
        [put("cluster.installer", ["ucs-ctl", "-c", "cluster.yaml"])],
        "site.cluster.installer",
    ),
    "control-plane-size": ([put("nodes.0.role", "worker")], "site.nodes"),
    "name-not-unique": (
        [put("nodes.3.name", "worker-2"), put("security_groups", [])],
        "site, nodes and routers",
    ),
    "address-not-unique": ([put("nodes.3.address", "172.30.2.11")], "site.nodes.2.address"),
    "rack-unknown": ([put("nodes.3.rack", "rack-z")], "site.nodes.3.rack"),
    "router-unknown": ([put("racks.1.links.0.router", "tor-z")], "site.racks.1.links.0.router"),
    "node-address-outside-rack": ([put("nodes.3.address", "172.30.1.99")], "site.nodes.3.address"),
    "gateway-outside-rack": ([put("racks.1.links.0.address", "172.30.3.1")], "site.racks.1.links.0.address"),
    "uplink-missing": ([put("nodes.3.uplinks", [])], "site.nodes.3.uplinks"),
    "link-address-outside-fabric": (
        [put("routers.0.neighbors.1.local", "172.31.0.2")],
        "site.routers.0.neighbors.1.local",
    ),
    "router-management-missing": ([drop("routers.1.management")], "site.routers.1.management"),
    "source-destination-check-enabled": (
        [put("nodes.2.uplinks.0.source_destination_check", "enabled")],
        "site.nodes.2.uplinks.0.source_destination_check",
    ),
    "security-group-lacks-pod-cidr": ([drop("security_groups.0.allow.1")], "site.security_groups.0.allow, egress"),
    "security-group-node-unknown": (
        [lambda d: d["security_groups"][0]["nodes"].append("worker-9")],
        "site.security_groups.0.nodes",
    ),
    "range-special-purpose": (
        [put("addresses.pods.pools", ["169.254.0.0/16"]), put("security_groups", [])],
        "site.addresses.pods.pools.0",
    ),
    "api-address-special-purpose": ([put("cluster.api.address", "127.0.0.1")], "site.cluster.api.address"),
    "cilium-version-unsupported": ([put("cilium.version", "1.18.9")], "site.cilium.version"),
    "node-address-not-a-host": ([put("nodes.3.address", "172.30.2.255")], "site.nodes.3.address"),
    "gateway-not-a-host": ([put("racks.1.links.0.address", "172.30.2.0")], "site.racks.1.links.0.address"),
    "neighbor-asn-not-external": ([put("routers.0.neighbors.1.asn", 65010)], "site.routers.0.neighbors.1.asn"),
    "graceful-restart-too-short": ([put("bgp.graceful_restart.restart", 14)], "site.bgp.graceful_restart.restart"),
    "management-outside-out-of-band": (
        [put("nodes.3.management.address", "198.51.100.7")],
        "site.nodes.3.management.address",
    ),
    "management-in-pod-pool": (
        [drop("addresses.out_of_band"), put("routers.1.management.address", "10.244.7.7")],
        "site.routers.1.management.address",
    ),
    "uplink-not-unique": ([lambda d: d["nodes"][3]["uplinks"].append(UPLINK)], "site.nodes.3.uplinks"),
    "security-group-missing": ([lambda d: d["security_groups"][0]["nodes"].remove("worker-3")], "site.nodes.3"),
}

SEVERAL: dict[str, tuple[list[Change], list[tuple[str, str]]]] = {
    "a spine link that only one router declares": (
        [drop("routers.1.neighbors.0")],
        [
            ("neighbor-not-mutual", "site.routers.0.neighbors.0"),
            ("pod-path-missing", "racks rack-a and rack-b"),
        ],
    ),
    "a spine link with another number on one side": (
        [put("routers.1.neighbors.0.asn", 65109)],
        [
            ("neighbor-asn-differs", "site.routers.1.neighbors.0.asn"),
            ("pod-path-missing", "racks rack-a and rack-b"),
        ],
    ),
    "no spine link at all": (
        [put("routers.1.neighbors", []), drop("routers.0.neighbors.0")],
        [("pod-path-missing", "racks rack-a and rack-b")],
    ),
    "a gateway that is a node's address": (
        [put("racks.1.links.0.address", "172.30.2.12")],
        [("address-not-unique", "site.nodes.3.address")],
    ),
    "a security group without any rule for pods": (
        [put("security_groups.0.allow", [{**ALLOW, "protocol": "tcp"}])],
        [
            ("security-group-lacks-pod-cidr", "site.security_groups.0.allow, ingress"),
            ("security-group-lacks-pod-cidr", "site.security_groups.0.allow, egress"),
        ],
    ),
}

TWELVE = (
    "accepted-prefix-not-external",
    "api-address-not-reachable",
    "cilium-only-on-new-clusters",
    "gateway-outside-rack",
    "hold-below-three-keepalives",
    "installer-reads-another-file",
    "link-address-outside-fabric",
    "node-address-outside-rack",
    "pod-mask-outside-pool",
    "router-management-missing",
    "security-group-missing",
    "source-destination-check-enabled",
)

CLEAN: dict[str, list[Change]] = {
    "the dev site": [],
    "the smallest pool with room to spare": [put("addresses.pods.pools", ["10.244.0.0/21"])],
    "one rack": [
        drop("racks.1"),
        drop("routers.1"),
        drop("routers.0.neighbors.0"),
        lambda d: d.update(nodes=d["nodes"][:2]),
        put("security_groups.0.nodes", ["cp-1", "worker-1"]),
    ],
    "an older version that is supported": [put("cilium.version", "1.19.6")],
    "the shortest restart": [put("bgp.graceful_restart.restart", 15)],
    "two uplinks": [lambda d: d["nodes"][3]["uplinks"].append({**UPLINK, "name": "eth1"})],
    "no security groups": [put("security_groups", [])],
    "out-of-band over the fabric": [drop("addresses.out_of_band"), put("nodes.1.management.address", "172.30.1.12")],
    "a router of the network team": [put("routers.1.managed", value=False), drop("routers.1.management")],
    "a group wider than the pods": [put("security_groups.0.allow.0.network", "10.0.0.0/8")],
    "two racks behind one router": [
        put("racks.1.links.0.router", "tor-a"),
        drop("routers.1"),
        drop("routers.0.neighbors.0"),
    ],
}


def broken(*changes: Change) -> list[tuple[str, str]]:
    return [(finding.rule, finding.where) for finding in findings(declaration(*changes))]


@pytest.mark.parametrize("rule", [*OVERLAPS, *SINGLE])
def test_a_broken_rule_is_found_once_at_its_place(rule: str) -> None:
    changes, where = {**OVERLAPS, **SINGLE}[rule]
    assert broken(*changes) == [(rule, where)]


@pytest.mark.parametrize("name", SEVERAL)
def test_a_mistake_with_several_consequences_names_them_all(name: str) -> None:
    changes, expected = SEVERAL[name]
    assert broken(*changes) == expected


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_site_has_no_finding(name: str) -> None:
    assert broken(*CLEAN[name]) == []


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


def test_an_outside_neighbour_with_the_router_s_own_number_is_found() -> None:
    found = broken(put("routers.0.neighbors.1.asn", 65101))
    assert found == [("neighbor-asn-not-external", "site.routers.0.neighbors.1.asn")]


def test_twelve_mistakes_are_twelve_findings() -> None:
    changes = [change for rule in TWELVE for change in SINGLE[rule][0]]
    assert sorted(broken(*changes)) == sorted((rule, SINGLE[rule][1]) for rule in TWELVE)


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
