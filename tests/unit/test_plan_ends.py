"""Both ends of each session: what is rendered is what is planned, and each fault is told with the end that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.corpus import names
from tests.unit.corpus import site as declared_in
from tests.unit.plan_sites import Change, drop, put, site
from tests.unit.test_plan_paths import line
from underlay.model import Platform, Site, load_site
from underlay.plan.bgp import PASSWORD_SECRET, objects
from underlay.plan.ends import Difference, Read, declared_ends, differences, digest, node_ends, planned, unread
from underlay.plan.routers import router_text

READ = (Platform.FRR, Platform.BIRD, Platform.VRP)


def on(declared: Site, platform: Platform) -> Site:
    """Return a site whose routers are all of one platform."""
    routers = [router.model_copy(update={"platform": platform, "managed": False}) for router in declared.routers]
    return declared.model_copy(update={"routers": tuple(routers)})


@pytest.mark.parametrize("platform", READ)
@pytest.mark.parametrize("name", [*names("good"), *names("warned")])
def test_the_rendered_ends_are_the_planned_ones(name: str, platform: Platform) -> None:
    declared = on(load_site(declared_in(name)), platform)
    sessions, read = planned(declared), declared_ends(declared)
    assert [one.sentence for one in differences(sessions, read)] == []
    assert {(one.router, one.remote) for one in sessions} == {
        (router, address) for router, ends in read.routers.items() for address in ends
    }
    nodes = {(one.peer, one.address) for one in sessions if one.is_node}
    assert nodes == {(node, address) for node, ends in read.nodes.items() for address in ends}


@pytest.mark.parametrize("platform", READ)
@pytest.mark.parametrize(
    "change",
    [drop("bgp.graceful_restart"), put("addresses.load_balancers", []), put("routers.0.aggregates", ["10.244.0.0/16"])],
)
def test_so_they_are_after_a_change_of_the_site(change: object, platform: Platform) -> None:
    declared = on(site(change), platform)  # type: ignore[arg-type]
    assert differences(planned(declared), declared_ends(declared)) == []


NODE, ADDRESS = "cp-1", "172.30.1.11"
FRR_FAULTS = [
    ("neighbor UNDERLAY-NODES remote-as 65010", "neighbor UNDERLAY-NODES remote-as 65009",
     "tor-a expects AS 65009 of cp-1, which has AS 65010"),
    ("router bgp 65101", "router bgp 65109", "tor-a speaks as AS 65109 to cp-1; planned AS 65101"),
    (" neighbor UNDERLAY-NODES password <bgp-password>\n", "", "tor-a has no password for cp-1"),
    (" neighbor 172.30.1.11 peer-group UNDERLAY-NODES\n neighbor 172.30.1.11 description cp-1\n", "",
     "tor-a has no neighbour 172.30.1.11 (cp-1)"),
    ("neighbor UNDERLAY-NODES timers 3 9", "neighbor UNDERLAY-NODES timers 3 30",
     "tor-a proposes 30 s of hold time to cp-1; planned 9 s"),
    ("neighbor UNDERLAY-NODES timers 3 9", "neighbor UNDERLAY-NODES timers 1 9",
     "tor-a sends keepalives every 1 s to cp-1; planned 3 s"),
    ("neighbor UNDERLAY-NODES passive", "neighbor UNDERLAY-NODES ebgp-multihop 3",
     "tor-a allows 3 hops to cp-1; planned 1"),
    ("neighbor UNDERLAY-NODES passive", "neighbor UNDERLAY-NODES graceful-restart-disable",
     "tor-a keeps no routes of cp-1 while it restarts; planned otherwise"),
    ("neighbor UNDERLAY-NODES passive", "neighbor 172.30.1.11 shutdown",
     "tor-a has switched its session with cp-1 off"),
    ("neighbor UNDERLAY-NODES activate", "no neighbor UNDERLAY-NODES activate",
     "tor-a carries nothing with cp-1; planned ipv4"),
    ("permit 10.244.0.0/16 ge 24 le 24", "permit 10.244.0.0/17 ge 24 le 24",
     ("tor-a does not accept 10.244.0.0/16{24,24} from cp-1, and "
      "accepts 10.244.0.0/17{24,24} from cp-1, which is not planned")),
    ("permit 10.244.0.0/16 ge 24 le 24", "permit 10.244.0.0/16 ge 16 le 32",
     ("tor-a does not accept 10.244.0.0/16{24,24} from cp-1, and "
      "accepts 10.244.0.0/16{16,32} from cp-1, which is not planned")),
    ("ip prefix-list UNDERLAY-PODS seq 5",
     "ip prefix-list UNDERLAY-PODS seq 1 deny 10.244.1.0/24\nip prefix-list UNDERLAY-PODS seq 5",
     "tor-a refuses 10.244.1.0/24 from cp-1"),
    ("route-map UNDERLAY-NODES-OUT deny 10", "route-map UNDERLAY-NODES-OUT permit 10",
     "tor-a advertises everything to cp-1, which is not planned"),
    ("neighbor UNDERLAY-NODES maximum-prefix 512 restart 1", "neighbor UNDERLAY-NODES maximum-prefix 1 restart 1",
     "tor-a ends its session with cp-1 beyond 1 prefixes; planned 512"),
    (" neighbor 172.30.1.11 description cp-1", " neighbor 172.30.1.77 peer-group UNDERLAY-NODES",
     "tor-a has a neighbour 172.30.1.77 that is not planned"),
    ("neighbor 172.30.255.1 remote-as 65102",
     "neighbor 172.30.255.1 remote-as 65102\n neighbor 172.30.255.1 password x",
     "tor-a has a password for tor-b; planned none"),
]  # fmt: skip
BIRD_FAULTS = [
    ("neighbor 172.30.2.11 as 65010", "neighbor 172.30.2.11 as 65009",
     "tor-b expects AS 65009 of worker-2, which has AS 65010"),
    ("local as 65102", "local as 65109", "tor-b speaks as AS 65109 to worker-2; planned AS 65102"),
    ('    password "<bgp-password>";\n', "", "tor-b has no password for worker-2"),
    ('password "<bgp-password>"', 'password "another"', "tor-b has another password than planned for worker-2"),
    ("neighbor 172.30.2.11 as", "neighbor 172.30.2.99 as", "tor-b has no neighbour 172.30.2.11 (worker-2)"),
    ("hold time 9", "hold time 90", "tor-b proposes 90 s of hold time to worker-2; planned 9 s"),
    ("keepalive time 3", "keepalive time 1", "tor-b sends keepalives every 1 s to worker-2; planned 3 s"),
    ("passive on", "multihop 2", "tor-b allows 2 hops to worker-2; planned 1"),
    ("passive on", "disabled on", "tor-b has switched its session with worker-2 off"),
    ("graceful restart aware", "graceful restart off",
     "tor-b keeps no routes of worker-2 while it restarts; planned otherwise"),
    ("import where net ~ UNDERLAY_PODS || net ~ UNDERLAY_SERVICES;", "import where net ~ UNDERLAY_PODS;",
     "tor-b does not accept 198.18.10.0/24{32,32} from worker-2"),
    ("import where net ~ UNDERLAY_PODS || net ~ UNDERLAY_SERVICES;", "import all;",
     ("tor-b does not accept 10.244.0.0/16{24,24}, 198.18.10.0/24{32,32} from worker-2, and "
      "accepts everything from worker-2, which is not planned")),
    ("export none", "export all", "tor-b advertises everything to worker-2, which is not planned"),
    ("import limit 512", "import limit 1", "tor-b ends its session with worker-2 beyond 1 prefixes; planned 512"),
]  # fmt: skip


def told(router: str, text: str) -> list[Difference]:
    """Return what differs where a router has a text of its own."""
    declared = site()
    return differences(planned(declared), declared_ends(declared, {router: text}))


@pytest.mark.parametrize(("old", "new", "sentence"), FRR_FAULTS)
def test_a_fault_at_frr_is_told_with_the_end_that_is_wrong(old: str, new: str, sentence: str) -> None:
    text = router_text(site(), site().router("tor-a"))
    assert old in text
    found = told("tor-a", text.replace(old, new, 1))
    assert sentence in [one.sentence for one in found]
    assert {one.wrong for one in found} == {"tor-a"}


@pytest.mark.parametrize(("old", "new", "sentence"), BIRD_FAULTS)
def test_a_fault_at_bird_is_told_with_the_end_that_is_wrong(old: str, new: str, sentence: str) -> None:
    text = router_text(site(), site().router("tor-b"))
    assert old in text
    found = told("tor-b", text.replace(old, new, 1))
    assert sentence in [one.sentence for one in found]
    assert {one.wrong for one in found} == {"tor-b"}


CLUSTER, PEER, ADVERTISEMENT = -2, -3, -4
"""Where rack-a's peers, the peer configuration and the advertisement stand among the objects."""
NODE_FAULTS = [
    (CLUSTER, "spec.bgpInstances.0.localASN", 65011, "cp-1 speaks as AS 65011 to tor-a; planned AS 65010"),
    (CLUSTER, "spec.bgpInstances.0.peers.0.peerASN", 65001, "cp-1 expects AS 65001 of tor-a, which has AS 65101"),
    (CLUSTER, "spec.bgpInstances.0.peers.0.peerAddress", "172.30.1.9", "cp-1 has no neighbour 172.30.1.1 (tor-a)"),
    (CLUSTER, "spec.bgpInstances.0.peers.0.peerConfigRef.name", "gone",
     "cp-1 does not advertise LoadBalancerIP, PodCIDR to tor-a"),
    (PEER, "spec.authSecretRef", "gone", "cp-1 has no password for tor-a"),
    (PEER, "spec.timers.holdTimeSeconds", 3, "cp-1 proposes 3 s of hold time to tor-a; planned 9 s"),
    (PEER, "spec.timers.keepAliveTimeSeconds", 1, "cp-1 sends keepalives every 1 s to tor-a; planned 3 s"),
    (PEER, "spec.ebgpMultihop", 4, "cp-1 allows 4 hops to tor-a; planned 1"),
    (PEER, "spec.gracefulRestart.enabled", False, "cp-1 asks for no graceful restart of tor-a; planned otherwise"),
    (PEER, "spec.families", [], "cp-1 carries nothing with tor-a; planned ipv4"),
    (ADVERTISEMENT, "metadata.labels", {"other": "label"}, "cp-1 does not advertise LoadBalancerIP, PodCIDR to tor-a"),
    (ADVERTISEMENT, "spec.advertisements", [{"advertisementType": "PodCIDR"}],
     "cp-1 does not advertise LoadBalancerIP to tor-a"),
    (ADVERTISEMENT, "spec.advertisements.1.service.addresses", ["LoadBalancerIP", "ClusterIP"],
     "cp-1 advertises ClusterIP to tor-a, which is not planned"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "path", "value", "sentence"), NODE_FAULTS)
