"""The objects of intrusion detection: rights, capture points, configuration; what is seen is said in the plan."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.plan_sites import dev
from underlay.model import IntrusionDetection, Site, load_site
from underlay.plan.checks.intrusion import BASE
from underlay.plan.intrusion import objects, pods
from underlay.plan.intrusion.capture import MIRROR_IN, SAME_NODE, blind_spots, statements
from underlay.sources import mirror


def declared(**keys: Any) -> tuple[Site, IntrusionDetection]:
    site = load_site({**dev(), "intrusion_detection": {**BASE, **keys}})
    assert site.intrusion_detection
    return site, site.intrusion_detection


def rendered(**keys: Any) -> tuple[dict[str, str], dict[str, Any]]:
    site, _ = declared(**keys)
    (one,) = objects.made(site)
    return one.config_map["data"], one.daemon_set["spec"]["template"]["spec"]


@pytest.mark.parametrize(
    ("keys", "interfaces"),
    [
        ({}, ["eth0"]),
        ({"capture": "pod-links"}, ["underlay-ids"]),
        ({"capture": "switch-mirror", "interface": "eth9"}, ["eth9"]),
    ],
)
def test_suricata_reads_the_capture_points_interfaces(keys: dict[str, Any], interfaces: list[str]) -> None:
    data, _ = rendered(**keys)
    config = yaml.safe_load(data["suricata.yaml"].removeprefix("%YAML 1.1\n---\n"))
    assert [one["interface"] for one in config["af-packet"]] == interfaces
    assert config["vars"]["address-groups"]["HOME_NET"] == "[10.244.0.0/16]"
    assert config["rule-files"] == ["/etc/underlay-ids/site.rules"]
    alert = config["outputs"][0]["eve-log"]["types"][0]["alert"]
    assert not any(alert.values()), "payloads stay out of the alerts"


@pytest.mark.parametrize("name", ["modbus", "dnp3", "enip", "http", "bittorrent-dht"])
def test_suricata_starts_with_each_application_that_a_rule_may_name(name: str) -> None:
    data, _ = rendered()
    config = yaml.safe_load(data["suricata.yaml"].removeprefix("%YAML 1.1\n---\n"))
    assert config["app-layer"]["protocols"][name] == {"enabled": True}


def test_the_mirror_is_there_for_pod_links_alone_and_travels_whole() -> None:
    data, pod = rendered()
    assert [one["name"] for one in pod["containers"]] == ["engine"]
    assert pods.SETTINGS not in data
    data, pod = rendered(capture="pod-links")
    assert [one["name"] for one in pod["containers"]] == ["engine", "mirror"]
    settings = json.loads(data[pods.SETTINGS])
    assert (settings["uplinks"], settings["enter"], settings["interface"]) == (["eth0"], MIRROR_IN, "underlay-ids")
    (volume,) = (one for one in pod["volumes"] if one["name"] == "mirror")
    paths = {item["path"]: data[item["key"]] for item in volume["configMap"]["items"]}
    assert {"bpf/syscall.py", "bpf/mirror/__main__.py", "bpf/mirror/kernel.py"} <= paths.keys()
    assert len(json.dumps(data)) < 200_000, "a ConfigMap holds a mebibyte"


def test_the_mirror_finds_all_that_it_imports_where_it_has_travelled(tmp_path: Path) -> None:
    for path, text in mirror().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "bpf.mirror"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "usage: python3 -m bpf.mirror prepare|run|remove FILE\n")


def test_containers_have_no_right_that_they_do_not_need() -> None:
    _, pod = rendered(capture="pod-links")
    found = {one["name"]: one["securityContext"] for one in (*pod["initContainers"], *pod["containers"])}
    assert {name: rights["capabilities"]["add"] for name, rights in found.items()} == {
        "devices": ["NET_ADMIN"],
        "engine": ["NET_ADMIN", "NET_RAW"],
        "mirror": ["BPF", "NET_ADMIN"],
    }
    assert all(rights["capabilities"]["drop"] == ["ALL"] for rights in found.values())
    assert all(rights["readOnlyRootFilesystem"] for rights in found.values())
    assert pod["hostNetwork"]
    assert objects.namespace()["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


def test_nodes_with_other_interfaces_get_a_daemon_set_of_their_own() -> None:
    content = dev()
    content["nodes"][3]["uplinks"][0]["name"] = "bond0"
    site = load_site({**content, "intrusion_detection": BASE})
    found = objects.made(site)
    assert [(one.group.interfaces, len(one.group.nodes)) for one in found] == [(("bond0",), 1), (("eth0",), 3)]
    assert len({one.group.name for one in found}) == 2
    terms = found[0].daemon_set["spec"]["template"]["spec"]["affinity"]
    assert "worker-3" in json.dumps(terms)


def test_a_changed_rule_restarts_the_engines() -> None:
    marks = set()
    for rules in (BASE["rules"], [BASE["rules"][0].replace("/admin", "/debug")]):
        site, _ = declared(rules=rules)
        (one,) = objects.made(site)
        template = one.daemon_set["spec"]["template"]
        marks.add(template["metadata"]["annotations"]["underlay/configuration"])
    assert len(marks) == 2


def test_objects_are_made_once_however_many_ask() -> None:
    site, _ = declared()
    namespace, texts, daemons = objects.everything(site)
    assert namespace == objects.namespace()
    assert (texts, daemons) == (objects.made(site)[0].config_map, objects.made(site)[0].daemon_set)
    assert objects.made(site) is objects.made(site)
    assert objects.everything(load_site(dev())) == ()


def test_each_capture_point_says_what_it_cannot_see() -> None:
    site, detection = declared()
    assert SAME_NODE in blind_spots(site, detection)
    site, detection = declared(capture="pod-links", nodes=["worker-1"])
    spots = " ".join(blind_spots(site, detection))
    assert SAME_NODE not in spots
    assert "3 of 4" in spots
    assert statements(load_site(dev())) == ()


def test_another_engine_is_told_by_the_contract() -> None:
    data, pod = rendered(engine="other", command=["watch", "it"], image="engine", rules=["as it likes"])
    engine = pod["containers"][0]
    assert engine["command"] == ["watch", "it"]
    assert {one["name"]: one["value"] for one in engine["env"]} == {
        "UNDERLAY_INTERFACES": "eth0",
        "UNDERLAY_ALERTS": "/var/log/underlay-ids/eve.json",
    }
    assert data == {"site.rules": "as it likes\n"}


def test_snort_gets_its_own_configuration() -> None:
    data, pod = rendered(engine="snort3", rules_from="updates")
    assert "inputs = { 'eth0' }" in data["snort.lua"]
    assert "HOME_NET = '[10.244.0.0/16]'" in data["snort.lua"]
    assert "include /etc/underlay-ids/site.rules" in data["snort.lua"]
    assert pod["containers"][0]["command"][-2:] == ["--rule-path", "/etc/underlay-ids-updates"]
