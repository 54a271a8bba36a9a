"""Policies that somebody changes in the cluster are found as drift, by kind and name, and an update puts them back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.policy_pods import Pods
from tests.lab.site import Site
from tests.lab.test_policies import BEFORE, DENY, Run, policies

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

DRIFT = ("exec", "--", "python", "-m", "underlay", "drift", "--stack", "dev", "--json")
UP = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
NOBODY = json.dumps({"spec": {"endpointSelector": {"matchLabels": {"app": "nobody"}}}})


@pytest.fixture(scope="module")
def run(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    pods = Pods(site)
    made = Run(site, pods)
    try:
        pods.start(tmp_path_factory.mktemp("pods"))
        made.declare(policies(BEFORE, **DENY))
        yield made
    finally:
        made.restore()
        pods.stop()


def drift(site: Site) -> tuple[int, dict[str, str], str]:
    """Return the exit code, each finding's rule by its place, and what was said."""
    done = site.run(*DRIFT)
    found = [one for one in json.loads(done.stdout) if one["node"] == "policies"]
    return done.returncode, {item["where"]: item["rule"] for one in found for item in one["findings"]}, done.stderr


def test_an_edit_a_removal_and_an_addition_are_found_by_name_and_put_back(run: Run, tmp_path: Path) -> None:
    site, shop = run.site, ("kubectl", "-n", "shop")
    assert drift(site)[:2] == (0, {})
    edit = json.dumps([{"op": "remove", "path": "/spec/ingress/0/ports/0"}])
    site.good(*shop, "patch", "networkpolicy", "underlay-api", "--type=json", "-p", edit)
    site.good(*shop, "delete", "ciliumnetworkpolicy", "underlay-web")
    wide = site.good("kubectl", "get", "ciliumclusterwidenetworkpolicies", "-o", "name").split()[0]
    site.good("kubectl", "patch", wide, "--type=merge", "-p", NOBODY)
    copied = json.loads(site.good(*shop, "get", "networkpolicy", "underlay-api", "-o", "json"))
    copied["metadata"] = {**{key: copied["metadata"][key] for key in ("namespace", "labels")}, "name": "by-hand"}
    file = tmp_path / "by-hand.json"
    file.write_text(json.dumps(copied), encoding="utf-8")
    site.good("kubectl", "apply", "-f", str(file))
    code, found, said = drift(site)
    print(said)
    assert code == 1
    assert found == {
        "NetworkPolicy shop/underlay-api": "policy-changed",
        "CiliumNetworkPolicy shop/underlay-web": "policy-missing",
        f"CiliumClusterwideNetworkPolicy {wide.rpartition('/')[2]}": "policy-changed",
        "NetworkPolicy shop/by-hand": "policy-not-declared",
    }
    judged = site.verify()
    told = {check["rule"]: check["found"] for check in judged.document["checks"] if check["status"] == "fail"}
    print("\n".join(f"{rule}: {text}" for rule, text in told.items()))
    assert told.keys() == {"policies-applied", "policies-enforced"}
    assert "policy-missing CiliumNetworkPolicy shop/underlay-web" in told["policies-applied"]
    assert "policy-changed NetworkPolicy shop/underlay-api" in told["policies-applied"]
    assert "not taken over: CiliumNetworkPolicy shop/underlay-web" in told["policies-enforced"]
    site.good(*shop, "delete", "networkpolicy", "by-hand")
    site.good("kubectl", "delete", wide)
    site.long(*UP, "--refresh")
    assert drift(site)[:2] == (0, {})
    assert site.verify().not_passed() == []