def test_a_fault_in_cilium_s_objects_is_told_of_the_nodes(number: int, path: str, value: object, sentence: str) -> None:
    declared = site()
    made, usual = objects(declared), digest("<bgp-password>", b"declared")
    put(path, value)(made[number])
    read = declared_ends(declared)._replace(nodes=node_ends(made, {PASSWORD_SECRET: usual}))
    found = differences(planned(declared), read)
    assert sentence in [one.sentence for one in found]
    assert {one.wrong for one in found} <= {node.name for node in declared.nodes}


IDENTITY = put("nodes.0.router_id", "192.0.2.11")
POOLED = put(
    "cilium.values", {"bgpControlPlane": {"routerIDAllocation": {"mode": "ip-pool", "ipPool": "192.0.2.0/24"}}}
)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ({"routerID": "192.0.2.77"}, "cp-1 has 192.0.2.77 as router id towards tor-a; planned its own address"),
        ({"localASN": 65099}, "cp-1 speaks as AS 65099 to tor-a; planned AS 65010"),
        ({"peers": [{"name": "tor-a", "localAddress": "172.30.9.9"}]},
         "cp-1 speaks from 172.30.9.9 to tor-a; planned 172.30.1.11"),
    ],
)  # fmt: skip
def test_an_override_is_told_of_its_node(override: dict[str, object], sentence: str) -> None:
    made = overriding("cp-1", {"name": "underlay", **override})
    assert [one.sentence for one in differences(planned(site()), at_nodes(site(), made))] == [sentence]


