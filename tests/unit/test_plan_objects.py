"""What follows from the dev site: Helm values, Cilium's objects, the cluster file, the nodes' settings, responders."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.plan_sites import drop, put, site
from underlay.plan import bgp, responders
from underlay.plan.cluster_file import empty_keys, file_keys, file_name
from underlay.plan.digest import digest
from underlay.plan.prerequisites import OWNER_MARK, node_input, settings
from underlay.plan.values import helm_values, uplinks


def test_the_native_cidr_is_the_pod_pool_and_nothing_is_tunnelled() -> None:
    values = helm_values(site(put("addresses.pods.pools", ["10.64.0.0/12"])))
    assert values["routingMode"] == "native"
    assert values["ipv4NativeRoutingCIDR"] == "10.64.0.0/12"
    assert values["ipam"]["operator"] == {
        "clusterPoolIPv4PodCIDRList": ["10.64.0.0/12"],
        "clusterPoolIPv4MaskSize": 24,
    }
    assert values["autoDirectNodeRoutes"] is False
    text = json.dumps(values)
    assert not [word for word in ("tunnel", "geneve", "ipip", "egressGateway", "vxlan") if word in text]


@pytest.mark.parametrize(
    ("profile", "bpf"),
    [
        ("legacy", {"hostLegacyRouting": True, "masquerade": False}),
        ("bpf", {"hostLegacyRouting": False, "masquerade": True}),
    ],
)
def test_a_host_routing_profile_decides_who_masquerades(profile: str, bpf: dict[str, bool]) -> None:
    values = helm_values(site(put("cilium.host_routing", profile)))
    assert values["bpf"] == {**bpf, "lbExternalClusterIP": False}
    assert values["enableIPv4Masquerade"] is True


def test_agents_reach_the_api_without_kube_proxy() -> None:
    values = helm_values(site())
    assert (values["kubeProxyReplacement"], values["k8sServiceHost"], values["k8sServicePort"]) == (
        "true",
        "172.30.1.11",
        6443,
    )


@pytest.mark.parametrize("algorithm", ["random", "maglev"])
def test_the_load_balancing_algorithm_is_the_declared_one(algorithm: str) -> None:
    values = helm_values(site(put("cilium.load_balancing.algorithm", algorithm)))
    assert values["loadBalancer"] == {
        "algorithm": algorithm,
        "mode": "snat",
        "acceleration": "disabled",
        "dsrDispatch": "opt",
    }


def test_devices_are_the_uplinks_of_all_nodes() -> None:
    assert uplinks(site(put("nodes.1.uplinks.0.name", "bond0"))) == ["bond0", "eth0"]


def test_one_node_has_one_operator() -> None:
    one = site(lambda d: d.update(nodes=d["nodes"][:1], security_groups=[]))
    assert helm_values(one)["operator"]["replicas"] == 1


def test_each_rack_has_a_cluster_configuration_that_selects_its_nodes() -> None:
    configs = [item for item in bgp.objects(site()) if item["kind"] == "CiliumBGPClusterConfig"]
    assert [_selected(config) for config in configs] == [["cp-1", "worker-1"], ["worker-2", "worker-3"]]
    assert configs[1]["spec"]["bgpInstances"] == [
        {
            "name": "underlay",
            "localASN": 65010,
            "peers": [
                {
                    "name": "tor-b",
                    "peerAddress": "172.30.2.1",
                    "peerASN": 65102,
                    "peerConfigRef": {"name": "underlay"},
                }
            ],
        }
    ]


def _selected(config: dict[str, Any]) -> Any:
    [expression] = config["spec"]["nodeSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("kubernetes.io/hostname", "In")
    return expression["values"]


def test_an_empty_rack_has_no_cluster_configuration() -> None:
    one_rack = site(lambda d: d.update(nodes=d["nodes"][:2], security_groups=[]))
    assert [item["metadata"]["name"] for item in bgp.objects(one_rack)][3:] == ["underlay-rack-a"]


def test_a_node_with_a_router_id_of_its_own_has_an_object_that_says_only_that() -> None:
    made = bgp.objects(site(put("nodes.1.router_id", "192.0.2.12")))
    kinds = [item["kind"] for item in made]
    assert kinds.index(bgp.OVERRIDE_KIND) < kinds.index("CiliumBGPClusterConfig")
    assert [item for item in made if item["kind"] == bgp.OVERRIDE_KIND] == [
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumBGPNodeConfigOverride",
            "metadata": {"name": "worker-1"},
            "spec": {"bgpInstances": [{"name": "underlay", "routerID": "192.0.2.12"}]},
        }
    ]
    assert bgp.OVERRIDE_KIND not in [item["kind"] for item in bgp.objects(site())]


def test_the_peer_configuration_selects_the_advertisement_by_its_labels() -> None:
    _, advertisement, peer, *_ = bgp.objects(site())
    [family] = peer["spec"]["families"]
    assert family["advertisements"]["matchLabels"] == advertisement["metadata"]["labels"]
    pods, services = advertisement["spec"]["advertisements"]
    assert pods == {"advertisementType": "PodCIDR"}
    assert (services["advertisementType"], services["service"]) == ("Service", {"addresses": ["LoadBalancerIP"]})
    assert services["selector"] == bgp.EVERY_SERVICE
    assert peer["spec"]["authSecretRef"] == bgp.PASSWORD_SECRET
    assert peer["spec"]["gracefulRestart"] == {"enabled": True, "restartTimeSeconds": 120}
    assert peer["spec"]["timers"] == {
        "connectRetryTimeSeconds": 2,
        "holdTimeSeconds": 9,
        "keepAliveTimeSeconds": 3,
    }


def test_graceful_restart_is_left_out_when_it_is_not_declared() -> None:
    _, peer, *_ = bgp.objects(site(drop("bgp.graceful_restart")))
    assert "gracefulRestart" not in peer["spec"]


def test_every_node_has_one_session_with_its_rack_s_router() -> None:
    assert bgp.sessions(site())[2:] == [
        ("worker-2", "tor-b", "172.30.2.1", 65102),
        ("worker-3", "tor-b", "172.30.2.1", 65102),
    ]


def test_the_cluster_file_follows_from_the_site() -> None:
    assert file_name(site(put("cluster.name", "berlin-1"))) == "cluster-berlin-1.yaml"
    assert file_keys(site()) == {
        "USERNAME": "root",
        "MASTER-1": "172.30.1.11",
        "ACCESS_EXTERNAL_LOAD_BALANCE": False,
        "VIRTUAL_IP": "172.30.1.11",
        "NETWORK_PROVIDER": "cilium",
        "CILIUM_IPV4POOL_CIDR": "10.244.0.0/16",
        "CILIUM_BGP_ENABLE": False,
        "LOAD_BALANCER_CIDR": "198.18.10.0/24",
        "CILIUM_NETWORK_MODE": "underlay",
        "PROXY_MODE": "ebpf",
    }


def test_a_load_balancer_in_front_of_the_api_is_named_as_such() -> None:
    keys = file_keys(site(put("cluster.api.address", "192.0.2.10"), put("nodes.1.role", "control-plane")))
    assert (keys["ACCESS_EXTERNAL_LOAD_BALANCE"], keys["EXTERNAL_LOAD_BALANCE_IP"]) == (True, "192.0.2.10")
    assert "VIRTUAL_IP" not in keys
    balanced = site(put("cluster.api.address", "192.0.2.10"), put("nodes.1.role", "control-plane"))
    assert empty_keys(balanced) == ["MASTER-3", "VIRTUAL_IP"]
    assert empty_keys(site()) == ["MASTER-2", "MASTER-3", "EXTERNAL_LOAD_BALANCE_IP"]
    assert (keys["MASTER-1"], keys["MASTER-2"]) == ("172.30.1.11", "172.30.1.12")


@pytest.mark.parametrize(("profile", "value"), [("legacy", "2"), ("bpf", "0")])
def test_the_reverse_path_check_is_never_strict(profile: str, value: str) -> None:
    declared = site(put("cilium.host_routing", profile))
    assert settings(declared, declared.node("worker-1")) == {
        "net/ipv4/ip_forward": "1",
        "net/ipv4/conf/all/rp_filter": "0",
        "net/ipv4/conf/eth0/rp_filter": value,
        "net/ipv4/conf/eth0/accept_redirects": "0",
    }


def test_a_node_s_file_carries_the_owner_and_every_setting() -> None:
    declared = site()
    data = node_input(declared, declared.node("worker-2"))
    assert data["files"][0]["text"].splitlines()[0] == OWNER_MARK
    assert data["files"][0]["text"].splitlines()[1] == "# owner: site dev, machine worker-2"
    assert data["files"][0]["text"].splitlines()[2:] == [f"{key} = {value}" for key, value in data["settings"].items()]
    assert (data["addresses"], data["pod_address"]) == (["172.30.2.11/24"], "10.244.255.254")


@pytest.mark.parametrize(
    ("own", "pods", "size"),
    [(1500, None, 1500), (9000, None, 1500), (9000, 1400, 1400), (1400, 1500, 1400)],
    ids=["alike", "the far rack's links are smaller", "pods' packets are", "its own links are"],
)
def test_a_packet_to_another_rack_is_as_large_as_pods_packets_between_the_two(
    own: int, pods: int | None, size: int
) -> None:
    declared = site(put("nodes.1.uplinks.0.mtu", own), put("cilium.mtu", pods))
    far = {"tor-b in rack-b": ["172.30.2.1", size], "worker-2 in rack-b": ["172.30.2.11", size]}
    assert node_input(declared, declared.node("worker-1"))["far"] == far


def test_responders_run_on_every_node_and_restart_with_a_new_program() -> None:
    daemons = responders.daemons(site())
    pod = daemons["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["containers"][0]["image"] == "underlay.lab/probe:1"
    assert responders.program()["data"][responders.FILE].startswith('"""')
    assert daemons["spec"]["template"]["metadata"]["annotations"]["underlay/program"]


def test_a_digest_tells_data_apart_and_does_not_mind_order() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 2, "b": 1})


def test_the_service_meets_the_responders_at_all_three_ports() -> None:
    front, spec = responders.service()["spec"], responders.daemons(site())["spec"]
    assert front["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    ports = {(port["name"], port["protocol"], port["port"], port["targetPort"]) for port in front["ports"]}
    assert ports == {("tcp", "TCP", 4271, 4271), ("udp", "UDP", 4271, 4271), ("http", "TCP", 80, 4271)}
