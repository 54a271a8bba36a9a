"""The schemas and the page of keys follow from the model, take every right site, and refuse what the model refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.campaigns.big_site import big_site
from tests.unit import corpus
from tests.unit.plan_sites import KEY, Change, dev, drop, put
from underlay.commands.schema import MADE, main
from underlay.finding import Refused
from underlay.model import load_site
from underlay.report.schema import KEYS, PROJECT, site_schema, stack_schema

ROOT = Path(__file__).parents[2]
STACKS = ("Pulumi.dev.yaml", "Pulumi.production.yaml")
FILES = {"site": "site.schema.json", "stack": "stack.schema.json", "page": "site.md"}


def mistakes(schema: dict[str, Any], data: object) -> list[str]:
    """Return the places that a schema refuses."""
    found = jsonschema.Draft7Validator(schema).iter_errors(data)
    return sorted(".".join(map(str, error.absolute_path)) for error in found)


def stack(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", MADE)
def test_what_is_committed_is_what_the_model_makes(name: str) -> None:
    assert (ROOT / "docs" / FILES[name]).read_text(encoding="utf-8") == MADE[name](), "run `make docs`"


def test_the_project_says_of_a_key_what_the_schema_says() -> None:
    for name, told in stack("Pulumi.yaml")["config"].items():
        schema, text = KEYS[name.removeprefix(f"{PROJECT}:")]
        assert told["description"] == text
        assert schema.get("default", told.get("default")) == told.get("default")


@pytest.mark.parametrize("schema", [site_schema(), stack_schema()], ids=["site", "stack"])
def test_a_schema_is_one(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    assert "$defs" not in json.dumps(schema)


@pytest.mark.parametrize("name", STACKS)
def test_a_stack_file_is_taken_and_names_its_schema(name: str) -> None:
    first = (ROOT / name).read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=docs/stack.schema.json"
    assert mistakes(stack_schema(), stack(name)) == []


@pytest.mark.parametrize("name", [*corpus.names("good"), *corpus.names("warned")])
def test_every_right_site_of_the_corpus_is_taken(name: str) -> None:
    assert mistakes(site_schema(), corpus.site(name)) == []


def test_a_large_site_is_taken() -> None:
    assert mistakes(site_schema(), big_site(200)) == []


STRUCTURE: dict[str, tuple[Change, str]] = {
    "a key that nobody knows": (put("cilium.tunnel", "vxlan"), "cilium"),
    "a missing key": (drop("cluster.origin"), "cluster"),
    "a choice that does not exist": (put("cluster.origin", "newish"), "cluster.origin"),
    "a number out of range": (put("bgp.asn", 0), "bgp.asn"),
    "a number as a text": (put("bgp.asn", "65010"), "bgp.asn"),
    "a text as a number": (put("nodes.0.name", 123), "nodes.0.name"),
    "a boolean as a text": (put("routers.0.managed", "false"), "routers.0.managed"),
    "a name in capitals": (put("racks.0.name", "Rack A"), "racks.0.name"),
    "an address that is none": (put("nodes.0.address", "256.1.1.1"), "nodes.0.address"),
    "an address with leading zeros": (put("nodes.0.address", "172.30.01.11"), "nodes.0.address"),
    "a network without a length": (put("addresses.services", "10.96.0.0"), "addresses.services"),
    "a length that is none": (put("addresses.services", "10.96.0.0/33"), "addresses.services"),
    "an empty list": (put("nodes", []), "nodes"),
    "a list as a text": (put("cluster.installer", "make-cluster -f x"), "cluster.installer"),
    "a user with a space": (put("nodes.0.management.user", "root; reboot"), "nodes.0.management.user"),
    "a version with a letter": (put("cilium.version", "v1.20.2"), "cilium.version"),
}


@pytest.mark.parametrize("name", STRUCTURE)
def test_the_schema_refuses_what_the_model_refuses(name: str) -> None:
    change, where = STRUCTURE[name]
    with pytest.raises(Refused):
        load_site(dev(change))
    assert mistakes(site_schema(), dev(change)) == [where]


CONFIGS: dict[str, tuple[dict[str, object], str]] = {
    "a key of this project that nobody reads": ({"hostkeys": {}}, "config"),
    "a host key that is none": ({"hostKeys": {"cp-1": "garbage"}}, "config.cilium-underlay:hostKeys.cp-1"),
    "a waiver without a reason": (
        {"waivers": [{"rule": "x", "allowed_by": "me", "until": "2027-03-31"}]},
        "config.cilium-underlay:waivers.0",
    ),
    "a secret that is a list": ({"sshKey": []}, "config.cilium-underlay:sshKey"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_stack_s_other_keys_are_judged(name: str) -> None:
    keys, where = CONFIGS[name]
    config = {f"{PROJECT}:site": dev(), **{f"{PROJECT}:{key}": value for key, value in keys.items()}}
    assert mistakes(stack_schema(), {"config": config}) == [where]


def test_what_the_engine_writes_into_a_stack_file_is_taken() -> None:
    secrets = {f"{PROJECT}:{key}": {"secure": "v1:abc"} for key in ("sshKey", "bgpPassword", "kubeconfig")}
    keys = {f"{PROJECT}:hostKeys": {"cp-1": KEY}, "kubernetes:context": "x"}
    data = {"encryptionsalt": "v1:x", "config": {f"{PROJECT}:site": dev(), **secrets, **keys}}
    assert mistakes(stack_schema(), data) == []


def test_every_key_of_a_stack_is_described_alike() -> None:
    declared = stack("Pulumi.yaml")["config"]
    for key, item in declared.items():
        assert item["description"] == KEYS[key.removeprefix(f"{PROJECT}:")][1]
    # the engine takes every declared secret for required, so these are not declared
    assert {f"{PROJECT}:{key}" for key in KEYS} - set(declared) == {
        f"{PROJECT}:{key}" for key in ("bastionKey", "kubeconfig")
    }


def test_every_key_of_the_site_is_described() -> None:
    parts = [site_schema(), *site_schema()["definitions"].values()]
    fields = [(part["title"], key, field) for part in parts for key, field in part.get("properties", {}).items()]
    assert len(fields) > 90
    assert [(title, key) for title, key, field in fields if not field.get("description")] == []


def test_a_schema_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["sites"])
    assert "choose from 'site', 'stack', 'page'" in capsys.readouterr().err