@pytest.mark.parametrize(
    ("node", "override"),
    [
        ("cp-1", {"name": "another", "routerID": "192.0.2.77", "localASN": 65099}),
        ("worker-9", {"name": "underlay", "localASN": 65099}),
        ("cp-1", {"name": "underlay", "peers": [{"name": "tor-b", "localAddress": "172.30.9.9"}]}),
        ("cp-1", {"name": "underlay", "peers": [{"name": "tor-a", "localAddress": "172.30.1.11"}]}),
    ],
)
def test_what_cilium_s_operator_passes_over_is_no_word(node: str, override: dict[str, object]) -> None:
    assert differences(planned(site()), at_nodes(site(), overriding(node, override))) == []


def test_a_declared_router_id_is_looked_for_in_what_the_operator_has_made() -> None:
    declared = site(IDENTITY)
    assert differences(planned(declared), declared_ends(declared)) == []
    found = differences(planned(declared), at_nodes(site(), []))
    assert [one.sentence for one in found] == [
        "cp-1 has its own address as router id towards tor-a; planned 192.0.2.11"
    ]


@pytest.mark.parametrize(("changes", "told"), [((POOLED,), 0), ((POOLED, IDENTITY), 1)])
def test_a_router_id_that_cilium_gives_away_is_no_word_and_a_declared_one_stays(
    changes: tuple[Change, ...], told: int
) -> None:
    given = overriding("cp-1", {"name": "underlay", "routerID": "192.0.2.200"})
    assert len(differences(planned(site(*changes)), at_nodes(site(), given))) == told


