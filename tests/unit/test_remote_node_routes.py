"""Routes and reserved ports of a node: ours are told from everybody else's, kept over a restart, and given back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan_sites import dev, put, site
from tests.unit.remote_node import PORTS, Node, Run, runner
from underlay.plan.checks.examples import declared
from underlay.plan.checks.uplinks import DUAL
from underlay.plan.prerequisites import SYSCTL_FILE, node_input

HOPS = ["172.30.1.1"]
POOL = "10.244.0.0/16"
HOOK = "etc/network/if-up.d/underlay"
UNIT = "etc/systemd/system/underlay-routes.service"
LISTED = "4240,4244,9878-9879,9890-9891,9893,9901,9962-9964,30000-32767"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = Node(tmp_path)
    made.data["routes"] = {POOL: HOPS, "172.30.2.0/24": HOPS}
    return made


@pytest.fixture
def run(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setattr("underlay.remote.node_files.run", lambda *_: (0, ""))
    return runner(node, monkeypatch, capsys)


def networkd(node: Node) -> None:
    node.put("sys/class/net/eth0/ifindex", "7\n")
    node.put("run/systemd/netif/links/7", "ADMIN_STATE=up\nNETWORK_FILE=/run/systemd/network/10-netplan-eth0.network\n")


def sign(path: str) -> Any:
    return lambda node: node.put(path, "eth0=eth0\n")


def systemd(node: Node) -> None:
    node.put("run/systemd/system/x", "")


KEEPERS = {
    "ifupdown": (sign("run/network/ifstate"), HOOK, f"give {POOL} 172.30.1.1\n", 0o755),
    "NetworkManager": (
        sign("run/NetworkManager/x"),
        "etc/NetworkManager/dispatcher.d/90-underlay",
        f"give {POOL} 172.30.1.1\n",
        0o755,
    ),
    "systemd-networkd": (
        networkd,
        "etc/systemd/network/10-netplan-eth0.network.d/90-underlay.conf",
        f"[Route]\nDestination={POOL}\nGateway=172.30.1.1\nProtocol=85\nMetric=85\n",
        0o644,
    ),
    "systemd alone": (systemd, UNIT, "ExecStart=/bin/sh /etc/underlay/routes\n", 0o644),
}


@pytest.mark.parametrize("name", KEEPERS)
def test_routes_are_written_kept_by_the_node_s_own_service_and_given_back(node: Node, run: Run, name: str) -> None:
    service, path, words, mode = KEEPERS[name]
    service(node)
    before, folders, routes = node.files(), node.folders(), list(node.routes)
    assert run("apply")[0] == 0
    assert {row["dst"] for row in node.routes if row["protocol"] == "85"} == {POOL, "172.30.2.0/24"}
    assert words in node.files()[path]
    assert (node.root / path).stat().st_mode & 0o777 == mode
    assert (run("look")[0], run("apply")[1]["changed"]) == (0, [])
    assert run("remove")[0] == 0
    assert (node.files(), node.folders(), node.routes) == (before, folders, routes)


DRIFTS: dict[str, tuple[Any, str, str]] = {
    "a route that is lost": (lambda node: node.ask("ip", "-4", "route", "del", POOL), "route-drifted", "found none"),
    "a route that leads elsewhere": (
        lambda node: node.ask("ip", "-4", "route", "replace", POOL, "via", "172.30.1.9"),
        "route-drifted",
        "found via 172.30.1.9; expected via 172.30.1.1",
    ),
    "a route that is ours no longer": (
        lambda node: node.ask("ip", "-4", "route", "replace", "192.0.2.0/24", "via", "172.30.1.1"),
        "route-drifted",
        "expected none of ours",
    ),
    "a script that cannot be run": (lambda node: (node.root / HOOK).chmod(0o644), "file-drifted", "found mode 644"),
    "a script that is gone": (lambda node: (node.root / HOOK).unlink(), "file-drifted", "found no file"),
    "ports that the kernel lends": (
        lambda node: node.put(PORTS, "4240,30000-32767\n"),
        "setting-drifted",
        "found without 4244,9878-9879",
    ),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_what_is_lost_is_found_and_written_again(node: Node, run: Run, name: str) -> None:
    harm, rule, words = DRIFTS[name]
    sign("run/network/ifstate")(node)
    run("apply")
    applied_files, applied_routes = node.files(), node.routes
    harm(node)
    code, result, err = run("look")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, [rule])
    assert words in err
    assert run("apply")[0] == 0
    assert node.files() == applied_files
    assert sorted(row["dst"] for row in node.routes) == sorted(row["dst"] for row in applied_routes)


def test_a_route_that_the_kernel_refuses_is_told(node: Node, run: Run) -> None:
    sign("run/network/ifstate")(node)
    node.data["routes"] = {POOL: ["192.0.2.1"]}
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["route-refused"])


@pytest.mark.parametrize("action", ["apply", "remove"])
@pytest.mark.parametrize(("stays", "rules"), [(True, ["route-refused"]), (False, [])], ids=["held", "gone meanwhile"])
def test_a_route_that_the_kernel_keeps_is_told(
    node: Node, run: Run, action: str, stays: bool, rules: list[str]
) -> None:
    sign("run/network/ifstate")(node)
    run("apply")
    del node.data["routes"][POOL]
    ask = node.ask

    def refuse(*words: str) -> tuple[int, str]:
        if "del" not in words:
            return ask(*words)
        return (2, "RTNETLINK answers: Operation not permitted") if stays else (ask(*words)[0] or 2, "No such process")

    node.ask = refuse  # type: ignore[method-assign]
    code, result, _ = run(action)
    assert (code, [finding["rule"] for finding in result["findings"]]) == (len(rules), rules)


def test_routes_of_ours_are_judged_by_where_pods_leave_after_they_are_written(node: Node, run: Run) -> None:
    sign("run/network/ifstate")(node)
    run("apply")
    node.routes[:] = [row for row in node.routes if row["dst"] != POOL]
    node.answers["route get"] = [{"dev": "mgmt0"}]
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["pod-route-not-by-uplink"])
    assert POOL in {row["dst"] for row in node.routes}


def test_routes_of_a_first_apply_that_do_not_lead_pods_out_are_taken_back(node: Node, run: Run) -> None:
    sign("run/network/ifstate")(node)
    node.answers["route get"] = [{"dev": "mgmt0"}]
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["pod-route-not-by-uplink"])
    assert "taken back" in result["findings"][0]["fix"]
    assert POOL not in {row["dst"] for row in node.routes}


@pytest.mark.parametrize("name", KEEPERS)
def test_systemd_brings_routes_back_beside_a_service_that_may_leave_the_uplinks_alone(
    node: Node, run: Run, name: str
) -> None:
    service, path, *_ = KEEPERS[name]
    service(node)
    systemd(node)
    assert run("apply")[0] == 0
    assert {path, UNIT, "etc/underlay/routes"} <= set(node.files())


def test_a_node_that_changes_its_service_keeps_one_file_and_one_that_has_its_own_routes_none(
    node: Node, run: Run
) -> None:
    systemd(node)
    run("apply")
    (node.root / "run/systemd/system/x").unlink()
    (node.root / "run/systemd/system").rmdir()
    sign("run/network/ifstate")(node)
    assert f"/{UNIT} removed" in run("apply")[1]["changed"]
    assert HOOK in node.files()
    node.data["routes"] = {}
    assert {f"/{HOOK} removed", f"route to {POOL} removed"} <= set(run("apply")[1]["changed"])


@pytest.mark.parametrize(
    "own",
    [[], [{"dst": "default", "gateway": "172.30.1.254", "protocol": "static"}], [{"dst": "192.0.2.0/24"}]],
    ids=["none", "by another router", "to somewhere else"],
)
def test_the_last_routes_of_ours_stay_until_the_node_has_its_own(node: Node, run: Run, own: list[Any]) -> None:
    sign("run/network/ifstate")(node)
    run("apply")
    node.data["routes"] = {}
    node.routes = [*(row for row in node.routes if row["protocol"] == "85"), *({"protocol": "x", **row} for row in own)]
    routes, files = list(node.routes), node.files()
    code, result, err = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["pod-route-not-by-gateway"])
    assert "expected a route of the node's own via 172.30.1.1" in err
    assert (node.routes, node.files()) == (routes, files)


def test_a_node_that_gets_its_own_routes_is_judged_by_where_pods_leave_after_ours_are_gone(
    node: Node, run: Run
) -> None:
    sign("run/network/ifstate")(node)
    run("apply")
    node.data["routes"] = {}
    ask = node.ask

    def lost(*words: str) -> tuple[int, str]:
        if "get" in words and not any(row["protocol"] == "85" for row in node.routes):
            return 0, "[]"
        return ask(*words)

    node.ask = lost  # type: ignore[method-assign]
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["pod-route-not-by-uplink"])


def test_a_foreign_script_stays(node: Node, run: Run) -> None:
    sign("run/network/ifstate")(node)
    node.put(HOOK, "#!/bin/sh\n# the image's own\n")
    before = node.files()
    code, result, _ = run("apply")
    assert (code, [finding["rule"] for finding in result["findings"]]) == (1, ["foreign-file"])
    assert node.files() == before


MERGED = {
    "nothing before": ("", "", LISTED),
    "an administrator's own ports": ("8080\n", "", LISTED.replace("9878", "8080,9878")),
    "ports of ours already": ("30000-32767\n", "", LISTED),
    "ports in a file": (
        "",
        "net.ipv4.ip_local_reserved_ports = 8080, 8081\n",
        LISTED.replace("9878", "8080-8081,9878"),
    ),
}


@pytest.mark.parametrize("name", MERGED)
def test_reserved_ports_are_merged_and_taken_back_exactly(node: Node, run: Run, name: str) -> None:
    live, text, kept = MERGED[name]
    node.data["routes"] = {}
    node.put(PORTS, live or "\n")
    node.put("etc/sysctl.d/50-site.conf", text)
    before = node.files()
    assert run("apply")[0] == 0
    assert f"net/ipv4/ip_local_reserved_ports = {kept}\n" in node.files()[SYSCTL_FILE[1:]]
    assert (run("look")[0], run("apply")[1]["changed"]) == (0, [])
    run("remove")
    assert node.files() == before


def test_ports_that_the_site_needs_no_longer_are_taken_back_too(node: Node, run: Run) -> None:
    node.data["routes"] = {}
    before = node.files()
    run("apply")
    node.data["reserved"][-1] = [31000, 31999]
    run("apply")
    run("apply")
    run("remove")
    assert node.files() == before


def test_ports_that_somebody_reserves_later_stay(node: Node, run: Run) -> None:
    node.data["routes"] = {}
    run("apply")
    node.put(PORTS, f"8080,{LISTED}\n")
    assert run("look")[0] == 0
    run("remove")
    assert node.files()[PORTS] == "8080\n"


def test_the_stack_gives_routes_where_it_is_declared_and_only_beyond_the_rack() -> None:
    own, ours = site(), site(put("racks.1.routes", "stack"))
    assert node_input(own, own.node("worker-2"))["routes"] == {}
    assert node_input(ours, ours.node("worker-1"))["routes"] == {}
    hops = ["172.30.2.1"]
    wanted = ["10.244.0.0/16", "172.30.1.0/24", "172.30.255.0/24", "203.0.113.0/24"]
    assert node_input(ours, ours.node("worker-2"))["routes"] == dict.fromkeys(wanted, hops)


def test_a_rack_with_several_routers_gets_all_of_them_as_next_hops() -> None:
    both = declared(dev(), {**DUAL, "racks.1.routes": "stack"}).site
    assert node_input(both, both.node("worker-2"))["routes"][POOL] == ["172.30.2.1", "172.30.3.1"]


def test_declared_node_ports_are_the_ones_that_are_reserved() -> None:
    other = site(put("cilium.load_balancing.node_ports", {"first": 31000, "last": 31999}))
    assert node_input(other, other.node("worker-2"))["reserved"][-1] == [31000, 31999]
