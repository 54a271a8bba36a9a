"""Policies: what they become, what a change of them does, and how it is told."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.plan_sites import declaration, dev, put, site
from tests.unit.policy_semantics import Pod, passes, probes
from tests.unit.test_policies_agree import policies as random_policies
from underlay.__main__ import main
from underlay.finding import Refused
from underlay.model import Site
from underlay.plan.checks import findings
from underlay.plan.lineage import REACH, lineage
from underlay.plan.policies import difference, matrix, opened, policy_objects, told, verdicts
from underlay.plan.policies.change import LIMITS

WEB = {"name": "web", "namespace": "shop", "labels": {"app": "web"}}
API = {"name": "api", "namespace": "shop", "labels": {"app": "api"}, "ports": [{"port": 8080}]}
RULE = {"name": "web-to-api", "sources": ["web"], "targets": ["api"], "ports": [{"port": 8080}]}
DENY = {"default_deny": {"namespaces": ["shop"]}}


def policies(*rules: dict[str, Any], **baselines: Any) -> dict[str, Any]:
    return {"workloads": [WEB, API], "rules": list(rules), "baselines": baselines or DENY}


def with_(*rules: dict[str, Any], **baselines: Any) -> Site:
    return site(put("policies", policies(*rules, **baselines)))


def cells(declared: Site) -> dict[str, str]:
    assert declared.policies
    return {cell.key: f"{cell.verdict} by {cell.decided}" for cell in matrix(declared.policies)}


def test_no_policies_make_no_objects_and_say_nothing() -> None:
    assert policy_objects(site()) == []
    assert told(None, site()) == []
    assert verdicts(site()) is None


def test_objects_are_few_and_have_names_and_an_owner() -> None:
    made = policy_objects(with_(RULE, **DENY, blocked=["169.254.169.254"]))
    assert [(one["kind"], one["metadata"]["name"], one["metadata"].get("namespace")) for one in made] == [
        ("NetworkPolicy", "underlay-web", "shop"),
        ("NetworkPolicy", "underlay-api", "shop"),
        ("CiliumClusterwideNetworkPolicy", "underlay-default-deny", None),
        ("CiliumClusterwideNetworkPolicy", "underlay-blocked", None),
    ]
    owners = {json.dumps(one["metadata"]["labels"]) for one in made}
    assert owners == {json.dumps({"app.kubernetes.io/managed-by": "cilium-underlay", "underlay/site": "dev"})}


def test_a_blocked_address_closes_nothing_else() -> None:
    _, blocked = policy_objects(with_(**DENY, blocked=["169.254.169.254"]))
    assert blocked["spec"]["enableDefaultDeny"] == {"egress": False}
    assert blocked["spec"]["egressDeny"] == [{"toCIDR": ["169.254.169.254/32"]}]


def test_the_nodes_firewall_knows_the_site_s_routers() -> None:
    accepts = [{"networks": ["192.168.250.0/24"], "ports": [{"port": 6443}]}]
    [made] = policy_objects(with_(host_firewall={"accepts": accepts, "opens": []}))
    bgp = [{"ports": [{"port": "179", "protocol": "TCP"}]}]
    assert {"toCIDR": ["172.30.1.1/32", "172.30.2.1/32"], "toPorts": bgp} in made["spec"]["egress"]
    opened = {"port": "32768", "protocol": "TCP", "endPort": 60999}
    answers = [{"ports": [*bgp[0]["ports"], opened]}]
    assert {"fromCIDR": ["172.30.1.1/32", "172.30.2.1/32"], "toPorts": answers} in made["spec"]["ingress"]


def test_requests_and_names_need_cilium_s_own_kind() -> None:
    named = {"name": "out", "sources": ["web"], "target_names": ["*.example.com"], "ports": [{"port": 443}]}
    reads = {**RULE, "http": [{"method": "GET", "path": "/items"}]}
    made = {one["metadata"]["name"]: one for one in policy_objects(with_(named, reads))}
    web, api = made["underlay-web"], made["underlay-api"]
    assert web["kind"] == api["kind"] == "CiliumNetworkPolicy"
    rules = [block["toPorts"][0].get("rules") for block in (*web["spec"]["egress"], *api["spec"]["ingress"])]
    assert {"dns": [{"matchPattern": "*"}]} in rules
    assert {"http": [{"method": "GET", "path": "/items"}]} in rules


def test_each_cell_names_what_decides() -> None:
    found = cells(with_(RULE))
    assert found["web -> api TCP/8080"] == "allowed by web-to-api"
    assert found["outside -> api TCP/8080"] == "denied by default-deny, arriving at api"
    assert cells(with_(blocked=[]))["web -> api TCP/8080"] == "allowed by no policy"
    assert cells(with_({**RULE, "http": [{"method": "GET"}]}))["web -> api TCP/8080"] == "partly by web-to-api"


def test_the_difference_says_what_opens_and_what_closes() -> None:
    closed, opening = with_().policies, with_(RULE).policies
    assert closed
    assert opening
    assert difference(opened(closed), opening) == [
        "web -> api TCP/8080: allowed by web-to-api; was denied",
    ]
    assert difference(opened(opening), closed) == [
        "web -> api TCP/8080: denied by default-deny, leaving web; was allowed by web-to-api",
    ]
    assert difference(opened(opening), opening) == []
    assert len(difference(None, closed)) == 2


def out(**keys: Any) -> dict[str, Any]:
    return {"name": "out", "sources": ["web"], "targets": [], "ports": [{"port": 443}], **keys}


def change(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """Return what a preview says of a change of rules."""
    return told(verdicts(with_(*before)), with_(*after))


@pytest.mark.parametrize("end", [{"targets": ["outside"]}, {"target_networks": ["203.0.113.0/24"]}])
@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ([{"port": 443}], [{"port": 443, "last": 500}]),
        ([{"port": 443, "last": 450}], [{"port": 443, "last": 500}]),
        ([{"port": 443}, {"port": 500}], [{"port": 443, "last": 500}]),
    ],
)
def test_a_wider_range_of_ports_is_told(end: dict[str, Any], narrow: list[Any], wide: list[Any]) -> None:
    before, after = out(ports=narrow, **end), out(ports=wide, **end)
    assert any(
        "web -> outside TCP/443-500" in line and "not open as a whole" in line for line in change([before], [after])
    )
    assert change([after], [after]) == []


def test_a_wider_range_of_ports_is_told_between_workloads() -> None:
    two, wide = [{"port": 443}, {"port": 500}], [{"port": 443, "last": 500}]
    assert any("web -> api TCP/443-500" in one for one in change([{**RULE, "ports": two}], [{**RULE, "ports": wide}]))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (out(target_networks=["203.0.113.0/25"]), out(target_networks=["0.0.0.0/0"])),
        (out(target_names=["api.example.com"]), out(target_names=["*.example.com"])),
        (out(targets=["outside"], http=[{"method": "GET"}]), out(targets=["outside"], http=[{}])),
        (
            {**RULE, "sources": [], "source_networks": ["203.0.113.0/25"]},
            {**RULE, "sources": [], "source_networks": ["0.0.0.0/0"]},
        ),
        ({**RULE, "http": [{"method": "GET"}]}, {**RULE, "http": [{"method": "GET"}, {"method": "POST"}]}),
    ],
)
def test_what_is_open_in_part_is_told_when_the_part_grows(narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    assert [line for line in change([narrow], [wide]) if "was so too, to other requests, names or networks" in line]
    assert change([wide], [wide]) == []


def test_rules_in_another_order_change_nothing() -> None:
    parts = [
        out(name="b", target_networks=["203.0.113.0/25"]),
        out(name="a", target_networks=["198.51.100.0/25"]),
        out(name="c", target_names=["api.example.com"]),
    ]
    mixed = [*parts, out(name="d", targets=["outside"], http=[{"method": "GET"}])]
    assert change(parts, parts[::-1]) == change(mixed, mixed[::-1]) == []
    assert change(parts, parts[:2]) != []


def test_a_state_that_kept_no_limits_is_compared_by_what_it_says() -> None:
    site = with_(out(target_names=["api.example.com"]))
    kept = {key: was.partition(LIMITS)[0] for key, was in (verdicts(site) or {}).items()}
    assert kept != verdicts(site)
    assert told(kept, site) == []


def test_ports_are_apart_where_rules_differ_and_dns_keeps_its_own() -> None:
    dns = {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
    asked = {"name": "all", "sources": ["pods"], "targets": ["coredns"], "ports": [{"port": 50, "last": 60}]}
    more = {**asked, "name": "more", "ports": [{"port": 55, "last": 65}, {"protocol": "UDP", "port": 5}]}
    found = matrix(site(put("policies", {"workloads": [dns, WEB], "rules": [asked, more]})).policies)  # type: ignore[arg-type]
    decided = {cell.port: cell.decided for cell in found if (cell.source, cell.target) == ("web", "coredns")}
    assert decided == {
        "TCP/50-52": "all",
        "TCP/53": "all",
        "TCP/54": "all",
        "TCP/55-60": "all, more",
        "TCP/61-65": "more",
        "UDP/5": "more",
    }


def test_the_state_tells_what_was_open_before() -> None:
    urn = f"urn:pulumi:dev::cilium-underlay::{REACH}"
    past = lineage({urn: {"outputs": {"reach": verdicts(with_(RULE))}}})
    assert past.reach == {"web -> api TCP/8080": "allowed by web-to-api"}
    assert told(past.reach, with_(RULE)) == []
    assert told(past.reach, site()) == ["policies: none are declared any more; every pod reaches every pod"]


@pytest.mark.parametrize(
    "change",
    [
        {"labels": {"app": "we\nb"}},
        {"labels": {"app": "x" * 64}},
        {"labels": {"-app": "web"}},
        {"labels": {}},
        {"namespace": "Shop"},
        {"namespace": "../kube-system"},
        {"name": "web; rm"},
        {"ports": [{"port": 0}]},
        {"ports": [{"port": 65536}]},
        {"ports": [{"port": 80, "protocol": "ICMP"}]},
    ],
)
def test_hostile_names_and_selectors_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        site(put("policies", {"workloads": [{**WEB, **change}]}))
    assert refused.value.findings[0].where.startswith("site.policies.workloads.0.")


@pytest.mark.parametrize("name", ["*.exa mple.com", "http://example.com", "a..b", "x" * 256])
def test_hostile_dns_names_are_refused(name: str) -> None:
    with pytest.raises(Refused):
        with_({"name": "out", "sources": ["web"], "target_names": [name], "ports": [{"port": 443}]})


def test_impossible_policies_are_all_found_at_once() -> None:
    wrong = {"name": "r", "sources": ["nobody"], "targets": [], "ports": [{"port": 90, "last": 80}], "http": [{}]}
    found = {one.rule for one in findings(declaration(put("policies", policies(wrong)))) if one.severity == "error"}
    assert found == {
        "policy-workload-unknown",
        "policy-selects-nothing",
        "policy-port-range",
        "policy-http-unenforced",
    }


def test_the_command_prints_the_matrix_the_objects_and_the_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack, before = tmp_path / "Pulumi.new.yaml", tmp_path / "Pulumi.old.yaml"
    for path, rules in ((stack, [RULE]), (before, [])):
        content = {"config": {"cilium-underlay:site": dev(put("policies", policies(*rules)))}}
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert main(["matrix", "--site", str(stack)]) == 0
    assert "web-to-api" in capsys.readouterr().out
    assert main(["matrix", "--site", str(stack), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["cells"]
    assert {
        "source": "web",
        "target": "api",
        "port": "TCP/8080",
        "verdict": "allowed",
        "decided": "web-to-api",
        "limits": "",
    } in shown
    assert main(["matrix", "--site", str(stack), "--objects"]) == 0
    assert len(list(yaml.safe_load_all(capsys.readouterr().out))) == 3
    assert main(["matrix", "--site", str(stack), "--against", str(before)]) == 0
    assert capsys.readouterr().out == "web -> api TCP/8080: allowed by web-to-api; was denied\n"


def test_closing_the_cluster_s_dns_is_found() -> None:
    dns = {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
    metrics = {"name": "metrics", "sources": ["nodes"], "targets": ["coredns"], "ports": [{"port": 9153}]}
    asked: dict[str, Any] = {"name": "dns-for-all", "sources": ["pods"], "targets": ["coredns"]}
    asked["ports"] = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    found = {
        len(rules): [one.rule for one in findings(declaration(put("policies", {"workloads": [dns], "rules": rules})))]
        for rules in ([metrics], [metrics, asked])
    }
    assert "policy-cuts-off-dns" in found[1]
    assert "policy-cuts-off-dns" not in found[2]


def test_what_is_allowed_is_never_cut_on_the_way() -> None:
    """Whatever prefix of the objects exists already, connections that are allowed at the end are allowed."""
    for seed in range(15):
        declared = site(put("policies", random_policies(seed)))
        assert declared.policies
        objects = [one for one in policy_objects(declared) if one["metadata"]["name"] != "underlay-blocked"]
        pods = {one.name: Pod(one.namespace, one.labels) for one in declared.policies.workloads}
        open_cells = [cell for cell in matrix(declared.policies) if cell.verdict == "allowed"]
        for cell in (cell for cell in open_cells if "outside" not in (cell.source, cell.target)):
            for count, (protocol, port) in product(range(len(objects) + 1), probes(cell.port)):
                ends = pods[cell.source], pods[cell.target]
                assert passes(objects[:count], *ends, protocol, port) == "allowed", (seed, str(cell), count)