def overriding(node: str, instance: dict[str, object]) -> list[dict[str, Any]]:
    """Return an override as somebody makes one by hand."""
    spec = {"bgpInstances": [instance]}
    return [{"kind": "CiliumBGPNodeConfigOverride", "metadata": {"name": node}, "spec": spec}]


def at_nodes(declared: Site, made: list[dict[str, Any]]) -> Read:
    """Return both ends where the nodes have further objects beside a site's."""
    usual = {PASSWORD_SECRET: digest("<bgp-password>", b"declared")}
    return declared_ends(declared)._replace(nodes=node_ends([*objects(declared), *made], usual))


def test_the_operator_s_own_objects_stand_before_those_that_they_are_made_of() -> None:
    declared = site()
    instance = objects(declared)[CLUSTER]["spec"]["bgpInstances"][0]
    made = {"kind": "CiliumBGPNodeConfig", "metadata": {"name": "cp-1"}, "spec": {"bgpInstances": [instance]}}
    ends = node_ends([*objects(declared), made], None)
    assert [*ends] == ["cp-1"]
    assert ends["cp-1"]["172.30.1.1"].password is None


def test_without_both_passwords_nothing_is_said_of_them() -> None:
    declared = site()
    read = declared_ends(declared)
    nodes = node_ends(objects(declared), None)
    assert differences(planned(declared), read._replace(nodes=nodes)) == []


def test_one_router_with_another_password_is_the_wrong_end_and_not_the_nodes() -> None:
    text = router_text(site(), site().router("tor-a")).replace("<bgp-password>", "rotated")
    assert [one.sentence for one in told("tor-a", text)] == [
        "tor-a has another password than planned for cp-1",
        "tor-a has another password than planned for worker-1",
    ]


def test_a_machine_that_was_not_read_is_no_wrong_end() -> None:
    declared = site()
    read = declared_ends(declared)
    assert differences(planned(declared), read._replace(routers={}, ranges={})) == []
    assert differences(planned(declared), read._replace(nodes={})) == []


def test_a_filter_that_is_not_understood_is_not_judged() -> None:
    text = router_text(site(), site().router("tor-b"))
    strange = text.replace(
        "import where net ~ UNDERLAY_PODS || net ~ UNDERLAY_SERVICES;", "import filter { accept; };", 1
    )
    assert told("tor-b", strange) == []
    declared = site()
    assert unread(planned(declared), declared_ends(declared, {"tor-b": strange})) == [
        "tor-b: what it takes from worker-2 is not understood",
        "tor-b: what it takes from worker-3 is not understood",
    ]


def test_a_spine_without_nodes_has_its_neighbours_only() -> None:
    declared = site(line)
    assert {one.peer for one in planned(declared) if one.router == "tor-c"} == {"tor-a", "tor-b"}
    assert differences(planned(declared), declared_ends(declared)) == []


def test_an_empty_text_is_a_router_without_neighbours() -> None:
    assert {one.aspect for one in told("tor-a", "")} == {"missing"}
