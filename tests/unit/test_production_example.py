"""The production example shows every section of a site, and holds with and without everything that it only suggests."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import yaml

from lab.paths import repo
from underlay.model import Site
from underlay.model.cilium import Cilium
from underlay.model.cluster import Addresses, Bgp, Cluster, Pods, Timers
from underlay.plan.checks import findings
from underlay.plan.reading import SECRETS, Told, read

EXAMPLE = repo() / "Pulumi.production.yaml"
OPTION = re.compile(r"^( *)#(?=[a-z_]+: )", re.MULTILINE)
"""A suggested key; prose has a space after its sign."""
CONFIG = "cilium-underlay:"


def config(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)["config"]
    return {key.removeprefix(CONFIG): value for key, value in found.items()}


def errors(text: str) -> list[str]:
    declared = config(text)
    secrets = frozenset({*SECRETS, "kubeconfig"} if "kubeconfig" in declared else SECRETS)
    waivers, chart = declared.get("waivers", []), declared.get("chart", "")
    told = Told(declared["site"], declared["hostKeys"], waivers, chart, secrets)
    declaration = read(told, date(2026, 1, 1)).declaration
    return [str(one) for one in findings(declaration) if one.severity == "error"]


def test_the_example_breaks_no_rule() -> None:
    assert errors(EXAMPLE.read_text(encoding="utf-8")) == []


def test_everything_that_it_suggests_breaks_no_rule_either() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert len(OPTION.findall(text)) >= 12
    assert errors(OPTION.sub(r"\1", text)) == []


def test_every_key_of_cluster_addresses_cilium_and_bgp_is_shown() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    keys = {key for part in (Site, Cluster, Addresses, Pods, Cilium, Bgp, Timers) for key in part.model_fields}
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} - {"file_bgp"} == set()
